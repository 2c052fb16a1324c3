"""Rules that turn forecasts into targets: threshold and quintile, each a compiled kernel with its parameters."""
