"""Compiled sums over the last w slices: (B, T) in, (B, T) out, NaN before there are w and where one of them is NaN.

Each output is summed afresh in a fixed order, never carried along as a running total, so it depends on its w inputs alone,
to the last bit. The inner loops run along T, which the compiler turns into vector instructions without reordering a sum;
four terms at a time spare it most of the loads and stores.
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
            k = 0
            while k + 4 <= w:
                xs = row[a - w + 1 + k : b - w + 4 + k]
                for j in range(b - a):
                    acc[j] = acc[j] + xs[j] + xs[j + 1] + xs[j + 2] + xs[j + 3]
                k += 4
            for rest in range(k, w):
                xs = row[a - w + 1 + rest : b - w + 1 + rest]
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
            k = 0
            while k + 4 <= w:
                xs = row[a - w + 1 + k : b - w + 4 + k]
                w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
                for j in range(b - a):
                    acc[j] = acc[j] + w0 * xs[j] + w1 * xs[j + 1] + w2 * xs[j + 2] + w3 * xs[j + 3]
                k += 4
            for rest in range(k, w):
                xs, weight = row[a - w + 1 + rest : b - w + 1 + rest], weights[rest]
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
            k = 0
            while k + 4 <= w:
                xs = row[a - w + 1 + k : b - w + 4 + k]
                for j in range(b - a):
                    d0, d1, d2, d3 = xs[j] - c[j], xs[j + 1] - c[j], xs[j + 2] - c[j], xs[j + 3] - c[j]
                    acc[j] = acc[j] + d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
                k += 4
            for rest in range(k, w):
                xs = row[a - w + 1 + rest : b - w + 1 + rest]
                for j in range(b - a):
                    d = xs[j] - c[j]
                    acc[j] += d * d


@njit()
def _higher(x: Floats, k: int, out: Floats) -> None:
    """The higher of now and k slices ago; NaN if one of them is."""
    for i in range(x.shape[0]):
        to, now, ago = out[i, k:], x[i, k:], x[i]
        out[i, :k] = np.nan
        for j in range(len(to)):
            to[j] = ago[j] if ago[j] > now[j] or ago[j] != ago[j] else now[j]


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
            k = 0
            while k + 4 <= w:
                xs, ys = xr[a - w + 1 + k : b - w + 4 + k], yr[a - w + 1 + k : b - w + 4 + k]
                for j in range(b - a):
                    d0, d1 = (xs[j] - xc[j]) * (ys[j] - yc[j]), (xs[j + 1] - xc[j]) * (ys[j + 1] - yc[j])
                    d2, d3 = (xs[j + 2] - xc[j]) * (ys[j + 2] - yc[j]), (xs[j + 3] - xc[j]) * (ys[j + 3] - yc[j])
                    acc[j] = acc[j] + d0 + d1 + d2 + d3
                k += 4
            for rest in range(k, w):
                xs, ys = xr[a - w + 1 + rest : b - w + 1 + rest], yr[a - w + 1 + rest : b - w + 1 + rest]
                for j in range(b - a):
                    acc[j] += (xs[j] - xc[j]) * (ys[j] - yc[j])


@njit()
def _absolute(x: Floats, mean: Floats, w: int, out: Floats) -> None:
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
                    acc[j] += abs(xs[j] - c[j])


@njit()
def _since_highest(x: Floats, w: int, out: Floats) -> None:
    for i in range(x.shape[0]):
        at = -1  # of the highest of the last w, the latest if there are several
        unknown = 0  # slices since the last NaN, at most w
        for t in range(x.shape[1]):
            unknown = 0 if math.isnan(x[i, t]) else min(unknown + 1, w)
            if unknown == 0:
                at = -1
            elif at < 0 or x[i, t] >= x[i, at]:
                at = t
            elif t - at >= w:
                at = t - w + 1
                for s in range(t - w + 2, t + 1):
                    if x[i, s] >= x[i, at]:
                        at = s
            out[i, t] = t - at if unknown >= w else np.nan


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


def slope_on(y: Floats, x: Floats, w: int) -> Floats:
    """Slope of (B, T) `y` on (B or 1, T) `x` over the last `w`; NaN where `x` does not vary."""
    my, mx = mean(y, w), mean(x, w)
    xy, xx = _blank(y, w), _blank(x, w)
    _products(y, x, my, mx, w, xy)
    _squares(x, mx, w, xx)
    return xy / np.where(xx <= w * FLAT * mx * mx, np.nan, xx)


def line(x: Floats, w: int) -> tuple[Floats, Floats]:
    """Slope per slice and R squared of a straight line through the last `w`; R squared is NaN where they do not vary."""
    centred = np.arange(w, dtype=np.float64) - (w - 1) / 2.0
    squares, centre = float(np.sum(centred * centred)), mean(x, w)
    yy = _blank(x, w)
    _squares(x, centre, w, yy)
    slope = weighted(x, centred) / squares
    explained = slope * slope * squares / np.where(yy <= w * FLAT * centre * centre, np.nan, yy)
    return slope, np.minimum(explained, 1.0)


def absolute(x: Floats, centre: Floats, w: int) -> Floats:
    """Sum of |x - centre| over the last `w`, with the centre of now."""
    out = _blank(x, w)
    _absolute(x, centre, w, out)
    return out


def since_highest(x: Floats, w: int) -> Floats:
    """Slices since the highest of the last `w`, the latest of several."""
    out = np.empty_like(x)
    _since_highest(x, w, out)
    return out


def highest(x: Floats, w: int) -> Floats:
    """Of the last `w`, by doubling: of 2, of 4, ... and of two that overlap, which for a maximum is exact."""
    span = 1
    while span < w:
        step = min(span, w - span)
        out = np.empty_like(x)
        _higher(x, min(step, x.shape[1]), out)
        x, span = out, span + step
    return x


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
def narrow(x: Floats, exists: Bools, out: Any) -> None:
    """(B or 1, T) `x` as (B, T) float32 `out`: NaN where there is no bar or no finite number."""
    for i in range(out.shape[0]):
        row, there, to = x[i % len(x)], exists[i], out[i]
        for t in range(len(to)):
            value = np.float32(row[t])
            to[t] = value if there[t] and abs(value) < np.inf else np.float32(np.nan)


@njit()
def interleave(x: Any, out: Any) -> None:
    """(F, B, T) `x` as (B, T, F) `out`, a few slices at a time: what is written lies together."""
    width, n, length = x.shape
    for i in range(n):
        for a in range(0, length, 64):
            b = min(a + 64, length)
            for k in range(width):
                row = x[k, i]
                for t in range(a, b):
                    out[i, t, k] = row[t]


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
