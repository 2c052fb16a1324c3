"""Child of the training case: an epoch of one recipe on random features of 500 names x 24 years, timed after one that warms up.

Arguments: recipe, precision, windows an epoch, overrides. Prints one JSON document.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from signals import models
from signals.features import feature_set
from signals.training import fitting, loop, source, splits
from signals.training.labels import Labels
from signals.training.loop import Lesson
from signals.training.material import Material, of_arrays
from signals.training.recipe import Recipe, read

NAMES, SLICES = 500, 6048


def material(folder: Path, recipe: Recipe) -> Material:
    """Random features in a mapped file, as the store keeps real ones, and random labels of the recipe's kind."""
    columns = feature_set(recipe.features).columns
    shape = (1 if recipe.per_symbol else NAMES, SLICES, len(columns))
    values = np.lib.format.open_memmap(folder / "values.npy", mode="w+", dtype=np.float32, shape=shape)
    rng = np.random.default_rng(0)
    for k in range(len(values)):
        values[k] = rng.standard_normal(shape[1:], dtype=np.float32)
    values.flush()
    kept = np.load(folder / "values.npy", mmap_mode="r")
    noise = rng.standard_normal(shape[1::-1])
    label = (noise > 0).astype(np.float64) if recipe.unit == "probability" else 0.02 * noise
    found = Labels(label, label, recipe.embargo, recipe.label.kind, recipe.label.target)
    return of_arrays(kept, found, recipe.window, np.busday_offset(np.datetime64("2001-01-01"), np.arange(SLICES)))


def main() -> None:
    path, precision, windows, *sets = sys.argv[1:]
    recipe = read(path, [*sets, f"training.precision={precision}", f"training.max_windows_per_epoch={windows}"])
    rules = recipe.training
    torch.set_num_threads(rules.threads)
    with tempfile.TemporaryDirectory() as folder:
        made = material(Path(folder), recipe)
        split = splits.by_share(
            splits.Span(recipe.window, SLICES), {"train": 0.6, "validation": 0.2, "test": 0.2}, recipe.embargo
        )
        scaler = fitting.scaling.fit(recipe.scaler.kind, fitting.scaled_rows(made, split), fitting.winsor(recipe))
        learned = fitting.samples(made, recipe, split.train, 1)
        net = models.build(models.parse({**fitting.described(recipe), "inputs": len(made.columns)}).model_dump(), 1)
        windows_of = source.Source(made.values, scaler, recipe.window, source.device_of("cpu"))
        lesson = Lesson(learned, learned, windows_of, made.known, recipe.by_date)
        objective, adam = fitting.objective_of(recipe, 0.02), loop.optimiser(net, rules)
        took, seen = 0.0, 0
        for epoch in range(2):
            begun = time.perf_counter()
            seen = int(loop.learn(net, lesson, objective, rules, adam, 1, epoch)["windows"])
            took = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    told = {"windows": seen, "seconds": took, "peak": peak, "parameters": models.parameters(net)}
    print(json.dumps({**told, "shape": f"{recipe.window} x {len(made.columns)}"}))


if __name__ == "__main__":
    main()
