"""Small material for the tests of training: labels that follow from features, and a market in which the truth is known."""

from __future__ import annotations

import numpy as np

from engine.markets import simulate
from signals.training.labels import Labels, labels
from signals.training.material import Material, of_arrays
from signals.training.recipe import Recipe, read

WINDOW = 8


def material(names: int = 12, slices: int = 120, seed: int = 1, window: int = WINDOW) -> Material:
    """Two random features; the label is the first one's last value and noise."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((names, slices, 2)).astype(np.float32)
    label = 0.01 * (values[:, :, 0].T + rng.standard_normal((slices, names)))
    label[-2:] = np.nan
    return of_arrays(values, Labels(label, label, 2, "open_to_open", "return"), window, days(slices))


def days(count: int, first: str = "2010-01-04") -> np.ndarray:
    return np.busday_offset(np.datetime64(first), np.arange(count))


def recipe(sets: list[str] | None = None, **changes) -> Recipe:
    said = {
        "name": "small",
        "data": {"source": "packaged", "name": "us20"},
        "features": "given",
        "window": WINDOW,
        "model": {"kind": "rank", "hidden": 6, "layers": 2, "dropout": 0.2},
        "loss": {"kind": "rank"},
        "calibrate": "affine",
        "training": {"epochs": 5, "dates_per_batch": 8, "threads": 1, "patience": 5},
        "seed": 3,
    }
    return read({**said, **changes}, sets or [])


def market(shape: str, ic: float, seed: int, names: int = 100, slices: int = 1000, window: int = 40, **more):
    """(material, oracle (T, N)) of a plain market whose driver can be seen."""
    signal = {"shape": shape, "ic": ic}
    made = simulate(
        {"name": "planted", "seed": seed, "names": names, "bars": slices, "mode": "plain", "signal": signal, **more}
    )
    values = np.ascontiguousarray(made.block.driver.astype(np.float32)[:, :, None])
    panel = made.panel()
    return values, panel, made.oracle


def learnable(values, panel, window: int, target: str = "return") -> Material:
    return of_arrays(values, labels(panel.adjusted, target=target), window, panel.sessions)
