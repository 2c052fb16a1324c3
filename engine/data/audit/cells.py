"""What is wrong with a row by itself, or beside the row before it: empty, zero, out of range, repeated."""

from __future__ import annotations

import math

import numpy as np

from engine.data.audit.kinds import Bars, Finding, stretches
from engine.types import Bools, Floats, Ints

NAN = float("nan")
ROUNDED = 1e-4  # relative: what rounding a vendor's adjusted prices may put outside the range
RARE = 1e-4  # a run is stale where chance makes one like it less often than this in the instrument's whole life
RARER = 1e-8  # the same where highs and lows still move
SHORTEST = 4  # unchanged closes in a row that may be stale
USED = 0.5  # the share of an instrument's rows that must have a column for its absence to be odd


def empty(bars: Bars) -> list[Finding]:
    """Rows without open, high, low or close, of the columns that the instrument usually has."""
    lost = np.zeros(len(bars), np.bool_)
    for values in bars.prices:
        gone = np.isnan(values)
        if np.mean(gone) <= USED:
            lost |= gone
    return stretches("missing_cell", bars.stamp, lost, "no price")


def zero(bars: Bars) -> list[Finding]:
    """Rows with a price of zero or below."""
    return stretches("zero_cell", bars.stamp, _zeros(bars), "price of zero or below")


def _zeros(bars: Bars) -> Bools:
    out = np.zeros(len(bars), np.bool_)
    for values in bars.prices:
        out |= values <= 0.0
    return out


def outside(bars: Bars, explained: Bools) -> list[Finding]:
    """Rows whose high is below the low, or whose open or close lies outside; zeros and rows `explained` are not counted."""
    return stretches("range", bars.stamp, crossed(bars) & ~explained, "high below low, or open or close outside")


def crossed(bars: Bars) -> Bools:
    """(T,) which bars contradict themselves, zeros left out."""
    high, low = (np.where(values > 0.0, values, np.nan) for values in (bars.high, bars.low))
    slack = ROUNDED * np.abs(bars.close)
    wrong = high < low - slack
    for values in (bars.open, bars.close):
        wrong |= ((values > high + slack) | (values < low - slack)) & (values > 0.0)
    return np.asarray(wrong)


def untraded(bars: Bars) -> list[Finding]:
    return stretches("zero_volume", bars.stamp, bars.volume == 0.0, "no volume")


def stale(bars: Bars) -> list[Finding]:
    """Runs of bars that repeat: see still."""
    return stretches("stale", bars.stamp, still(bars), "nothing moves")


def still(bars: Bars) -> Bools:
    """(T,) bars repeated whole with their volume, and runs of one close that are longer than chance makes them.

    Chance is the instrument's own share p of unchanged closes: a run of n is stale where p^n x T < RARE, n at least 4; where
    high and low go on moving, where p^n x T < RARER, for then somebody trades.
    """
    if len(bars) < 3:
        return np.zeros(len(bars), np.bool_)
    same, calmly = np.zeros(len(bars), np.bool_), np.zeros(len(bars), np.bool_)
    same[1:] = bars.close[1:] == bars.close[:-1]
    calmly[1:] = same[1:] & (_equal(bars.high) & _equal(bars.low) | ~(bars.volume[1:] > 0.0))
    repeated = calmly & (bars.volume > 0.0) & (bars.high > bars.low)
    repeated[1:] &= _equal(bars.open) & _equal(bars.volume)
    length, calm = _lengths(same), _lengths(calmly)
    share = _share(same, length)
    long = (length >= shortest(share, len(bars), RARER)) | (calm >= shortest(share, len(bars), RARE))
    return (same & long) | repeated


def _equal(values: Floats) -> Bools:
    """(T - 1,) whether each value is the one before it, or neither is known."""
    return np.asarray((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1])))


def _share(same: Bools, length: Ints) -> float:
    """The share of unchanged closes; runs of 10 or more say nothing of what is usual."""
    usual = same & (length < 10)
    moving = len(same) - int((same & ~usual).sum())
    return (int(usual.sum()) + 1) / (moving + 2)


def shortest(share: float, rows: int, rare: float) -> int:
    """The length from which on a run of unchanged closes, each as likely as `share`, is rarer than `rare` in `rows`."""
    return max(SHORTEST, math.ceil(math.log(rare / rows) / math.log(min(share, 0.999))))


def _lengths(mask: Bools) -> Ints:
    """(T,) length of the run of True each row is in; 0 elsewhere."""
    edge = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    out = np.zeros(len(mask), np.int64)
    first, end = edge[::2], edge[1::2]
    out[mask] = np.repeat(end - first, end - first)
    return out


def unreadable(stamp: Ints, bad: Bools) -> list[Finding]:
    return stretches("unreadable", stamp, bad, "a cell is no number")
