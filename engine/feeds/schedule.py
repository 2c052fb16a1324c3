"""When bars of one interval close: the calendar's answer, session by session; pure arithmetic on session times."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from engine.data.calendars import ALWAYS, INFERRED, Sessions, sessions_of
from engine.errors import ConfigError, DataError
from engine.types import DAY_NS

MINUTE_NS = 60_000_000_000
UNITS = {"m": MINUTE_NS, "h": 60 * MINUTE_NS, "d": DAY_NS}
INTERVAL = re.compile(r"([1-9]\d{0,3})([mhd])")
YEARS_AHEAD = 366 * 5


class Close(tuple[int, int]):
    """(ns of the close, number of its session; sessions are numbered in a row)."""

    __slots__ = ()

    @property
    def time(self) -> int:
        return self[0]

    @property
    def day(self) -> int:
        return self[1]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The closes of bars of `step` ns: within each session from its open, the last one at the session's close."""

    step: int
    exchange: Sessions | None  # None: always open, days from 00:00 UTC

    def next(self, after: int) -> Close:
        """The first close later than `after`; DataError beyond the calendar's records."""
        if self.exchange is None:
            time = (after // self.step + 1) * self.step
            return Close((time, (time - 1) // DAY_NS))
        place = int(np.searchsorted(self.exchange.close, after, side="right"))
        if place == len(self.exchange.close):
            raise DataError(f"calendar: {self.exchange.name} has no session after its last; install a newer calendar")
        opened, closed = int(self.exchange.open[place]), int(self.exchange.close[place])
        passed = max(0, (after - opened) // self.step + 1)
        return Close((min(opened + max(passed, 1) * self.step, closed), place))

    def back(self, before: int, count: int) -> int:
        """The close that is `count` closes before the first one at or after `before` (count 0: that one)."""
        found = self.next(before - 1).time
        for _ in range(count):
            found = self.previous(found)
        return found

    def previous(self, before: int) -> int:
        """The last close earlier than `before`."""
        if self.exchange is None:
            return (before - 1) // self.step * self.step
        place = int(np.searchsorted(self.exchange.open, before - 1, side="right")) - 1
        if place < 0:
            raise DataError(f"calendar: {self.exchange.name} has no session before its first; start later")
        opened, closed = int(self.exchange.open[place]), int(self.exchange.close[place])
        if before > closed:
            return closed
        passed = (before - 1 - opened) // self.step
        return opened + passed * self.step if passed > 0 else self.previous(opened)

    def has(self, time: int) -> bool:
        """Whether a bar closes at `time`."""
        try:
            return self.next(time - 1).time == time
        except DataError:
            return False

    def opened(self, close: int) -> int:
        """ns at which the bar that closes at `close` began."""
        if self.exchange is None:
            return close - self.step
        place = int(np.searchsorted(self.exchange.close, close))
        begun = int(self.exchange.open[place])
        return begun + (close - 1 - begun) // self.step * self.step

    def closing(self, opened: int) -> int:
        """ns at which the bar that begins at `opened` closes: for providers that label bars by their open."""
        return self.next(opened).time

    def label(self, close: Close) -> int:
        """Days since 1970-01-01 of the date of the close's session."""
        return (
            close.day
            if self.exchange is None
            else int(self.exchange.label[close.day].astype("datetime64[D]").astype(int))
        )

    def bars_per_session(self) -> int:
        """Bars of the usual session."""
        if self.exchange is None:
            return DAY_NS // self.step
        return int(np.median(np.ceil((self.exchange.close - self.exchange.open) / self.step)))

    def bars_per_year(self) -> float:
        """Bars in a year: the mean number of sessions in the calendar's whole years times the bars of its usual session."""
        if self.exchange is None:
            return 365.0 * DAY_NS / self.step
        years = self.exchange.label.astype("datetime64[Y]")
        return len(years) / len(np.unique(years)) * float(self.bars_per_session())

    def is_open(self, now: int) -> bool:
        """Whether a bar is being made at `now`."""
        if self.exchange is None:
            return True
        place = int(np.searchsorted(self.exchange.close, now, side="right"))
        return place < len(self.exchange.close) and bool(self.exchange.open[place] <= now)


def schedule(calendar: str, interval: str, now: int) -> Schedule:
    """The closes of `interval` (1m, 5m, 1h, 1d ...) on `calendar`, for years around `now` (ns).

    A step must divide the day (24/7), and on an exchange be minutes or one day; anything else is refused.
    """
    step = interval_ns(interval)
    if calendar == INFERRED:
        raise ConfigError(f"feed.calendar: a live feed needs a calendar (XNYS, 24/7 ...); it was {INFERRED}")
    day = np.datetime64(now // DAY_NS, "D")
    exchange = sessions_of(calendar, day, day + np.timedelta64(YEARS_AHEAD, "D") if calendar != ALWAYS else day)
    if DAY_NS % step:
        raise ConfigError(f"feed.interval: {interval} does not divide a day; use e.g. 1m, 5m, 15m, 1h or 1d")
    return Schedule(step, exchange)


def interval_ns(interval: str) -> int:
    """ns of 1m, 15m, 1h, 1d ...; ConfigError for anything else."""
    found = INTERVAL.fullmatch(interval)
    if found is None:
        raise ConfigError(f"feed.interval: expected a number and m, h or d, such as 1m, 15m or 1d; it was {interval!r}")
    return int(found.group(1)) * UNITS[found.group(2)]
