"""The wall clock, the one place of engine/live that asks for the time or waits. No decision depends on it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What a session may ask of time: for staleness, schedules and timeouts."""

    def now(self) -> int:
        """ns since 1970, UTC; may jump."""
        ...

    def elapsed(self) -> float:
        """Seconds that only rise."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own."""

    def now(self) -> int:
        return time.time_ns()

    def elapsed(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


class StoppedClock:
    """A clock that moves only when somebody waits: the same session, the same journal."""

    def __init__(self, start: int = 0) -> None:
        self.at = start

    def now(self) -> int:
        return self.at

    def elapsed(self) -> float:
        return self.at / 1e9

    def sleep(self, seconds: float) -> None:
        self.at += int(max(0.0, seconds) * 1e9)
