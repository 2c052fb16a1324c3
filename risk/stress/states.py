"""States of the market as they could be known: the label of a slice uses the market up to the slice before it.

The market is an index of the run's own instruments, equally weighted, or the benchmark. Thresholds are those of the past
too: a tercile is one among the values seen so far, not among all the data ever had.
"""

from __future__ import annotations

import numpy as np

from engine.types import Bools, Floats

VOLATILITY = 60  # slices of returns whose standard deviation is the volatility
TREND = 200  # slices of the mean that the market stands above or below
FALLEN = 0.10  # below the highest value so far: a drawdown
WARM = 252  # volatilities seen before terciles mean anything


def states(market: Floats) -> dict[str, Bools]:
    """Masks (T,) by state; a slice whose past is too short is in no state of that kind. `market` is (T,), above 0."""
    out: dict[str, Bools] = {}
    for values, names in (
        (terciles(volatility(market)), ("volatility low", "volatility middle", "volatility high")),
        (trend(market), ("below its mean", "above its mean")),
        (fallen(market), ("near its high", "in a drawdown")),
    ):
        known = before(values)
        for k, name in enumerate(names):
            out[name] = known == float(k)
    return out


def before(values: Floats) -> Floats:
    """(T,) what was known at the slice before."""
    return np.concatenate(([np.nan], values[:-1]))


def volatility(market: Floats) -> Floats:
    """(T,) standard deviation (ddof 1) of the last VOLATILITY returns; NaN before there are so many."""
    returns = market[1:] / market[:-1] - 1.0
    out = np.full(len(market), np.nan)
    if len(returns) >= VOLATILITY:
        rows = np.lib.stride_tricks.sliding_window_view(returns, VOLATILITY)
        out[VOLATILITY:] = rows.std(axis=1, ddof=1)
    return out


def terciles(values: Floats) -> Floats:
    """(T,) 0, 1 or 2: where each value stands among itself and those before it; NaN until WARM are known.

    Rank / count below 1/3 is 0, below 2/3 is 1; rank is the number of earlier values below it.
    """
    out = np.full(len(values), np.nan)
    seen: list[float] = []
    from bisect import bisect_left, insort

    for t, value in enumerate(values):
        if np.isnan(value):
            continue
        share = bisect_left(seen, value) / (len(seen) + 1)
        insort(seen, float(value))
        if len(seen) >= WARM:
            out[t] = float(min(2, int(3.0 * share)))
    return out


def trend(market: Floats) -> Floats:
    """(T,) 1 above the mean of the last TREND values, 0 at or below it; NaN before there are so many."""
    out = np.full(len(market), np.nan)
    if len(market) >= TREND:
        means = np.lib.stride_tricks.sliding_window_view(market, TREND).mean(axis=1)
        out[TREND - 1 :] = (market[TREND - 1 :] > means).astype(np.float64)
    return out


def fallen(market: Floats) -> Floats:
    """(T,) 1 at FALLEN or more below the highest value so far, else 0."""
    return (market / np.maximum.accumulate(market) - 1.0 <= -FALLEN).astype(np.float64)
