"""What the market did: the median log return of all instruments, from time to time, as one level that rises and falls."""

from __future__ import annotations

import numpy as np

from engine.types import Floats, Ints

ENOUGH = 10  # instruments that make a market
FEWEST = 5  # returns that have a median


def market(bounds: Ints, stamp: Ints, close: Floats) -> tuple[Floats, Ints]:
    """(R,) log level of the market at each row's time, and the number of that time among all times.

    Its steps are medians of returns over one time, so that an instrument with gaps says nothing; 0 where few are known.
    """
    times, place = np.unique(stamp, return_inverse=True)
    if len(bounds) - 1 < ENOUGH:
        return np.zeros(len(stamp)), place
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(close > 0.0, close, np.nan))
    change = np.full(len(stamp), np.nan)
    change[1:] = np.where(place[1:] == place[:-1] + 1, logs[1:] - logs[:-1], np.nan)
    change[bounds[:-1][bounds[:-1] < len(stamp)]] = np.nan
    known = np.flatnonzero(~np.isnan(change))
    narrow = place[known].astype(np.int16) if len(times) < 2**15 else place[known]
    known = known[np.argsort(narrow, kind="stable")]
    edges = np.searchsorted(place[known], np.arange(len(times) + 1))
    middle = np.zeros(len(times))
    for k in np.flatnonzero(np.diff(edges) >= FEWEST):
        middle[k] = np.median(change[known[edges[k] : edges[k + 1]]])
    return np.cumsum(middle)[place], place
