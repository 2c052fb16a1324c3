"""Sweeps: one configuration under every combination of a grid, over processes that may die, and where its plateau lies."""
