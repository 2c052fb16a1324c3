"""What forecasts have been worth: their correlation with what came, beside what was promised.

Where a slice has names enough they are ranked against each other (a rank correlation per slice, averaged); else all forecasts
and outcomes are correlated together, with an error that knows which of them share a slice. Training makes its promise here too:
one measure, one formula.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.inuse.series import Estimate, Series, estimate, level, newey_west, quantile
from engine.types import Floats

NAMES = 5  # of a slice, from which on they are ranked
RANK, POOLED = "rank IC", "correlation"
POWER = (
    1.6448536269514722 + 0.8416212335729143
)  # error times this: what is told from nothing, 95 % sure, four times in five
PROMISED, WORSE, EARLY, NOTHING = "as promised", "worse than promised", "too early to tell", "nothing was promised"


@dataclass(frozen=True, slots=True)
class Promise:
    """A correlation that was measured before, on slices nobody was fitted on."""

    measure: str
    value: float
    error: float
    slices: int
    on: str = ""  # of which slices, in words

    @classmethod
    def of(cls, told: Any) -> Promise:
        """From plain data."""
        numbers = float(told["value"]), float(told["error"])
        return cls(str(told["measure"]), *numbers, int(told["slices"]), str(told.get("on", "")))


class Skill:
    """Forecasts and outcomes of one signal as they become known. `overlap`: slices by which neighbouring labels overlap."""

    def __init__(self, overlap: int) -> None:
        self.overlap = overlap
        self.ranks, self.sums = Series(1), Series(6)
        self.slices = 0  # with any pair
        self._shift: tuple[float, float] | None = None

    def add(self, forecast: Floats, outcome: Floats) -> None:
        """A slice's (N,) forecasts and what came of each, NaN where not known."""
        both = np.isfinite(forecast) & np.isfinite(outcome)
        f, y = forecast[both], outcome[both]
        if not len(f):
            return
        self.slices += 1
        if len(f) >= NAMES and not math.isnan(rank := correlation(ranks(f), ranks(y))):
            self.ranks.add(np.array([rank]))
        if self._shift is None:
            self._shift = float(f.mean()), float(y.mean())
        f, y = f - self._shift[0], y - self._shift[1]
        self.sums.add(np.array([len(f), f.sum(), y.sum(), f @ f, y @ y, f @ y]))

    @property
    def measure(self) -> str:
        """Which of the two is measured."""
        return RANK if 2 * self.ranks.count >= self.slices > 0 else POOLED

    def estimate(self, measure: str | None = None) -> Estimate:
        """The correlation so far."""
        if (measure or self.measure) == RANK:
            return estimate(self.ranks, 0, self.overlap)
        return pooled(self.sums, self.overlap)

    def promise(self, on: str) -> Promise | None:
        """What these slices promise of the next ones; None where they are too few."""
        found = self.estimate()
        if not (math.isfinite(found.value) and math.isfinite(found.error)):
            return None
        return Promise(self.measure, found.value, found.error, found.count, on)


def pooled(sums: Series, overlap: int) -> Estimate:
    """Pearson's correlation of all pairs and its error, of a series of (n, f, y, ff, yy, fy) sums by slice.

    The error is that of the mean of the slices' influences: with standardised x and y that of a pair is
    x y - r (x x + y y) / 2 (Devlin, Gnanadesikan, Kettenring 1975), and a slice's is the sum of its pairs'. Few pairs, or forecasts
    that change slowly, make that too small: it is never below the error of Student's test, sqrt((1 - r^2) / (n - 2)).
    """
    blank = Estimate(math.nan, math.nan, sums.count)
    if sums.count < 3:
        return blank
    n, f, y, ff, yy, fy = sums.total.tolist()
    mf, my = f / n, y / n
    vf, vy = ff / n - mf * mf, yy / n - my * my
    if vf <= 1e-12 * (ff / n) or vy <= 1e-12 * (yy / n):
        return blank
    r = (fy / n - mf * my) / math.sqrt(vf * vy)
    bn, bf, by, bff, byy, bfy = sums.blocks.T
    cross = (bfy - mf * by - my * bf + mf * my * bn) / math.sqrt(vf * vy)
    square = (bff - 2.0 * mf * bf + mf * mf * bn) / vf + (byy - 2.0 * my * by + my * my * bn) / vy
    influence = (cross - 0.5 * r * square) * (sums.count / n)
    found = newey_west(influence, -(-overlap // sums.width))
    alone = math.sqrt(max(1.0 - r * r, 0.0) / (n - 2.0)) if n > 2.0 else math.nan
    return Estimate(r, max(found.error, alone), sums.count)


def verdict(found: Estimate, promise: Promise | None, k: int) -> str:
    """What look `k` says of a correlation against its promise.

    Worse: the chance of so large a shortfall is below the look's level. As promised: the shortfall is within the 95 % interval,
    and a model that is worth nothing would have been told from the promise by now, four times in five. Else it is too early.
    """
    if promise is None or not promise.value > 0.0:
        return NOTHING
    if not (math.isfinite(found.value) and found.error > 0.0):
        return EARLY
    error = math.hypot(found.error, promise.error)
    gap = (found.value - promise.value) / error
    if gap < -quantile(level(k), found.count - 1):
        return WORSE
    clear = error * POWER <= promise.value and gap > -quantile(0.025, found.count - 1)
    return PROMISED if clear else EARLY


def needed(found: Estimate, promise: Promise) -> float | None:
    """Slices after which the promise could be told from nothing, if errors shrink as they do; None if never."""
    room = (promise.value / POWER) ** 2 - promise.error**2
    if not (found.error > 0.0 and promise.value > 0.0) or room <= 0.0:
        return None
    return found.error**2 * found.count / room


def ranks(values: Floats) -> Floats:
    """Ranks from 0; ties share their mean."""
    order = np.argsort(values, kind="stable")
    edges = np.concatenate(([0], np.flatnonzero(np.diff(values[order])) + 1, [len(values)]))
    out = np.empty(len(values))
    out[order] = np.repeat((edges[:-1] + edges[1:] - 1) / 2.0, np.diff(edges))
    return out


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's; NaN where one does not vary."""
    a, b = a - a.mean(), b - b.mean()
    under = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / under if under > 0.0 else math.nan
