"""What is known of one slice: per instrument a bar, that there is none, that it is bad, or nothing yet."""

from __future__ import annotations

import numpy as np

from engine.feeds.facts import REST, REVISION, STREAM, Bar, Values
from engine.types import Floats

UNKNOWN, BAR, EMPTY, BAD = 0, 1, 2, 3
FIELDS = len(Values._fields)


class Cells:
    """(N,) states and (N, 5) values of the slice; NaN where there is no bar."""

    __slots__ = ("denied", "known", "revised", "state", "touched", "values", "why")

    def __init__(self, n: int) -> None:
        self.state = np.full(n, UNKNOWN, np.uint8)
        self.values = np.full((n, FIELDS), np.nan)
        self.known = np.zeros(n, np.int64)  # ns at which the source said what is held
        self.revised = np.zeros(n, bool)  # a correction, or said on request
        self.denied = np.zeros(n, bool)  # REST said that there is no such bar
        self.touched = 0  # ns at which something of it became known last
        self.why: dict[int, str] = {}  # of bad cells

    def put(self, bar: Bar) -> None:
        """Hold the bar."""
        self.state[bar.column] = BAR
        self.values[bar.column] = bar.values
        self.known[bar.column] = bar.known
        self.revised[bar.column] = bar.origin in (REVISION, REST)

    def confirm(self, bar: Bar) -> None:
        """The source said the same again: what is older than this says nothing new."""
        self.known[bar.column] = max(int(self.known[bar.column]), bar.known)
        self.revised[bar.column] |= bar.origin in (REVISION, REST)

    def spoil(self, column: int, why: str) -> None:
        """REST itself has only an impossible bar: known to be of no use."""
        if self.state[column] == UNKNOWN:
            self.state[column] = BAD
            self.why[column] = why

    def reject(self, column: int, why: str) -> None:
        """The bar that is held is of no use after all."""
        self.state[column], self.values[column], self.why[column] = BAD, np.nan, why

    def is_older(self, bar: Bar) -> bool:
        """Whether the bar says what the source thought before what is held: an original after its correction, or an
        answer to a question asked before the held bar came."""
        if bar.origin == STREAM and self.revised[bar.column]:
            return True
        return bar.known < int(self.known[bar.column])

    def values_of(self, column: int) -> Values:
        """The bar that is held."""
        return Values(*(float(x) for x in self.values[column]))

    def columns(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """(N,) read-only open, high, low, close, volume, as they are now."""
        made = []
        for k in range(FIELDS):
            column = self.values[:, k].copy()
            column.setflags(write=False)
            made.append(column)
        return made[0], made[1], made[2], made[3], made[4]
