"""Tell a session something from outside, by the command line or its page: the latch, the broker, then the file it reads.

A kill closes the latch before anything else, which needs neither room on the disk nor a session that listens, and cancels at the
broker itself. A command is left as a file, so that it is journaled and acts alike whoever gave it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from engine import latch
from engine.errors import BarcastError, ConfigError, OutputError
from engine.live.clock import Clock
from engine.live.commands import Command
from engine.live.control import answer, post

JOURNALED, WAITS, LATCHED = "journaled", "waits", "latched"


class Told(NamedTuple):
    """What became of a command: journaled; waits to be read; or, of a kill that could not be left, latched alone."""

    state: str
    broker: str = ""  # of a kill: a sentence on the open orders at the broker, or nothing
    error: str = ""  # why it could not be left


def instruct(session: Path, command: Command, clock: Clock, wait: float) -> Told:
    """Give `command` to the session in this folder, and wait so many seconds for it to be heard.

    ConfigError with the session's reason if it is refused; OutputError if it cannot be left, but for a kill.
    """
    broker = ""
    if command.name == "kill":
        latch.kill(session, command.reason or "barcast kill", clock.now())
        broker = cancelled(session)
    elif command.name == "resume":
        latch.resume(session, command.reason, clock.now())
    try:
        key = post(session, command, clock)
    except OutputError as error:
        if command.name != "kill":
            raise
        return Told(LATCHED, broker, str(error))
    heard = answer(session, key, clock, wait)
    if heard not in (JOURNALED, WAITS):
        raise ConfigError(heard)
    return Told(heard, broker)


def cancelled(session: Path) -> str:
    """Cancel what is open at the session's broker, whatever state the session is in; what to say of it."""
    from engine.brokers.building import venue_of
    from engine.brokers.sending import UncertainError
    from engine.live.accounts import names_in
    from engine.live.paper import config_of

    try:
        first = (names_in(session) or ("",))[0]  # several accounts have one broker
        venue = venue_of(config_of(session, first))
        cancel = getattr(venue, "cancel_all", None)
        if cancel is None:
            return "" if venue is None else ". The broker was not asked to cancel: it cannot be"
        cancel()
    except (BarcastError, UncertainError) as error:
        return f". The broker was not asked to cancel, or did not answer: {error}"
    return ". Open orders at the broker are cancelled"
