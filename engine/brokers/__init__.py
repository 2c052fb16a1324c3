"""Brokers of paper sessions: `simulated` is the step's own fills; a mirror repeats them at a venue and reports the difference."""
