"""Alarms of a session: what its signals in use and its switches are reproached with, noted when it begins and when it is over.

Notes follow from the tape and change nothing that does: a session with alarms has the digest of one without. What has failed
here is said once in the log, and the session goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import first_line
from engine.inuse.watch import Watch
from engine.live import tape
from engine.live.commands import stamp

if TYPE_CHECKING:
    from engine.config import Config
    from engine.journal import Row
    from engine.live.fold import Fold

SWITCHES = (
    "max_drawdown",
    "daily_loss",
    "sigma_loss",
    "rolling_sharpe",
    "losing_streak",
)  # in the order of their state
DIFFERS = "mirror-differs"
Body = dict[str, Any]


class Alarms:
    """What stands: name -> the note that raised it. A fold of the rows of one session's journal."""

    def __init__(self, fold: Fold, config: Config) -> None:
        execution = config.execution
        self.fold = fold
        rules = execution.fill, execution.delay, fold.facts.missing_open
        self.watch = Watch(fold.signals, fold.engine.signals, len(fold.universe), *rules)
        told = config.switches.model_dump()
        self.switches = [name for name in SWITCHES if told.get(name) is not None]
        self.standing: dict[str, Body] = {}
        self.waiting: dict[str, str] = {}  # of the wall clock, which no row holds
        self.crashed = False  # whether the process before this one ended without a closing row
        self.failed, self._said = "", False
        self._told: tuple[int, list[Body]] = (-1, [])

    def fold_rows(self, rows: Iterable[Row]) -> None:
        """Everything a journal says so far."""
        last = ""
        for row in rows:
            last = row.kind
            self.take(row.kind, row.body)
        self.crashed = last != tape.CLOSE

    def take(self, kind: str, body: Mapping[str, Any]) -> None:
        """One row."""
        if kind == tape.ALARM:
            if body["raised"]:
                self.standing[body["alarm"]] = dict(body)
            else:
                self.standing.pop(body["alarm"], None)
        elif not self.failed:
            try:
                self.watch.take(kind, body, self.fold.signals)
            except Exception as error:
                self._fails(error)

    def news(self, now: int) -> list[Body]:
        """Rows of what has begun or ended since the last note, `received` at `now`."""
        found, t, time = self.conditions(), self.watch.t, self.watch.time
        begun = [
            tape.alarm_row(name, True, words, t, time, now)
            for name, words in found.items()
            if name not in self.standing
        ]
        over = [
            tape.alarm_row(name, False, str(body["words"]), t, time, now)
            for name, body in self.standing.items()
            if name not in found
        ]
        return [*begun, *over]

    def news_of_failure(self) -> str:
        """Why nothing is watched any more, the first time it is asked for; else empty."""
        told, self._said = "" if self._said else self.failed, bool(self.failed)
        return told

    def conditions(self) -> dict[str, str]:
        """What is wrong now."""
        out = {}
        if not self.failed:
            try:
                out = self.watch.conditions()
            except Exception as error:
                self._fails(error)
        state = self.fold.engine.guard.state
        if np.ndim(state) == 2 and len(state) == len(self.switches):
            for name, row in zip(self.switches, state, strict=True):
                if row[0]:
                    out[f"switch {name}"] = f"the switch {name} has tripped"
        return out

    def signals(self) -> list[Body]:
        """What is known of every signal in use, as plain data; worked out once per slice."""
        if self.failed:
            return []
        if self._told[0] != self.watch.t:
            try:
                self._told = self.watch.t, self.watch.told()
            except Exception as error:
                self._fails(error)
                return []
        return self._told[1]

    def _fails(self, error: Exception) -> None:
        self.failed = f"the watch over the signals has failed and is off: {first_line(error)}"

    def told(self) -> list[Body]:
        """What stands, the latest first."""
        rows = [{"alarm": name, "words": body["words"], "time": body["time"]} for name, body in self.standing.items()]
        beside = [{"alarm": name, "words": words, "time": None} for name, words in self.waiting.items()]
        return [*beside, *reversed(rows)]


def alarm_of(kind: str, body: Mapping[str, Any], symbols: tuple[str, ...]) -> tuple[str, str] | None:
    """(name, words) of a row that somebody who is not watching should hear of; None for all others."""
    if kind == tape.ALARM:
        return (str(body["alarm"]), str(body["words"])) if body["raised"] else None
    if kind == tape.COMMAND and body["name"] == "kill":
        return "kill", f"killed: {body['reason'] or 'no reason was given'}"
    if kind == tape.GAP:
        stretch = f"from {stamp(body['after'])} to {stamp(body['before'])}"
        return "gap", f"{len(body['instruments'])} instruments have no bars {stretch}: {body['reason']}"
    if kind == tape.LATE:
        return (
            "late",
            f"{symbols[body['instrument']]}: the bar of {stamp(body['time'])} came after its slice had closed",
        )
    if kind == tape.HALT:
        return "halt", f"halted: {body['why']}"
    if kind == tape.DECISION and not body["alive"]:
        return "ruin", "the account is ruined"
    if kind == DIFFERS:
        return "broker", f"{body['symbol']}: the broker holds {body['held']:g}, our orders made {body['mirrored']:g}"
    return None


def overdue(feed: Any, beside: Mapping[str, Any] | None, now: int, slack: int) -> dict[str, str]:
    """What is wrong by the wall clock at `now`: a slice later than the feed itself would wait, by more than `slack` ns, and a
    broker that does not answer.
    """
    out = {}
    due = feed.due() if callable(getattr(feed, "due", None)) else None
    if due is not None and now - due > slack + int(getattr(feed, "patience", 0)):
        out["feed"] = f"the slice that was due at {stamp(due)} UTC has not come"
    if beside is not None and beside.get("silent"):
        out["broker silent"] = f"{beside['name']} does not answer"
    return out
