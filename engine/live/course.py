"""The course of an account: its equity at the end of each day since the first slice that was no history; a fold of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from engine.live import tape
from engine.shapes import EQUITY
from engine.types import Floats, Ints

KINDS = (tape.START, tape.WARM_UP, tape.SLICE, tape.ADOPTED, tape.DECISION)


class Days(NamedTuple):
    """Days that have ended: D of them after `base`, the equity before the first."""

    base: float
    times: Ints  # (D,) ns, of each day's last slice
    numbers: Ints  # (D,) as the feed counts days
    equity: Floats  # (D,)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def returns(self) -> Floats:
        """(D,) simple returns; NaN from the day on that equity was not above zero."""
        before = np.append(self.base, self.equity)[:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(before > 0.0, self.equity / before - 1.0, np.nan)


@dataclass(slots=True)
class Course:
    """What rows have come to so far. A day ends with the slice that says so, or with the first slice of another day."""

    base: float = float("nan")
    live: bool = False
    since: int = 0  # ns, of the last slice of history; 0: there was none
    times: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    ended: bool = False  # the last day of the lists
    closing: bool = False  # the slice that is being decided is its day's last

    def take(self, kind: str, body: Mapping[str, Any]) -> None:
        """The next row; kinds that say nothing of equity are passed over."""
        if kind == tape.START:
            self.base = float(body["config"]["capital"])
        elif kind == tape.WARM_UP:
            self.live, self.since = False, int(body["time"])
        elif kind == tape.SLICE:
            self.live = True
            if not self.numbers or self.numbers[-1] != body["day"]:
                self.times.append(body["time"])
                self.numbers.append(body["day"])
                self.equity.append(self.equity[-1] if self.equity else self.base)
            self.times[-1], self.ended = body["time"], False
            self.closing = bool(body["flags"][0])
        elif kind == tape.ADOPTED:
            self.base = float(body["state"]["money"][EQUITY])
        elif kind == tape.DECISION:
            self._decided(float(body["money"][0]))

    def _decided(self, equity: float) -> None:
        if not self.live:
            self.base = equity
            return
        self.equity[-1] = equity
        self.ended = self.closing

    def days(self) -> Days:
        """The days that have ended."""
        count = len(self.times) - (0 if self.ended or not self.times else 1)
        columns = (np.array(self.times[:count], np.int64), np.array(self.numbers[:count], np.int64))
        return Days(self.base, *columns, np.array(self.equity[:count], np.float64))


def course_of(rows: Iterable[Any]) -> Course:
    """The course of an account whose rows these are."""
    out = Course()
    for row in rows:
        if row.kind in KINDS:
            out.take(row.kind, row.body)
    return out
