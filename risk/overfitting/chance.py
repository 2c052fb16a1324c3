"""What the same machinery makes of signals and portfolios that know nothing: the null that a result is held against.

A shuffle of the names, fixed for all time, keeps each forecast's own course and the turnover it causes, and breaks what
ties it to its name. A circular shift in time keeps everything but the date. Both leave forecasts where there were some.
"""

from __future__ import annotations

import math

import numpy as np

from engine.errors import DataError
from engine.types import Bools, Floats, Ints

FEWEST_NAMES = 8  # fewer have too few orders for a shuffle of names
NEAR = 0.05  # of the slices: no shift is nearer to where it began


def shuffled_names(forecast: Floats, rng: np.random.Generator) -> Floats:
    """(T, N) forecasts under one shuffle of the names that leaves none in its place, fixed for all slices.

    Where a name has no forecast its place in the shuffle is passed over, so that who had a view has one.
    """
    source = cycle(forecast.shape[1], rng)
    present = ~np.isnan(forecast)
    out = np.full_like(forecast, np.nan)
    for rows, here in runs_of(present):
        out[rows] = np.where(here, forecast[rows][:, among(source, here)], np.nan)
    return out


def cycle(names: int, rng: np.random.Generator) -> Ints:
    """(N,) whose forecast each name is given: one random ring through all of them, so that none keeps its own."""
    if names < 2:
        raise DataError(f"a shuffle of names needs 2 of them or more, got {names}; shift the signal in time instead")
    order = rng.permutation(names)
    out = np.empty(names, np.int64)
    out[order] = np.roll(order, 1)
    return out


def among(source: Ints, here: Bools) -> Ints:
    """(N,) the first name along the ring that is `here`, for each name; a name alone is given its own."""
    out = source.copy()
    if not here.any():
        return out
    while not here[out].all():
        out = np.where(here[out], out, source[out])
    return out


def runs_of(present: Bools) -> list[tuple[slice, Bools]]:
    """Stretches of rows of (T, N) that are all alike, with what they are."""
    changes = np.flatnonzero((present[1:] != present[:-1]).any(axis=1)) + 1
    edges = [0, *changes.tolist(), len(present)]
    return [(slice(a, b), present[a]) for a, b in zip(edges[:-1], edges[1:], strict=True) if b > a]


def shifted(forecast: Floats, rng: np.random.Generator) -> Floats:
    """(T, N) forecasts moved round the circle of the slices that have any, at least NEAR of it and at most all but NEAR."""
    live = np.flatnonzero(~np.isnan(forecast).all(axis=1))
    if len(live) < 3:
        raise DataError(f"a shift in time needs 3 slices with a forecast or more, got {len(live)}")
    near = max(1, math.ceil(NEAR * len(live)))
    by = int(rng.integers(near, max(near + 1, len(live) - near + 1)))
    out = forecast.copy()
    out[live] = np.roll(forecast[live], by, axis=0)
    return out


def rearranged(forecast: Floats, rng: np.random.Generator, how: str = "auto") -> Floats:
    """(T, N) forecasts by `how`: names, time, or auto, which is names from FEWEST_NAMES on."""
    if how not in ("auto", "names", "time"):
        raise DataError(f"permutation: expected auto, names or time, got {how!r}")
    by_names = how == "names" or (how == "auto" and forecast.shape[1] >= FEWEST_NAMES)
    return shuffled_names(forecast, rng) if by_names else shifted(forecast, rng)


def p_value(observed: float, null: Floats) -> float:
    """Probability that chance does as well: (1 + those at or above) / (1 + all), NaN among them counted as above."""
    return (1.0 + int((~(null < observed)).sum())) / (1.0 + len(null))


def portfolio_returns(weights: Floats, returns: Floats, cost: float = 0.0) -> tuple[Floats, float]:
    """((T - 1,) net returns, mean value traded per slice) of holding (T, N) `weights` decided at the close of each slice.

    Row t of `returns` is from close t - 1 to close t, NaN where a name has none: it then earns 0. `cost` is per side.
    """
    earned = np.nan_to_num(returns[1:])
    held = weights[:-1]
    gross = (held * earned).sum(axis=1)
    drifted = held * (1.0 + earned) / (1.0 + gross)[:, None]
    traded = np.abs(weights[1:] - drifted).sum(axis=1)
    return gross - cost * traded, float(traded.mean())


def random_portfolios(
    weights: Floats, returns: Floats, count: int, rng: np.random.Generator, cost: float = 0.0
) -> tuple[Floats, Floats]:
    """((count,) Sharpe ratios per bar, (count,) mean value traded) of portfolios with the same weights on other names.

    Every one has the gross and net exposure and the changes of weights of the original on every slice; only the names
    are drawn, by one ring through them, over those that have a return (`returns` NaN: not there).
    """
    here = ~np.isnan(returns)
    stretches = runs_of(here)
    sharpe, traded = np.empty(count), np.empty(count)
    for k in range(count):
        source = cycle(weights.shape[1], rng)
        drawn = np.zeros_like(weights)
        for rows, present in stretches:
            drawn[rows] = np.where(present, weights[rows][:, among(source, present)], 0.0)
        net, traded[k] = portfolio_returns(drawn, returns, cost)
        spread = net.std(ddof=1)
        sharpe[k] = net.mean() / spread if spread > 0.0 else np.nan
    return sharpe, traded
