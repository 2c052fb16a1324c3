"""Alarms of a running session for people who are not watching: looked for by the clock, and handed to --notify."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine.errors import first_line
from engine.live.alarms import alarm_of, overdue
from engine.live.clock import Clock
from engine.live.commands import stamp

if TYPE_CHECKING:
    from engine.live.notify import Notifier, Pace
    from engine.live.session import Session

EVERY = 1.0  # seconds between looks by the clock
LATE = 120 * 1_000_000_000  # ns after which a slice that is due is missed


class Looker:
    """Called after every arrival: what is late by the clock, said in the log when it begins, and told."""

    def __init__(self, session: Session, clock: Clock, notifier: Notifier | None) -> None:
        self.session, self.clock, self.notifier = session, clock, notifier
        self.due = clock.elapsed()

    def __call__(self, session: Session) -> None:
        if self.clock.elapsed() < self.due:
            return
        self.due = self.clock.elapsed() + EVERY
        beside = None if session.beside is None else session.beside.told()
        found, before = overdue(session.feed, beside, self.clock.now(), LATE), session.alarms.waiting
        session.alarms.waiting = found
        for name, words in found.items():
            if name not in before:
                session.log("WARNING", f"alarm: {words}")
                self.tell(name, words)

    def tell(self, name: str, words: str) -> None:
        """Hand an alarm over, with where and when."""
        if self.notifier is None:
            return
        fold = self.session.fold
        time = None if fold.arrived is None else fold.arrived.time
        self.notifier.note({
            "schema_version": 1, "session": str(self.session.folder), "alarm": name, "words": words, "slice": fold.met - 1,
            "time": None if time is None else f"{stamp(time)} UTC", "at": f"{stamp(self.clock.now())} UTC",
        })  # fmt: skip

    def note(self, told: Any) -> None:
        """A row that is durable; what goes wrong with it is no matter of the session's."""
        try:
            if (found := alarm_of(told.kind, told.body, self.session.fold.universe.symbols)) is not None:
                self.tell(*found)
        except Exception as error:
            self.session.log("WARNING", f"notify: row {told.seq} could not be told: {first_line(error)}")


@contextmanager
def alarming(session: Session, clock: Clock, words: list[str] | None, pace: Pace | None = None) -> Iterator[Looker]:
    """What is to be called after every arrival of a session that has not begun to run; `words`: the command of --notify."""
    if words is None:
        yield Looker(session, clock, None)
        return
    from engine.live.notify import Notifier
    from engine.web.scrub import Scrub
    from engine.web.tap import Tap

    notifier = Notifier(words, harmless(os.environ), clock, session.log, Scrub(os.environ), pace)
    looker = Looker(session, clock, notifier)
    session.writer = Tap(session, session.writer, looker.note)
    if session.alarms.crashed:
        looker.tell("restart", f"going on after a process that did not close, at slice {session.fold.met}")
    try:
        yield looker
    except BaseException as error:
        looker.tell("stopped", f"the session has stopped: {first_line(error, typed=False)}")
        raise
    finally:
        notifier.close()


def told_to(notify: str | None) -> list[str] | None:
    """The command of --notify as words."""
    if notify is None:
        return None
    from engine.live.notify import command_of

    return command_of(notify)


def harmless(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what it names as secrets."""
    from engine.web.scrub import NAMES

    return {name: value for name, value in environment.items() if not NAMES.search(name)}
