"""Compiled sums over the last w slices: (B, T) in, (B, T) out, NaN before there are w and where one of them is NaN.

Each output is summed afresh in a fixed order, never carried along as a running total, so it depends on its w inputs alone,
to the last bit. The inner loops run along T, which the compiler turns into vector instructions without reordering a sum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.compiled import njit
from engine.types import Bools, Floats
from signals.features import decay

FLAT = 1e-20  # a variance below this share of the squared mean is rounding
TILE = 512  # outputs per inner loop: they stay in the first-level cache


@njit()
def _total(x: Floats, w: int, out: Floats) -> None:
    n, length = x.shape
    for i in range(n):
        row, to = x[i], out[i]
        for a in range(w - 1, length, TILE):
            b = min(a + TILE, length)
            acc = to[a:b]
            acc[:] = 0.0
            for k in range(w):
                xs = row[a - w + 1 + k : b - w + 1 + k]
                for j in range(b - a):
                    acc[j] += xs[j]


@njit()
def _weighted(x: Floats, weights: Floats, out: Floats) -> None:
    n, length = x.shape
    w = len(weights)
    for i in range(n):
        row, to = x[i], out[i]
        for a in range(w - 1, length, TILE):
            b = min(a + TILE, length)
            acc = to[a:b]
            acc[:] = 0.0
            for k in range(w):
                xs, weight = row[a - w + 1 + k : b - w + 1 + k], weights[k]
                for j in range(b - a):
                    acc[j] += weight * xs[j]


@njit()
def _squares(x: Floats, mean: Floats, w: int, out: Floats) -> None:
    n, length = x.shape
    for i in range(n):
        row, to, centre = x[i], out[i], mean[i]
        for a in range(w - 1, length, TILE):
            b = min(a + TILE, length)
            acc, c = to[a:b], centre[a:b]
            acc[:] = 0.0
            for k in range(w):
                xs = row[a - w + 1 + k : b - w + 1 + k]
                for j in range(b - a):
                    d = xs[j] - c[j]
                    acc[j] += d * d


@njit()
def _highest(x: Floats, w: int, out: Floats) -> None:
    n, length = x.shape
    for i in range(n):
        row, to = x[i], out[i]
        for a in range(w - 1, length, TILE):
            b = min(a + TILE, length)
            acc = to[a:b]
            acc[:] = -np.inf
            for k in range(w):
                xs = row[a - w + 1 + k : b - w + 1 + k]
                for j in range(b - a):
                    acc[j] = acc[j] if acc[j] > xs[j] or acc[j] != acc[j] else xs[j]


@njit()
def _products(x: Floats, y: Floats, x_mean: Floats, y_mean: Floats, w: int, out: Floats) -> None:
    """Sum of (x - x_mean) (y - y_mean) over the last w; `y` may have one row for all of `x`."""
    n, length = x.shape
    for i in range(n):
        xr, yr, xm, ym, to = x[i], y[i % len(y)], x_mean[i], y_mean[i % len(y)], out[i]
        for a in range(w - 1, length, TILE):
            b = min(a + TILE, length)
            acc, xc, yc = to[a:b], xm[a:b], ym[a:b]
            acc[:] = 0.0
            for k in range(w):
                xs, ys = xr[a - w + 1 + k : b - w + 1 + k], yr[a - w + 1 + k : b - w + 1 + k]
                for j in range(b - a):
                    acc[j] += (xs[j] - xc[j]) * (ys[j] - yc[j])


@njit()
def _log(x: Floats, out: Floats) -> None:
    for i in range(x.shape[0]):
        for t in range(x.shape[1]):
            out[i, t] = math.log(x[i, t]) if x[i, t] > 0.0 else np.nan


def _blank(x: Floats, w: int) -> Floats:
    out = np.empty_like(x)
    out[:, : w - 1] = np.nan
    return out


def total(x: Floats, w: int) -> Floats:
    """Sum of the last `w`, oldest first."""
    out = _blank(x, w)
    _total(x, w, out)
    return out


def mean(x: Floats, w: int) -> Floats:
    return total(x, w) / w


def std(x: Floats, w: int, ddof: int = 1) -> Floats:
    """Standard deviation of the last `w`, in two passes: exactly 0 where they are all 0."""
    out = _blank(x, w)
    _squares(x, mean(x, w), w, out)
    out /= w - ddof
    return np.sqrt(out, out=out)


def weighted(x: Floats, weights: Floats) -> Floats:
    """Sum of weights[k] x[t - len + 1 + k]: the last weight goes with now."""
    out = _blank(x, len(weights))
    _weighted(x, weights, out)
    return out


def log(x: Floats) -> Floats:
    """Natural logarithm, NaN where x is not above 0; element by element, so that its bits do not depend on its place."""
    out = np.empty_like(x)
    _log(x, out)
    return out


def exponential(x: Floats, alpha: float) -> Floats:
    """Exponential mean over `decay.taps` slices."""
    return weighted(x, np.array(decay.weights(alpha)))


def correlation(x: Floats, y: Floats, w: int) -> Floats:
    """Pearson's over the last `w` of (B, T) `x` and (B or 1, T) `y`; NaN where one of them does not vary."""
    mx, my = mean(x, w), mean(y, w)
    xy, xx, yy = _blank(x, w), _blank(x, w), _blank(y, w)
    _products(x, y, mx, my, w, xy)
    _squares(x, mx, w, xx)
    _squares(y, my, w, yy)
    out = xy / np.sqrt(xx * yy)
    return np.where((xx <= w * FLAT * mx * mx) | (yy <= w * FLAT * my * my), np.nan, np.clip(out, -1.0, 1.0))


def highest(x: Floats, w: int) -> Floats:
    out = _blank(x, w)
    _highest(x, w, out)
    return out


def lowest(x: Floats, w: int) -> Floats:
    return -highest(-x, w)


def lag(x: Floats, k: int) -> Floats:
    """x of `k` slices ago."""
    out = np.full_like(x, np.nan)
    if k < x.shape[1]:
        out[:, k:] = x[:, : x.shape[1] - k]
    return out


@njit()
def carry(close: Floats, volume: Floats, prices: Floats, most: int) -> None:
    """Fill missing bars of (B, T) `close`, `volume` and (P, B, T) `prices`: the last close, volume 0, `most` in a row."""
    for i in range(close.shape[0]):
        last, gone = np.nan, 0
        for t in range(close.shape[1]):
            if math.isfinite(close[i, t]):
                last, gone = close[i, t], 0
                continue
            gone += 1
            close[i, t] = volume[i, t] = np.nan
            if gone <= most and not math.isnan(last):
                close[i, t] = last
                volume[i, t] = 0.0
            for p in range(prices.shape[0]):
                prices[p, i, t] = close[i, t]


@njit()
def emit(x: Floats, exists: Bools, column: int, out: Any) -> None:
    """Write (B, T) `x` into (B, T, F) float32 `out` at `column`: NaN where there is no bar or no finite number."""
    for i in range(x.shape[0]):
        for t in range(x.shape[1]):
            value = np.float32(x[i, t])
            out[i, t, column] = value if exists[i, t] and math.isfinite(value) else np.float32(np.nan)


@njit()
def ordered_mean(x: Floats, out: Floats) -> None:
    """Mean over each row of (T, N) `x`, whose rows ascend with NaN last; NaN for a row without numbers."""
    for t in range(x.shape[0]):
        total, n = 0.0, 0
        for i in range(x.shape[1]):
            if math.isnan(x[t, i]):
                break
            total += x[t, i]
            n += 1
        out[t] = total / n if n else np.nan
