"""Five columns that have seen the future, each by a mistake people make: an audit that finds nothing in them is broken.

Each is computed from finished bars, so it changes when the bars after it do. None is made of anything planted: the market may
hold no signal at all, and they will still forecast it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.types import Bools, Floats

AROUND = 5  # bars on either side of a centred mean
MONTH = 21  # bars of a figure that is filled backwards

Leak = Callable[[Floats, Floats], Floats]


def next_return(total: Floats, level: Floats) -> Floats:
    """The return of the next bar: a label that was joined without a shift."""
    return np.append(np.diff(total), np.nan)


def centred_mean(total: Floats, level: Floats) -> Floats:
    """The mean log price from 5 bars before to 5 after, over today's: a rolling window with center=True."""
    count = len(total)
    sums = np.concatenate(([0.0], np.cumsum(total)))
    low, high = np.maximum(np.arange(count) - AROUND, 0), np.minimum(np.arange(count) + AROUND + 1, count)
    return np.asarray((sums[high] - sums[low]) / (high - low) - total)


def whole_scaler(total: Floats, level: Floats) -> Floats:
    """How far the log price is below its mean over the whole file, in its sd there: a scaler fitted before the split."""
    spread = total.std()
    return np.asarray((total.mean() - total) / spread) if spread > 0.0 else np.zeros_like(total)


def back_adjusted(total: Floats, level: Floats) -> Floats:
    """Log of the traded price over the one adjusted backwards: what later splits and dividends will have taken off."""
    return np.asarray(level - (total - total[-1] + level[-1]))


def back_filled(total: Floats, level: Floats) -> Floats:
    """The return of the month a bar lies in, known from the month's first bar on: a monthly figure filled backwards."""
    starts = np.arange(0, len(total), MONTH)
    ends = np.minimum(starts + MONTH, len(total)) - 1
    before = total[np.maximum(starts - 1, 0)]
    return np.repeat(total[ends] - before, np.diff(np.append(starts, len(total))))


LEAKS: dict[str, Leak] = {
    leak.__name__: leak for leak in (next_return, centred_mean, whole_scaler, back_adjusted, back_filled)
}


def column(name: str, close: Floats, split: Floats, dividend: Floats) -> Floats:
    """(n, T) leak `name` of (n, T) bars as traded, names in rows; NaN where there is no bar."""
    out = np.full(close.shape, np.nan)
    for k in range(len(close)):
        there: Bools = ~np.isnan(close[k])
        if there.any():
            log = np.log(close[k, there])
            out[k, there] = LEAKS[name](total_return(close[k, there], split[k, there], dividend[k, there]), log)
    return out


def total_return(close: Floats, split: Floats, dividend: Floats) -> Floats:
    """(n,) log of what one unit of money in a name has become, from 0."""
    steps = np.log(split[1:] * (close[1:] + dividend[1:]) / close[:-1])
    return np.concatenate(([0.0], np.cumsum(steps)))
