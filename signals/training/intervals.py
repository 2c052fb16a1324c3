"""How sure a measure is: 95 % intervals that know that the names of a date, and neighbouring dates, are not independent.

Measures of daily series have Newey-West errors. The rest are functions of sums over dates, whose dates are drawn in blocks
(circular block bootstrap: Politis, Romano 1992). A share also has Wilson's interval, an AUC Hanley and McNeil's: those hold for
independent rows, so what is told is the wider of the two on either side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from engine.types import Bools, Floats, Ints
from signals.training.quality import Estimate, Z, ranks, wilson

DRAWS = 2000
SEED = 20_190_101  # of the draws: the same forecasts have the same intervals
Statistic = Callable[[Floats], Floats]  # (B, K) sums -> (B,)


@dataclass(frozen=True, slots=True)
class Interval:
    """A measure and its 95 % interval; NaN where not known. `how` names the method."""

    value: float
    low: float
    high: float
    how: str

    @property
    def error(self) -> float:
        """The standard error a normal measure with this interval would have."""
        return (self.high - self.low) / (2.0 * Z)

    def wider(self, other: Interval) -> Interval:
        """The same value between the outer ends of both."""
        known = [one for one in (self, other) if math.isfinite(one.low) and math.isfinite(one.high)]
        if len(known) < 2:
            return known[0] if known else self
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Interval(self.value, low, high, f"{self.how}, {other.how}: the wider")


def unknown(value: float = math.nan) -> Interval:
    """A value of which nobody can say how sure it is."""
    return Interval(value, math.nan, math.nan, "not known")


def normal(found: Estimate, how: str = "Newey-West") -> Interval:
    """The interval of a mean and its standard error."""
    return Interval(found.value, found.low, found.high, how)


def blocks(sums: Floats, statistic: Statistic, overlap: int = 1, draws: int = DRAWS) -> Interval:
    """`statistic` of the total of (D, K) sums by date, between the 2.5 % and 97.5 % quantiles over `draws` of blocks of dates.

    A block has the larger of D^(1/3) and `overlap` dates; blocks run over the end into the beginning.
    """
    count = len(sums)
    if count < 2:
        return unknown(_one(statistic, sums.sum(axis=0, keepdims=True)) if count else math.nan)
    length = min(count, max(overlap, math.ceil(count ** (1.0 / 3.0))))
    running = np.concatenate((np.zeros((1, sums.shape[1])), np.cumsum(np.concatenate((sums, sums[:length])), axis=0)))
    starts = default_rng(SEED).integers(0, count, (draws, math.ceil(count / length)))
    drawn = np.stack([(column[starts + length] - column[starts]).sum(axis=1) for column in running.T], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = statistic(drawn)
    value = _one(statistic, sums.sum(axis=0, keepdims=True))
    found = found[np.isfinite(found)]
    if len(found) < draws / 2 or not math.isfinite(value):
        return unknown(value)
    low, high = np.quantile(found, (0.025, 0.975))
    return Interval(value, float(low), float(high), f"block bootstrap, {length} dates")


def _one(statistic: Statistic, total: Floats) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(statistic(total)[0])


def by_date(columns: Sequence[NDArray[Any]], edges: Ints) -> Floats:
    """(D, K) sums over each date of K columns of cells; date d's cells are edges[d] .. edges[d + 1] - 1."""
    if len(edges) < 2:
        return np.zeros((0, len(columns)))
    return np.stack([np.add.reduceat(np.asarray(column, np.float64), edges[:-1]) for column in columns], axis=1)


def share(hits: Bools, edges: Ints, overlap: int = 1) -> Interval:
    """A share of cells: Wilson's interval, or that of drawn dates where it is wider."""
    if not len(hits):
        return unknown()
    count, total = int(hits.sum()), len(hits)
    rows = Interval(count / total, *wilson(count, total), "Wilson")
    if len(edges) - 1 == total:  # a name a date: rows are dates
        return rows
    sums = by_date([hits, np.ones(total)], edges)
    return rows.wider(blocks(sums, lambda s: s[:, 0] / s[:, 1], overlap))


def auc_error(auc: float, ups: int, downs: int) -> float:
    """Standard error of an AUC of independent rows. Hanley, McNeil (1982)."""
    if ups < 1 or downs < 1 or not math.isfinite(auc):
        return math.nan
    q1, q2 = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    variance = auc * (1.0 - auc) + (ups - 1) * (q1 - auc * auc) + (downs - 1) * (q2 - auc * auc)
    return math.sqrt(max(variance, 0.0) / (ups * downs))


def auc_of(p: Floats, rises: Bools, edges: Ints) -> Interval:
    """The AUC between Hanley and McNeil's ends, or those of its influence summed by date (DeLong 1988) where they are wider."""
    ups = int(rises.sum())
    downs = len(p) - ups
    if ups == 0 or downs == 0:
        return unknown()
    above = ranks(p)
    placed = np.empty(len(p))
    placed[rises] = (above[rises] - ranks(p[rises])) / downs
    placed[~rises] = (ups - (above[~rises] - ranks(p[~rises]))) / ups
    value = float(placed[rises].mean())
    error = auc_error(value, ups, downs)
    rows = Interval(value, value - Z * error, value + Z * error, "Hanley-McNeil")
    if len(edges) - 1 == len(p):
        return rows
    pull = np.where(rises, (placed - value) / ups, (placed - value) / downs)
    dated = math.sqrt(float((by_date([pull], edges) ** 2).sum()))
    return rows.wider(Interval(value, value - Z * dated, value + Z * dated, "DeLong by date"))


def told(found: Interval) -> dict[str, Any]:
    """An interval as plain data."""
    return {"value": found.value, "low": found.low, "high": found.high, "how": found.how}
