"""Bars that are another instrument's, to the last digit: which rows are shared, and by whom."""

from __future__ import annotations

import numpy as np

from engine.types import Bools, Floats, Ints

MIX = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio in 64 bits: spreads neighbouring keys
ALIAS = 0.05  # two instruments that share more of their bars are one company


def twins(bounds: Ints, stamp: Ints, columns: dict[str, Floats]) -> dict[int, list[int]]:
    """Row -> rows of other instruments with the same time, prices and volume; bars without range or volume say nothing."""
    names = [name for name in ("open", "high", "low", "close", "volume") if name in columns]
    if len(names) < 4 or "volume" not in names or len(bounds) < 3:
        return {}
    telling = _telling(columns)
    row = np.flatnonzero(telling)
    key = stamp[row].astype(np.uint64) * MIX
    for name in names:
        key = (key ^ columns[name][row].view(np.uint64)) * MIX
        key ^= key >> np.uint64(29)
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    pairs = np.stack((row[order[:-1][same]], row[order[1:][same]]), axis=1)
    owner = np.searchsorted(bounds, pairs, side="right") - 1
    return _strangers(pairs[owner[:, 0] != owner[:, 1]], bounds)


def _telling(columns: dict[str, Floats]) -> Bools:
    out = (columns["volume"] > 0.0) & (columns["close"] > 0.0)
    if "high" in columns and "low" in columns:
        out &= columns["high"] > columns["low"]
    return np.asarray(out)


def _strangers(pairs: np.ndarray, bounds: Ints) -> dict[int, list[int]]:
    """The pairs whose two instruments do not share their bars as a habit."""
    if not len(pairs):
        return {}
    owner = np.searchsorted(bounds, pairs, side="right") - 1
    couple = owner[:, 0] * len(bounds) + owner[:, 1]
    _, place, count = np.unique(couple, return_inverse=True, return_counts=True)
    lives = np.diff(bounds)
    shared = count[place] / np.minimum(lives[owner[:, 0]], lives[owner[:, 1]])
    out: dict[int, list[int]] = {}
    for one, other in pairs[(shared < ALIAS) | (count[place] == 1)].tolist():
        out.setdefault(one, []).append(other)
        out.setdefault(other, []).append(one)
    return out
