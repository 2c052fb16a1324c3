"""From a recipe to model folders: labels, splits, batches, the loop, walk-forward, and the baselines beside them."""
