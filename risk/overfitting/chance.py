"""What the same machinery makes of signals and portfolios that know nothing: the null that a result is held against.

A shuffle of the names, fixed for all time, keeps each forecast's own course and the turnover it causes, and breaks what
ties it to its name. A circular shift in time keeps everything but the date. Both leave forecasts where there were some.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from engine.errors import DataError
from engine.types import Bools, Floats, Ints

FEWEST_NAMES = 8  # fewer have too few orders for a shuffle of names
TINY = 1e-9  # what is left of a book that lost all
NEAR = 0.05  # of the slices: no shift is nearer to where it began


def shuffled_names(forecast: Floats, rng: Generator) -> Floats:
    """(T, N) forecasts under one shuffle of the names that leaves none in its place, fixed for all slices.

    Where a name has no forecast its place in the shuffle is passed over, so that who had a view has one.
    """
    source = cycle(forecast.shape[1], rng)
    present = ~np.isnan(forecast)
    out = np.full_like(forecast, np.nan)
    for rows, here in runs_of(present):
        out[rows] = np.where(here, forecast[rows][:, among(source, here)], np.nan)
    return out


def cycle(names: int, rng: Generator) -> Ints:
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
    return [(slice(a, b), present[a]) for a, b in itertools.pairwise(edges) if b > a]


def shifted(forecast: Floats, rng: Generator) -> Floats:
    """(T, N) forecasts moved round the circle of the slices that have any, at least NEAR of it and at most all but NEAR."""
    live = np.flatnonzero(~np.isnan(forecast).all(axis=1))
    if len(live) < 3:
        raise DataError(f"a shift in time needs 3 slices with a forecast or more, got {len(live)}")
    near = max(1, math.ceil(NEAR * len(live)))
    by = int(rng.integers(near, max(near + 1, len(live) - near + 1)))
    out = forecast.copy()
    out[live] = np.roll(forecast[live], by, axis=0)
    return out


def rearranged(forecast: Floats, rng: Generator, how: str = "auto") -> Floats:
    """(T, N) forecasts by `how`: names, time, or auto, which is names from FEWEST_NAMES on."""
    if how not in ("auto", "names", "time"):
        raise DataError(f"permutation: expected auto, names or time, got {how!r}")
    by_names = how == "names" or (how == "auto" and forecast.shape[1] >= FEWEST_NAMES)
    return shuffled_names(forecast, rng) if by_names else shifted(forecast, rng)


def p_value(observed: float, null: Floats) -> float:
    """Probability that chance does as well: (1 + those at or above) / (1 + all), NaN among them counted as above."""
    return (1.0 + int((~(null < observed)).sum())) / (1.0 + len(null))


@dataclass(frozen=True, slots=True)
class Walk:
    """What portfolios came to, (C,) each: Sharpe ratio per bar, mean value traded and mean gross exposure per slice."""

    sharpe: Floats
    traded: Floats
    gross: Floats


def walk(
    keep: Floats, add: Floats, before: Floats, after: Floats, names: list[tuple[slice, Ints]], cost: float = 0.0
) -> Walk:
    """Hold C portfolios through time and trade them alike, once in each slice.

    (T, N) `before` are the returns from the last close to where the slice trades, `after` from there to its close, NaN:
    none. A holding is cut to the share `keep` (T, N) of itself and `add` (T, N), of equity and signed, is bought. Holding j
    of a portfolio is in the name that `names` says, (C, N) for each stretch of rows. `cost` is per side, of value.
    """
    first, second = np.nan_to_num(before), np.nan_to_num(after)
    count = names[0][1].shape[0]
    weight = np.zeros((count, keep.shape[1]))
    net, traded, gross = np.zeros((len(keep), count)), np.zeros((len(keep), count)), np.zeros((len(keep), count))
    for rows, who in names:
        for t in range(rows.start, rows.stop):
            early = (weight * first[t][who]).sum(axis=1)
            drifted = weight * (1.0 + first[t][who]) / np.maximum(1.0 + early, TINY)[:, None]
            kept = drifted * keep[t]
            traded[t] = np.abs(drifted - kept).sum(axis=1) + np.abs(add[t]).sum()
            held = kept + add[t]
            late = (held * second[t][who]).sum(axis=1)
            weight = held * (1.0 + second[t][who]) / np.maximum(1.0 + late, TINY)[:, None]
            net[t] = (1.0 + early) * (1.0 - cost * traded[t]) * (1.0 + late) - 1.0
            gross[t] = np.abs(weight).sum(axis=1)
    spread = net[1:].std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpe = np.where(spread > 0.0, net[1:].mean(axis=0) / spread, np.nan)
    return Walk(sharpe, traded.mean(axis=0), gross.mean(axis=0))


def itself(shape: tuple[int, int]) -> list[tuple[slice, Ints]]:
    """The names of one portfolio that holds what it holds."""
    return [(slice(0, shape[0]), np.arange(shape[1])[None, :])]


def random_portfolios(
    keep: Floats,
    add: Floats,
    before: Floats,
    after: Floats,
    count: int,
    rng: Generator,
    cost: float = 0.0,
) -> Walk:
    """`count` portfolios that trade when, and as much as, the original does, but in names drawn for each once.

    A ring through the names gives each holding another name, passing over those that have no return at the time.
    """
    rings = [cycle(before.shape[1], rng) for _ in range(count)]
    names = [(rows, np.stack([among(ring, here) for ring in rings])) for rows, here in runs_of(~np.isnan(before))]
    return walk(keep, add, before, after, names, cost)
