"""A live source as a session's feed: a provider on a line, an assembler, and the session's own words for what comes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import groupby

import numpy as np

from engine.errors import FeedError
from engine.feeds import facts as found
from engine.feeds.assembler import Assembler, Rules
from engine.feeds.line import Line, Pace
from engine.feeds.provider import Provider
from engine.feeds.schedule import Schedule
from engine.live.clock import Clock
from engine.live.feed import Action, Arrival, Arrived, Correction, Facts, Gap, Late, Resume
from engine.types import DAY_NS, Floats, Universe

LOOK = 0.25  # seconds at most between looks at the clock
MONDAY = 3  # 1970-01-01 was a Thursday


class LiveFeed:
    """The Feed of engine.live.feed over any provider. `notes` are the latest words for people."""

    def __init__(
        self,
        provider: Provider,
        universe: Universe,
        facts: Facts,
        schedule: Schedule,
        rules: Rules,
        clock: Clock,
        pace: Pace | None = None,
    ) -> None:
        self.universe, self.facts, self.schedule, self.rules, self.clock = universe, facts, schedule, rules, clock
        self.line = Line(provider, clock, self._open_at, pace or Pace())
        self.notes: deque[found.Health | found.Rejected | found.Correction] = deque(maxlen=500)
        self.state = "not started"
        self.assembler: Assembler | None = None
        self.look = LOOK
        self.least = 0  # slices of history, whatever the session asks for
        self._kept: list[Arrival] = []  # told while warming up; the session hears it first thing
        self._day_zero = 0

    def warm_up(self, slices: int) -> Iterator[Arrived | Action | None]:
        """The `slices` slices that were over when this was called, from REST; None at least every half second."""
        slices, now = max(slices, self.least), self.clock.now()
        first_live = self.schedule.next(now - self.rules.hold).time
        start = self.schedule.back(first_live, slices)
        self._day_zero = self.schedule.next(start - 1).day
        self._begin(start, now)
        given = 0
        while given < slices:
            for arrival in self._pump():
                if isinstance(arrival, Arrived) and given < slices:
                    given += 1
                    yield arrival
                elif arrival is not None:
                    self._kept.append(arrival)
            yield None

    def arrivals(self, resume: Resume) -> Iterator[Arrival | None]:
        """All that comes after `resume`; None at least every half second."""
        if self.assembler is None:
            self._take_up(resume)
        yield from self._kept
        self._kept.clear()
        while True:
            came = list(self._pump())
            yield from came or (None,)

    def given(self, signal: str, time: int) -> Floats | None:
        """A live source has no forecasts."""
        return None

    def close(self) -> None:
        """Hang up."""
        self.line.stop()
        self.state = "closed"

    def status(self) -> dict[str, object]:
        """For people: state, counts, age of the newest bar's slice in seconds."""
        counts = dict(self.line.counts)
        if self.assembler is not None:
            counts |= dict(self.assembler.counts)
        return {"state": self.state, "counts": counts, "said": str(self.notes[-1]) if self.notes else ""}

    def due(self) -> int | None:
        """ns of the wall clock at which the next slice may close; None before anything was asked for."""
        return None if self.assembler is None else self.assembler.due()

    @property
    def patience(self) -> int:
        """ns beyond that for which a slice is waited for, while others of its instruments are there."""
        return self.rules.patience

    def _open_at(self, now: int) -> bool:
        """Whether silence means something: a bar is being made, and has been for a while."""
        return self.schedule.is_open(now)

    def _begin(self, start: int, now: int, closes: Floats | None = None) -> None:
        self.assembler = Assembler(len(self.universe), self.schedule, self.rules, start, begun=now, closes=closes)
        self.line.start()

    def _take_up(self, resume: Resume) -> None:
        now = self.clock.now()
        start = (
            self.schedule.next(now - self.rules.hold).time if resume.time < 0 else self.schedule.next(resume.time).time
        )
        first = self.schedule.next(start - 1).day
        self._day_zero = first
        if resume.time >= 0:
            before = self.schedule.next(resume.time - 1).day
            self._day_zero = before - resume.day
        self._begin(start, now, resume.closes)

    def _pump(self) -> Iterator[Arrival]:
        """One look: what the line heard, what must be asked, what is due."""
        assembler = self.assembler
        assert assembler is not None
        heard = self.line.take(self.look)
        now = self.clock.now()
        told: list[found.Arrival] = []
        for message in heard:
            if isinstance(message, FeedError):
                self.state = "stopped"
                raise message
            if isinstance(message, found.Health):
                self._note(message)
            elif isinstance(message, found.History):
                told += assembler.answer(message, now)
            else:
                told += assembler.offer(message, now)
        self.line.ask(assembler.wanted(now))
        told += assembler.tick(now)
        yield from self._translated(told)

    def _note(self, health: found.Health) -> None:
        if health.state in ("connecting", "up", "down"):
            self.state = health.state
        self.notes.append(health)

    def _translated(self, told: list[found.Arrival]) -> Iterator[Arrival]:
        for kind, group in groupby(told, type):
            if kind is found.Gap:
                yield from self._gaps([each for each in group if isinstance(each, found.Gap)])
                continue
            for each in group:
                if isinstance(each, found.Closed):
                    yield self._arrived(each)
                elif isinstance(each, found.Late):
                    yield Late(each.time, each.column, np.array(each.values))
                elif isinstance(each, found.Correction) and each.acted and each.after is not None:
                    yield Correction(each.time, each.column, np.array(each.after))
                elif isinstance(each, found.Correction | found.Rejected):
                    self.notes.append(each)

    def _gaps(self, gaps: list[found.Gap]) -> Iterator[Gap]:
        """Gaps of one slice with one reason in one row."""
        for (time, why), group in groupby(gaps, lambda gap: (gap.time, gap.why)):
            columns = np.array([gap.column for gap in group], np.int64)
            yield Gap(self.schedule.previous(time), self.schedule.next(time).time, columns, why)

    def _arrived(self, closed: found.Closed) -> Arrived:
        time, day = closed.slice.time, closed.slice.day
        now, then = self.schedule.next(time - 1), self.schedule.next(time)
        label, later = self.schedule.label(now), self.schedule.label(then)
        last = then.day != now.day
        one, two = (np.datetime64(each, "D").astype("datetime64[M]") for each in (label, later))
        bars = np.stack(
            (closed.slice.open, closed.slice.high, closed.slice.low, closed.slice.close, closed.slice.volume)
        )
        return Arrived(
            time,
            label,
            day - self._day_zero,
            last,
            last and (label + MONDAY) // 7 != (later + MONDAY) // 7,
            last and bool(one != two),
            bars,
            closed.empty,
            None,
            closed.catch_up,
        )


def facts_of(name: str, calendar: str, schedule: Schedule, prices: str = "as_traded") -> Facts:
    """What is declared of a live source's bars."""
    daily = schedule.step == DAY_NS
    return Facts(name, prices, "none", calendar, "refuse", schedule.bars_per_year(), calendar, daily)
