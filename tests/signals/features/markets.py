"""Random bars with holes, a late listing, a death, and an instrument without a single bar."""

from __future__ import annotations

import numpy as np

from engine.types import Window

KEYS = ("open", "high", "low", "close", "volume")


def bars(length: int, n: int = 6, seed: int = 5, holes: float = 0.01) -> Window:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, 0.02, (length, n)).cumsum(axis=0))
    open_ = close * np.exp(rng.normal(0, 0.005, close.shape))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.005, close.shape)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.005, close.shape)))
    volume = np.round(rng.lognormal(12, 0.5, close.shape))
    gone = rng.random(close.shape) < holes
    gone[:, 0] = False  # one instrument without a hole
    late, dead, never = (k if k < n else slice(0, 0) for k in (1, 2, 3))
    gone[: length // 3, late] = True  # listed late
    gone[length * 9 // 10 :, dead] = True  # died
    gone[:, never] = True  # never traded
    arrays = [np.where(gone, np.nan, array) for array in (open_, high, low, close, volume)]
    sector = np.array([(0, 1, -1)[k % 3] for k in range(n)], np.int64)
    return Window(tuple(f"S{k:03d}" for k in range(n)), np.arange(length), *arrays, sector)


def columns(window: Window, order: list[int]) -> Window:
    symbols = tuple(window.symbols[k] for k in order)
    bars = (np.ascontiguousarray(getattr(window, key)[:, order]) for key in KEYS)
    return Window(symbols, window.times, *bars, None if window.sector is None else window.sector[order])
