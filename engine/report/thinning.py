"""Fewer points with the same shape: what is drawn of a million bars is a few thousand points."""

from __future__ import annotations

import numpy as np

from engine.types import Floats, Ints

POINTS = 2000  # of a line; a screen is hardly wider
CANDLES = 1500


def thin(values: Floats, points: int = POINTS) -> Ints:
    """(K,) rising rows of (T,) `values` to draw: all, or the lowest and highest of equal buckets with the first and last.

    K is at most points + 2. NaN never is a lowest or highest; a bucket of nothing else gives no row.
    """
    count = len(values)
    if count <= points:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, max(points // 2, 1) + 1).astype(np.int64)[:-1]
    low = np.where(np.isnan(values), np.inf, values)
    high = np.where(np.isnan(values), -np.inf, values)
    rows = np.concatenate([[0, count - 1], _places(low, edges, np.minimum), _places(high, edges, np.maximum)])
    return np.unique(rows).astype(np.int64)


def _places(values: Floats, edges: Ints, best: np.ufunc) -> Ints:
    """The first row in each bucket that holds its extreme, buckets without a finite value left out."""
    extremes = best.reduceat(values, edges)
    bucket = np.repeat(np.arange(len(edges)), np.diff(np.append(edges, len(values))))
    hits = np.flatnonzero((values == extremes[bucket]) & np.isfinite(values))
    _, first = np.unique(bucket[hits], return_index=True)
    return np.asarray(hits[first], dtype=np.int64)


def averaged(values: Floats, points: int) -> tuple[Ints, Floats]:
    """((K,) middle rows, means of what is known) of at most `points` equal buckets of (T,) values; NaN where nothing is."""
    first, size = grouped(len(values), points)
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values, 0.0), first)
    count = np.add.reduceat(known.astype(np.float64), first)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(count > 0, total / count, np.nan)
    return np.minimum(first + size // 2, len(values) - 1), means


def grouped(count: int, most: int = CANDLES) -> tuple[Ints, int]:
    """((K,) first bars of groups, bars in a group): `count` bars in order as at most `most` equal groups."""
    size = max(1, -(-count // most))
    return np.arange(0, count, size, dtype=np.int64), size


def candles(
    open: Floats, high: Floats, low: Floats, close: Floats, first: Ints
) -> tuple[Floats, Floats, Floats, Floats]:
    """(open, high, low, close) of groups of bars that start at `first`: first open, highest, lowest, last close.

    A missing open, high or low of a bar is taken from what is known of it; bars without a close are not given here.
    """
    opening = np.where(np.isnan(open), close, open)
    top = np.fmax(np.fmax(high, opening), close)
    bottom = np.fmin(np.fmin(low, opening), close)
    last = np.append(first[1:], len(close)) - 1
    return opening[first], np.maximum.reduceat(top, first), np.minimum.reduceat(bottom, first), close[last]
