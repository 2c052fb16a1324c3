"""Bars in any order become slices in the calendar's order. Pure: every call is told the time, nothing is asked of a clock.

A slice closes at bar end + hold. A cell that is not known then is asked of REST (`wanted`); the slice waits for the answer up
to `patience` after the latest news of it, or up to `outage` while nothing at all is known of it, and then closes with a gap.
A closed slice never changes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from engine.feeds.cells import BAD, BAR, EMPTY, UNKNOWN, Cells
from engine.feeds.facts import (
    REST,
    REVISION,
    SECOND,
    Arrival,
    Bar,
    Closed,
    Correction,
    Gap,
    History,
    Late,
    Rejected,
    Values,
    Wanted,
)
from engine.feeds.schedule import Close, Schedule
from engine.feeds.vetting import fault
from engine.feeds.watching import Watch
from engine.types import Floats, Slice


@dataclass(frozen=True, slots=True)
class Rules:
    """When a slice closes and what may still be done with it; ns, except `window` and `memory` in slices."""

    grace: int = 5 * SECOND  # after the bar's end a streamed bar is waited for; then REST is asked
    settle: int | None = None  # None: bars as first seen; else the slice closes this long after the bar's end
    patience: int = 20 * SECOND  # beyond the hold, for an instrument that REST does not answer about
    outage: int = 6 * 3600 * SECOND  # the same while no instrument of the slice is known
    max_signal_age: int = 60 * SECOND  # a slice that closes later than this opens nothing
    skew: int = 2 * SECOND  # how far a source's clock may be ahead of ours
    window: int = 1  # slices a signal sees: how long a gap blocks entries
    memory: int = 1_000  # closed slices kept to recognise corrections and late bars
    jump: float | None = None  # a price so many times the last close, or so many times below it, is held back
    frozen: int | None = None  # a bar that comes so often in a row, volume and all, is held back
    absent: int | None = None  # after so many slices in a row without a bar somebody is told

    @property
    def hold(self) -> int:
        """ns from a bar's end to its slice's close."""
        return self.grace if self.settle is None else max(self.grace, self.settle)


class Assembler:
    """Slices of `n` instruments from the one that closes at or after `start` on; asked for since `begun` (ns).

    `closes`: (N,) the last closes before `start`, where a tape has some.
    """

    def __init__(
        self,
        n: int,
        schedule: Schedule,
        rules: Rules,
        start: int,
        begun: int = 0,
        closes: Floats | None = None,
    ) -> None:
        self.n = n
        self.begun = begun
        self.schedule = schedule
        self.rules = rules
        self.next: Close = schedule.next(start - 1)
        self.first = self.next.time
        self.counts: Counter[str] = Counter()
        self._open: dict[int, Cells] = {}
        self._closed: dict[int, Cells] = {}  # in order of time
        self._blocked = np.zeros(n, np.int64)  # slices for which entries are still blocked
        self._watch = Watch(n, rules.jump, rules.frozen, rules.absent, closes)

    def offer(self, bar: Bar, now: int) -> tuple[Arrival, ...]:
        """Take in one bar of the stream; what must be told at once: rejected, late or a correction."""
        why = self._refusal(bar, now)
        if why is not None:
            self.counts["rejected"] += 1
            return (Rejected(bar.column, bar.time, bar.values, why),)
        if bar.time < self.next.time:
            return self._after_the_close(bar, now)
        return self._before_the_close(bar, now)

    def answer(self, history: History, now: int) -> tuple[Arrival, ...]:
        """Take in what REST said: its bars, and that there are no others between its first and last."""
        told: list[Arrival] = []
        bars: set[int] = set()
        for bar in history.bars:
            bars.add(bar.time)
            found = self.offer(bar, now)
            if found and isinstance(found[0], Rejected) and bar.time >= self.next.time and fault(bar.values):
                self._cells(bar.time).spoil(bar.column, found[0].why)
            told += found
        for time, cells in self._between(history.first, history.last):
            if time not in bars:
                told += self._denied(history, time, cells, now)
        return tuple(told)

    def wanted(self, now: int) -> tuple[Wanted, ...]:
        """Per instrument the span of closes that are over and still not known, one known close before it included."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        close = self.next
        while close.time + self.rules.grace <= now:
            for column in np.flatnonzero(self._cells(close.time).state == UNKNOWN):
                first.setdefault(int(column), close.time)
                last[int(column)] = close.time
            close = self.schedule.next(close.time)
        return tuple(Wanted(column, self._overlap(first[column]), last[column]) for column in sorted(first))

    def tick(self, now: int) -> tuple[Arrival, ...]:
        """Close every slice that is due, oldest first; gaps stand before the slice they are in."""
        told: list[Arrival] = []
        while now >= self.next.time + self.rules.hold:
            cells = self._cells(self.next.time)
            unknown = cells.state == UNKNOWN
            if unknown.any():
                limit = self.rules.outage if unknown.all() else self.rules.patience
                since = max(self.next.time + self.rules.hold, cells.touched, self.begun)
                if now < since + limit:
                    break
            told += self._close(cells, now)
        return tuple(told)

    def due(self) -> int:
        """ns at which the next slice may close."""
        return self.next.time + self.rules.hold

    def _refusal(self, bar: Bar, now: int) -> str | None:
        """Why the bar cannot be used at all, or None."""
        if not 0 <= bar.column < self.n:
            return "it belongs to no instrument of the universe"
        if bar.time > now + (0 if bar.origin == REST else self.rules.skew):
            return "it closes in the future: still forming, or a clock is wrong"
        if bar.time < self.first:
            return "it closed before this tape begins"
        if not self.schedule.has(bar.time):
            return "no bar closes then: outside the session, or of another interval"
        if bar.time < self.next.time and bar.time not in self._closed:
            return "its slice closed longer ago than is remembered"
        return fault(bar.values)

    def _before_the_close(self, bar: Bar, now: int) -> tuple[Arrival, ...]:
        cells = self._cells(bar.time)
        if cells.state[bar.column] != BAR:
            cells.put(bar)
            cells.touched = now
            return ()
        return self._again(bar, cells, acted=False)

    def _after_the_close(self, bar: Bar, now: int) -> tuple[Arrival, ...]:
        cells = self._closed[bar.time]
        if cells.state[bar.column] != BAR:
            cells.put(bar)
            self.counts["late"] += 1
            return (Late(bar.column, bar.time, bar.values, now),)
        return self._again(bar, cells, acted=True)

    def _again(self, bar: Bar, cells: Cells, acted: bool) -> tuple[Arrival, ...]:
        """A bar for a cell that has one: the same, an older version, or a correction of it."""
        held = cells.values_of(bar.column)
        if held == bar.values:
            self.counts["duplicate"] += 1
            cells.confirm(bar)
            return ()
        if cells.is_older(bar):
            self.counts["outdated"] += 1
            return ()
        cells.put(bar)
        self.counts["correction"] += 1
        return (Correction(bar.column, bar.time, held, bar.values, bar.origin, acted=acted),)

    def _denied(self, history: History, time: int, cells: Cells, now: int) -> tuple[Arrival, ...]:
        """REST knows of no bar at `time`: empty where nothing else is known; told, once, where the stream had one."""
        column = history.column
        if cells.state[column] == UNKNOWN:
            cells.state[column], cells.touched = EMPTY, now
        if cells.state[column] == BAR and not cells.denied[column] and history.asked >= cells.known[column]:
            cells.denied[column] = True
            self.counts["correction"] += 1
            return (Correction(column, time, cells.values_of(column), None, REST, time < self.next.time),)
        return ()

    def _close(self, cells: Cells, now: int) -> list[Arrival]:
        """The gaps of the next slice, and the slice."""
        time, day = self.next
        self._watch.hold_back(cells, time)
        gap = (cells.state == UNKNOWN) | (cells.state == BAD)
        told: list[Arrival] = [
            Gap(int(column), time, cells.why.get(int(column), "neither the stream nor REST had it in time"))
            for column in np.flatnonzero(gap)
        ]
        gone = self._watch.gone(cells)
        told += [Gap(column, time, why) for column, why in gone.items()]
        self._blocked[[*np.flatnonzero(gap), *gone]] = self.rules.window
        told.append(
            Closed(
                Slice(time, day, *cells.columns()),
                _frozen(cells.state == EMPTY),
                _frozen(gap),
                _frozen(self._blocked > 0),
                now - time > self.rules.max_signal_age,
            )
        )
        self._blocked = np.maximum(self._blocked - 1, 0)
        self._closed[time] = self._open.pop(time)
        if len(self._closed) > self.rules.memory:
            del self._closed[next(iter(self._closed))]
        self.next = self.schedule.next(time)
        return told

    def _cells(self, time: int) -> Cells:
        return self._open.setdefault(time, Cells(self.n))

    def _between(self, first: int, last: int) -> list[tuple[int, Cells]]:
        """(close, cells) of every slice from `first` to `last` that is remembered or due."""
        found = [(time, cells) for time, cells in self._closed.items() if first <= time <= last]
        close = self.next if first <= self.next.time else self.schedule.next(first - 1)
        while close.time <= last:
            found.append((close.time, self._cells(close.time)))
            close = self.schedule.next(close.time)
        return found

    def _overlap(self, first: int) -> int:
        """The close before `first` if this tape has it, so that an answer can be held against what is known."""
        earlier = self.schedule.previous(first) if first > self.first else first
        return max(earlier, self.first)


def _frozen(mask: np.ndarray) -> np.ndarray:
    mask = mask.copy()
    mask.setflags(write=False)
    return mask


__all__ = ["REVISION", "Assembler", "Rules", "Values"]
