"""How an instrument usually moves around a row, and whether the row's own volume and range are unusual."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.audit.kinds import Bars
from engine.types import Bools, Floats, Ints

AROUND = 60  # bars on either side that say what is usual
NEAR = 4  # bars on either side that say how wild it is just now
LEAST = 0.0005  # no instrument is calmer than this, per bar
MAD = 1.4826  # of a normal variable, standard deviation over median absolute deviation
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


def spread(path: Path, k: int, odd: Bools) -> float:
    """The robust standard deviation of the change at row k: of the bars around it and of those just beside it, whichever is
    more, and more over a longer gap. Rows `odd` are left out of the wider circle.
    """
    low, high = max(1, k - AROUND), k + AROUND + 1
    around = np.abs(path.change[low:high][~odd[low:high]])
    beside = np.abs(np.concatenate((path.change[max(1, k - NEAR) : k], path.change[k + 1 : k + NEAR + 1])))
    usual = MAD * float(np.median(around)) if len(around) else LEAST
    if usual <= LEAST and len(around):  # most bars stand still: the mean says more
        usual = MEAN * float(around.mean())
    wild = MAD * float(np.median(beside)) if len(beside) > NEAR else 0.0
    return max(usual, wild, LEAST) * math.sqrt(float(path.gap[k]))


def loudness(path: Path, k: int) -> float:
    """Volume times range at row k over what was usual before; 1 where neither is known.

    Of volume in shares and in money counts what is less unusual: a split changes the one or the other, news raises both.
    """
    return _surge(path, k) * _usual(path.range, k)


def _surge(path: Path, k: int) -> float:
    return min(_usual(path.volume, k), _usual(path.worth, k))


def _usual(values: Floats, k: int) -> float:
    """The value at row k over the median of those before it; 1 if not known."""
    before = values[max(0, k - AROUND) : k]
    before = before[before > 0.0]
    if len(before) < 5 or np.isnan(values[k]):
        return 1.0
    return max(float(values[k]) / float(np.median(before)), 0.25)
