"""One signal under watch: its forecasts, what came of them, and the judgement of the latest look."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from engine.inuse import drift, fit, skill, stale
from engine.inuse.drift import Distance, Shape, shape_of
from engine.inuse.fit import Fit
from engine.inuse.reference import Reference, asked, read
from engine.inuse.series import Series, level, look
from engine.inuse.skill import Skill
from engine.inuse.stale import Runs
from engine.types import Bools, Floats

ROOM = 400_000  # forecasts kept for quantiles
WARM = 750  # slices of warm-up that are kept
DRIFTED, STEADY, NONE = "drifted", "no drift seen", "no reference"
AT_OPEN = "at the open"  # of prices: as orders fill, where a signal does not say which label it foretells
OWN = "the warm-up's own forecasts"


class Sample:
    """Forecasts since a beginning: all, or those of every `every`-th slice once there are many."""

    def __init__(self, room: int = ROOM) -> None:
        self.room, self.every, self.slices = room, 1, 0
        self.rows: list[Floats] = []
        self.size = self.count = self.missing = 0

    def add(self, said: Floats, missing: int) -> None:
        """A slice's forecasts, and for how many names there was none."""
        if self.slices % self.every == 0 and len(said):
            self.rows.append(said)
            self.size += len(said)
        self.slices, self.count, self.missing = self.slices + 1, self.count + len(said), self.missing + missing
        if self.size > self.room and len(self.rows) > 1:
            self.rows, self.every = self.rows[::2], 2 * self.every
            self.size = sum(map(len, self.rows))


class Watched:
    """Everything about one signal since the model that speaks began to. Slices come in the order of the tape."""

    def __init__(self, name: str, signal: Any, unit: str, kind: str, lag: int) -> None:
        """`kind`: which fills a return is between where the signal does not say; `lag`: slices from a decision to its fill."""
        self.name, self.unit, self.signal = name, unit, signal
        label = getattr(signal, "label", None)
        self.kind = kind if label is None else str(label)
        self.lag = 1 if label is not None else lag
        self.prices = AT_OPEN if label is None and kind == "open_to_open" else self.kind
        self.horizon = max(1, int(getattr(signal, "horizon", None) or 1))
        self.window = int(signal.window)
        self._told: str | None = None
        self._warm: list[Floats] = []
        self._prices: deque[Floats] = deque(maxlen=self.horizon + 1)
        self._begin(Reference(), 0)

    def _begin(self, reference: Reference, time: int) -> None:
        """Count anew: another model speaks from the slice at `time` on."""
        self.reference, self.begun, self.slices = reference, time, 0
        self.time = time
        self.shape, self.own = reference.shape, False
        if self.shape is None and reference.known is None and self._warm:
            self.shape, self.own = shape_of(self._warm), True
        self.sample, self.runs = Sample(), Runs()
        self.shares = None if self.shape is None else Series(len(self.shape.values))
        self.skill, self.fit = Skill(self.horizon - 1), Fit(self.horizon - 1)
        self._waiting: deque[Floats] = deque(maxlen=self.lag + self.horizon + 1)
        self.distance: Distance | None = None
        self.drifted = self.worse = self.misleading = False
        self.looks = {"drift": -1, "skill": -1, "fit": -1}
        self.verdict, self.fit_verdict = skill.EARLY if reference.promise else skill.NOTHING, fit.SAME

    def take_over(self, signal: Any) -> None:
        """A hand-over: from the next slice on `signal` speaks."""
        self.signal, self._told = signal, None

    def warm_up(self, row: Floats, prices: Floats) -> None:
        """A slice of history: its (N,) forecasts and adjusted prices."""
        self._prices.append(prices)
        if np.isfinite(row).any():
            self._warm = [*self._warm[-WARM + 1 :], row[np.isfinite(row)]]

    def add(self, t: int, time: int, row: Floats, prices: Floats, traded: Bools) -> None:
        """Slice `t`: its (N,) forecasts, adjusted prices of the label's kind, and where there was a bar."""
        told = asked(self.signal, time)
        if self._told is None or str(told.get("id", "")) != self._told:
            self._told = str(told.get("id", ""))
            self._begin(read(self.name, self.signal, told, time), time)
        self.time, self.slices = time, self.slices + 1
        self._prices.append(prices)
        self._waiting.append(row)
        self._learn()
        said = row[np.isfinite(row)]
        self.sample.add(said, int((traded & ~np.isfinite(row)).sum()))
        if t >= self.window - 1:
            self.runs.add(row, traded)
        if self.shares is not None and self.shape is not None and len(said):
            self.shares.add(share_below(said, self.shape))
            self._judge_drift()

    def _learn(self) -> None:
        """The outcome that this slice made known: of the forecasts of lag + horizon slices ago."""
        if len(self._waiting) <= self.lag + self.horizon:
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            earned = self._prices[-1] / self._prices[0] - 1.0
        earned[~np.isfinite(earned)] = np.nan
        before = self.skill.slices
        self.skill.add(self._waiting[0], earned)
        if self.skill.slices > before:
            self._judge_skill()
        if self.unit == "probability":
            before = self.fit.sums.count
            self.fit.add(self._waiting[0], event(earned, self.reference.target))
            if self.fit.sums.count > before:
                self._judge_fit()

    def _judge_drift(self) -> None:
        assert self.shape is not None and self.shares is not None
        k = look(self.shares.count)
        if k is not None and not self.drifted:
            self.looks["drift"] = k
            self.distance = drift.distance(self.shape, self.shares)
            self.drifted = self.distance is not None and self.distance.chance < level(k)

    def _judge_skill(self) -> None:
        k = look(self.skill.slices)
        if k is not None and not self.worse:
            promise = self.reference.promise
            self.looks["skill"] = k
            found = self.skill.estimate(None if promise is None else promise.measure)
            self.verdict = skill.verdict(found, promise, k)
            self.worse = self.verdict == skill.WORSE

    def _judge_fit(self) -> None:
        k = look(self.fit.sums.count)
        if k is not None and not self.misleading:
            self.looks["fit"] = k
            self.fit_verdict = fit.verdict(self.fit.found(), k)
            self.misleading = self.fit_verdict == fit.WORSE

    @property
    def late(self) -> bool:
        """Whether the model is older than any was when it was tried."""
        since = self.reference.since
        return since is not None and stale.overdue(self.time, since, self.reference.cadence)


def share_below(said: Floats, shape: Shape) -> Floats:
    """(G,) share of forecasts at or below each of a shape's values."""
    return np.searchsorted(np.sort(said), shape.values, side="right") / len(said)


def event(earned: Floats, target: str) -> Floats:
    """1 where it happened, 0 where not, NaN where neither: a rise, or a return above the slice's median."""
    known = np.isfinite(earned)
    level = float(np.median(earned[known])) if target == "above_median" and known.any() else 0.0
    out = np.where(earned > level, 1.0, 0.0)
    out[~known | (earned == level)] = np.nan
    return out
