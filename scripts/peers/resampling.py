"""The stationary bootstrap three ways: ours, the loop that arch offers, and plain NumPy. All draw afresh from the same law."""

from __future__ import annotations

import numpy as np

TOLD = ("growth", "drawdown", "sharpe")  # of each path; Sharpe per bar
ROWS = 100  # paths that NumPy holds at once


def ours(values: np.ndarray, block: float, reps: int) -> np.ndarray:
    """(reps, 3) as barcast overfitting works it out."""
    from risk.overfitting import histories

    told = histories(values, reps, 0, block)
    return np.column_stack([getattr(told, name) for name in TOLD])


def arch(values: np.ndarray, block: float, reps: int) -> np.ndarray:
    """(reps, 3) by StationaryBootstrap.apply, which calls a function for each path."""
    from arch.bootstrap import StationaryBootstrap

    def of_path(path: np.ndarray) -> np.ndarray:
        wealth = np.cumprod(1.0 + path)
        peak = np.maximum(np.maximum.accumulate(wealth), 1.0)
        return np.array([wealth[-1], (wealth / peak).min() - 1.0, path.mean() / path.std(ddof=1)])

    return np.asarray(StationaryBootstrap(block, values, seed=np.random.default_rng(0)).apply(of_path, reps))


def numpy(values: np.ndarray, block: float, reps: int) -> np.ndarray:
    """(reps, 3) on whole arrays of ROWS paths: a block begins where a draw says so, and goes round the end."""
    rng, count = np.random.default_rng(0), len(values)
    column = np.arange(count)
    out = []
    for first in range(0, reps, ROWS):
        some = min(ROWS, reps - first)
        begins = rng.random((some, count)) < 1.0 / block
        begins[:, 0] = True
        since = np.maximum.accumulate(np.where(begins, column, 0), axis=1)
        starts = np.take_along_axis(rng.integers(0, count, (some, count)), since, axis=1)
        path = values[(starts + column - since) % count]
        wealth = np.cumprod(1.0 + path, axis=1)
        peak = np.maximum(np.maximum.accumulate(wealth, axis=1), 1.0)
        fall = (wealth / peak).min(axis=1) - 1.0
        out.append(np.column_stack([wealth[:, -1], fall, path.mean(axis=1) / path.std(axis=1, ddof=1)]))
    return np.concatenate(out)
