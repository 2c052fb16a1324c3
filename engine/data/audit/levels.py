"""How an instrument usually moves around a row, and whether the row's own volume and range are unusual."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.data.audit.kinds import Bars
from engine.types import Bools, Floats, Ints

AROUND = 60  # bars on either side that say what is usual
NEAR = 4  # bars on either side that say how wild it is just now
LEAST = 0.0005  # no instrument is calmer than this, per bar
MAD = 1.4826  # of a normal variable, standard deviation over median absolute deviation
STEADY = 0.45  # the standard deviation of the log of a large stock's daily volume, or range, from day to day
MEAN = 1.2533  # the same over mean absolute deviation


@dataclass(frozen=True, slots=True)
class Path:
    """The rows of an instrument with a usable close, (K,): where they are, and their closes with mended units."""

    row: Ints  # place among the instrument's bars
    close: Floats
    change: Floats  # log return since the row before, less the market's and its own dividend; 0 in the first
    gap: Floats  # times since the row before
    volume: Floats
    worth: Floats  # close x volume
    range: Floats  # log(high / low), NaN where not known

    @classmethod
    def of(cls, bars: Bars, close: Floats) -> Path:
        """The rows of `bars` whose `close` is above zero."""
        row = np.flatnonzero(close > 0.0)
        level = close[row]
        change, gap = np.zeros(len(row)), np.ones(len(row))
        change[1:] = np.diff(np.log(level)) - np.diff(bars.market[row])
        gap[1:] = np.maximum(np.diff(bars.time[row]), 1)
        _paid(change, level, bars.dividend[row])
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(bars.low > 0.0, bars.high / bars.low, np.nan)[row]
            width = np.where(ratio >= 1.0, np.log(ratio), np.nan)
        return cls(row, level, change, gap, bars.volume[row], level * bars.volume[row], width)


def _paid(change: Floats, level: Floats, dividend: Floats) -> None:
    """Add to the changes what a dividend took from the price, where that makes them smaller."""
    for k in np.flatnonzero(dividend > 0.0).tolist():
        share = dividend[k] / level[k - 1] if k else 1.0
        if share < 1.0 and abs(change[k] - math.log1p(-share)) < abs(change[k]):
            change[k] -= math.log1p(-share)


def spreads(path: Path, places: Ints, odd: Bools) -> Floats:
    """(n,) the robust standard deviation of the change at each of `places`: of the bars around it and of those just beside
    it, whichever is more, and more over a longer gap. Rows `odd` are left out of the wider circle.
    """
    size = np.abs(path.change)
    near = np.concatenate((np.arange(-NEAR, 0), np.arange(1, NEAR + 1)))
    wild = MAD * _medians(size, places[:, None] + near, NEAR + 1)
    circle = places[:, None] + np.arange(-AROUND, AROUND + 1)
    calm = np.where(odd, np.nan, size)
    usual = MAD * _medians(calm, circle, 1)
    still = np.flatnonzero(usual <= LEAST)
    for j in still.tolist():  # most bars stand still: the mean says more
        low, high = max(1, int(places[j]) - AROUND), int(places[j]) + AROUND + 1
        told = calm[low:high][~odd[low:high]]
        usual[j] = MEAN * float(told.mean()) if len(told) else 0.0
    return np.asarray(np.maximum(np.maximum(usual, wild), LEAST) * np.sqrt(path.gap[places]))


def _medians(values: Floats, places: Ints, fewest: int) -> Floats:
    """(n,) the median of `values` at each row of places (n, m), without NaN and what lies outside; 0 of too few."""
    inside = (places >= 1) & (places < len(values))
    taken = np.where(inside, values[np.clip(places, 0, len(values) - 1)], np.nan)
    taken.sort(axis=1)  # NaN come last
    count = (~np.isnan(taken)).sum(axis=1)
    row = np.arange(len(taken))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, taken.shape[1] - 1)
    middle = 0.5 * (taken[row, low] + taken[row, high])
    return np.asarray(np.where(count >= fewest, middle, 0.0))


def loudness(path: Path, k: int) -> float:
    """Volume times range at row k over what was usual before; 1 where neither is known.

    Of volume in shares and in money counts what is less unusual: a split changes the one or the other, news raises both.
    """
    return _surge(path, k) * _usual(path.range, k)


def _surge(path: Path, k: int) -> float:
    return min(_usual(path.volume, k), _usual(path.worth, k))


def _usual(values: Floats, k: int) -> float:
    """The value at row k over the median of those before it, as if they varied like a large stock's; 1 if not known.

    Where volume rises and falls a hundredfold from day to day, a hundredfold is no news.
    """
    before = values[max(0, k - AROUND) : k]
    before = before[before > 0.0]
    if len(before) < 5 or not values[k] > 0.0:
        return 1.0
    logs = np.log(before)
    middle = float(np.median(logs))
    scale = MAD * float(np.median(np.abs(logs - middle)))
    return math.exp(max(math.log(float(values[k])) - middle, -1.0) * min(1.0, STEADY / max(scale, 1e-9)))
