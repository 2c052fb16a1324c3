"""The cone on the page: bands beside the curve of equity, and the sentence under it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError
from engine.live import cone
from engine.live.course import Course, Days
from engine.live.within import placed
from engine.web.words import line

if TYPE_CHECKING:
    from jinja2 import Environment

LINES = {"low": 5.0, "lower": 25.0, "middle": 50.0, "upper": 75.0, "high": 95.0}  # percentiles that are drawn
DAY_NS = 86_400_000_000_000
AHEAD = {"1M": 5, "all": 20}  # days after the last, at least; spans without a place here have no cone
MOST = 400  # points of a line
LATE = 60  # days from which the pace of days is read


class Coned:
    """The cone of a session folder, read once it is there."""

    def __init__(self, folder: Path, account: str = "") -> None:
        self.folder, self.account = folder, account
        self.why = ""
        self._cone: cone.Cone | None = None

    def cone(self) -> cone.Cone | None:
        """The cone; None where there is none, or none that can be read: then `why` says so."""
        if self._cone is None and not self.why:
            try:
                self._cone = cone.read(self.folder, self.account)
            except DataError as error:
                self.why = str(error)
        return self._cone

    def part(self, made: Environment, course: Course) -> str:
        """The sentence, as HTML."""
        place = placed(self.cone(), course.days())
        told = {"said": line(self.why) if self.why else place["said"], "inside": place.get("inside")}
        module: Any = made.get_template("cone.html").module
        return str(module.cone(told))

    def bands(self, course: Course, span: str, first: int) -> dict[str, Any] | None:
        """The lines from `first` ns on, by name, their times `x` in ns, and whether there is `more` later; None for nothing."""
        told = self.cone()
        if told is None or span not in AHEAD or not course.times:
            return None
        days = course.days()
        times, day = moments(course, days, told["growth"].shape[1], AHEAD[span])
        kept = np.flatnonzero(times >= first)
        if len(kept) < 2:
            return None
        kept = kept[np.unique(np.linspace(0, len(kept) - 1, MOST).astype(np.int64))]
        out: dict[str, Any] = {"x": times[kept].tolist(), "more": int(day[-1]) < told["growth"].shape[1]}
        for name, level in LINES.items():
            grown = np.append(1.0, told["growth"][told["levels"].index(level)])
            out[name] = [float(f"{value:.9g}") for value in days.base * grown[day[kept]]]
        return out


def moments(course: Course, days: Days, horizon: int, least: int) -> tuple[np.ndarray, np.ndarray]:
    """(times in ns, days since the start) of what is drawn: the days that have ended, and a quarter as many to come."""
    past = days.times[:horizon]
    pace = int(np.diff(past[-LATE:]).mean()) if len(past) > 1 else DAY_NS
    last = int(past[-1]) if len(past) else course.times[0] - pace
    ahead = min(horizon - len(past), max(least, len(past) // 4))
    began = course.since if 0 < course.since < course.times[0] else int(past[0]) - pace if len(past) else last
    future = last + pace * np.arange(1, ahead + 1)
    times = np.concatenate(([began], past, future)).astype(np.int64)
    return times, np.arange(len(times))
