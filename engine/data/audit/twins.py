"""Bars that are another instrument's, to the last digit: which rows are shared, and by whom."""

from __future__ import annotations

import numpy as np

from engine.types import Bools, Floats, Ints

MIX = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio in 64 bits: spreads neighbouring keys
BESIDE = 4  # rows on either side that say an instrument's level
ALIAS = 0.05  # two instruments that share more of their bars are one company


def twins(bounds: Ints, stamp: Ints, columns: dict[str, Floats]) -> dict[int, int]:
    """Row -> the row of another instrument whose bar it is: same time, prices and volume, and nearer to that one's level.

    Bars without range or volume say nothing; neither do instruments that share their bars as a habit.
    """
    names = [name for name in ("open", "high", "low", "close", "volume") if name in columns]
    if len(names) < 4 or "volume" not in names or len(bounds) < 3:
        return {}
    pairs = _pairs(np.flatnonzero(_telling(columns)), stamp, [columns[name] for name in names])
    owner = np.searchsorted(bounds, pairs, side="right") - 1
    out: dict[int, int] = {}
    for pair in _strangers(pairs[owner[:, 0] != owner[:, 1]], bounds).tolist():
        away = [_away(row, bounds, columns["close"]) for row in pair]
        wrong = int(away[1] > away[0])
        out[pair[wrong]] = pair[1 - wrong]
    return out


def _pairs(row: Ints, stamp: Ints, values: list[Floats]) -> np.ndarray:
    """(P, 2) neighbouring rows, by hash, that agree in time and every value."""
    key = stamp[row].astype(np.uint64) * MIX
    for column in values:
        key = (key ^ column[row].view(np.uint64)) * MIX
        key ^= key >> np.uint64(29)
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    return np.stack((row[order[:-1][same]], row[order[1:][same]]), axis=1)


def _telling(columns: dict[str, Floats]) -> Bools:
    out = (columns["volume"] > 0.0) & (columns["close"] > 0.0)
    if "high" in columns and "low" in columns:
        out &= columns["high"] > columns["low"]
    return np.asarray(out)


def _strangers(pairs: np.ndarray, bounds: Ints) -> np.ndarray:
    """The pairs whose two instruments do not share their bars as a habit."""
    if not len(pairs):
        return pairs
    owner = np.searchsorted(bounds, pairs, side="right") - 1
    _, place, count = np.unique(owner[:, 0] * len(bounds) + owner[:, 1], return_inverse=True, return_counts=True)
    lives = np.diff(bounds)
    shared = count[place] / np.minimum(lives[owner[:, 0]], lives[owner[:, 1]])
    return np.asarray(pairs[(shared < ALIAS) | (count[place] == 1)])


def _away(row: int, bounds: Ints, close: Floats) -> float:
    """How far, in log, the close of a row is from its neighbours' median; 0 where it has none."""
    owner = int(np.searchsorted(bounds, row, side="right")) - 1
    low, high = max(int(bounds[owner]), row - BESIDE), min(int(bounds[owner + 1]), row + BESIDE + 1)
    near = np.concatenate((close[low:row], close[row + 1 : high]))
    near = near[near > 0.0]
    return float(abs(np.log(close[row] / np.median(near)))) if len(near) else 0.0
