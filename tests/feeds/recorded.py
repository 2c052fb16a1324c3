"""Recorded bars as a live feed: the real LiveFeed and its assembler, over a line that plays a panel on a clock of its own.

Three looks at every bar: two seconds after its end the stream says what it has, at five REST is asked, at six it answers. Where
no instrument has a bar for longer than `OUTAGE` nothing answers, and nobody knows later either: those bars are gaps. The same
panel gives the same arrivals, from whatever slice a session goes on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator

import numpy as np

from engine.feeds.assembler import Rules
from engine.feeds.facts import REST, SECOND, Bar, History, Values, Wanted
from engine.feeds.live import LiveFeed, facts_of
from engine.feeds.schedule import Schedule
from engine.live.feed import Arrival, Arrived, Resume
from engine.panel import Panel

LOOKS = (2 * SECOND, 5 * SECOND, 6 * SECOND)  # after a bar's end
OUTAGE = 10  # bars without any: the source was down


class Clock:
    """Bar time, moved by the line."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def elapsed(self) -> float:
        return self.at / 1e9

    def sleep(self, seconds: float) -> None:
        """Nobody waits."""


class PlayedLine:
    """The Line of a LiveFeed, without a network and without a thread."""

    def __init__(self, panel: Panel, schedule: Schedule, clock: Clock, first: int) -> None:
        self.panel, self.schedule, self.clock = panel, schedule, clock
        self.counts: Counter[str] = Counter()
        self.last = int(panel.times[-1])
        self.bars = np.stack((panel.open, panel.high, panel.low, panel.close, panel.volume), axis=2)
        self._due, self._look = schedule.next(first - 1).time, 0
        self._questions: list[Wanted] = []
        edges = np.flatnonzero(np.diff(panel.times) > OUTAGE * schedule.step)
        self.dark = [(int(panel.times[k]), int(panel.times[k + 1])) for k in edges]  # both excluded

    def start(self) -> None:
        """Nothing is dialled."""

    def stop(self) -> None:
        """Nothing is held."""

    def ask(self, wanted: Iterable[Wanted]) -> None:
        self._questions += wanted

    def take(self, seconds: float) -> list[Bar | History]:
        """What the next look brings; the clock moves there."""
        if self._due > self.last + 20 * self.schedule.step:
            raise EOFError
        self.clock.at = max(self.clock.at, self._due + LOOKS[self._look])  # whoever was slow is late
        told: list[Bar | History] = []
        if self._look == 0:
            told += self.at(self._due)
        asked, self._questions = self._questions, []
        told += [answer for each in asked if (answer := self.history(each)) is not None]
        self._look = (self._look + 1) % len(LOOKS)
        if self._look == 0:
            self._due = self.schedule.next(self._due).time
        self.counts["bars"] += len(told)
        return told

    def at(self, time: int) -> list[Bar]:
        """The bars that close at `time`."""
        row = int(np.searchsorted(self.panel.times, time))
        if row == len(self.panel) or self.panel.times[row] != time:
            return []
        known = np.flatnonzero(np.isfinite(self.bars[row, :, 3]))
        return [Bar(int(k), time, Values(*map(float, self.bars[row, k])), time + SECOND) for k in known]

    def history(self, want: Wanted) -> History | None:
        """What REST says: nothing while the source is down, and nothing of the time when it was."""
        now, first = self.clock.at, want.first
        for begun, over in self.dark:
            if begun < now < over:
                return None
            if begun < want.last and first < over <= now:
                first = over
        rows = range(*(int(np.searchsorted(self.panel.times, edge)) for edge in (first, want.last + 1)))
        bars = [
            Bar(want.column, int(self.panel.times[r]), Values(*map(float, self.bars[r, want.column])), now, REST)
            for r in rows
            if np.isfinite(self.bars[r, want.column, 3])
        ]
        return History(want.column, first, min(want.last, now), tuple(bars), now)


class RecordedFeed(LiveFeed):
    """A LiveFeed over a panel. `warm`: slices of history before the first that is live."""

    line: PlayedLine  # type: ignore[assignment]

    def __init__(self, panel: Panel, schedule: Schedule, warm: int, rules: Rules | None = None) -> None:
        first = schedule.back(int(panel.times[0]), 0)
        for _ in range(warm):
            first = schedule.next(first).time
        clock = Clock(first - 1)
        facts = facts_of(panel.name, panel.calendar, schedule, panel.prices)
        super().__init__(
            NoProvider(),
            panel.universe,
            facts,
            schedule,
            rules or Rules(window=warm + 1, outage=600 * SECOND),
            clock,  # type: ignore[arg-type]
        )
        self.line = PlayedLine(panel, schedule, clock, int(panel.times[0]))
        self.least = warm

    def arrivals(self, resume: Resume) -> Iterator[Arrival]:
        """All from the beginning, less what a tape has already: as if the process had never gone."""
        if self.assembler is None:
            deque(self.warm_up(self.least), maxlen=0)
        missing = resume.time >= 0
        try:
            for arrival in super().arrivals(Resume()):
                if arrival is not None and not (missing and self._is_known(arrival, resume.time)):
                    yield arrival
                if isinstance(arrival, Arrived) and arrival.time >= self.line.last:
                    return
        except EOFError:
            return

    def _is_known(self, arrival: Arrival, until: int) -> bool:
        """Whether it came before the slice that a tape ends in."""
        if isinstance(arrival, Arrived):
            self._reached = arrival.time
            return arrival.time <= until
        return self._reached < until

    _reached = -1


class NoProvider:
    """Nobody is dialled."""

    name = "recorded"
