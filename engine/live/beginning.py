"""A session's beginning: a new folder, or one whose journal is folded so that it goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import journal, latch
from engine.contracts import Orderer, Rule, Signal, Strategy
from engine.errors import JournalError
from engine.live import accounts, tape
from engine.live import start as starts
from engine.live.clock import Clock, SystemClock
from engine.live.feed import Feed
from engine.live.fold import Fold
from engine.live.gate import Gate, Limits, Venue
from engine.live.handing import taken_up
from engine.live.refold import Refold, usable
from engine.live.session import Session
from engine.live.tape import JOURNAL

if TYPE_CHECKING:
    from engine.config import Config


def begin(
    folder: str | Path,
    config: Config,
    feed: Feed,
    signals: Mapping[str, Signal],
    plugins: Mapping[str, str] | None = None,
    *,
    clock: Clock | None = None,
    strategy: Rule | Strategy | Orderer | None = None,
    adopt: Mapping[str, Any] | None = None,
) -> Session:
    """The session in `folder`: a new one, or the one that is there, folded and ready to go on.

    ConfigError if it was begun with another file, plugin, model or code; JournalError if its journal is damaged or held;
    DivergedError if its journal does not come out of its own tape.
    """
    place, time = Path(folder), clock or SystemClock()
    header = starts.header(config, feed, signals, plugins or {}, time.now())
    if not (place / JOURNAL).exists():
        fold = Fold(config, feed.universe, feed.facts, signals, strategy)
        header["order"] = list(fold.engine.signals)
        header["adopted"] = None if adopt is None else {key: adopt[key] for key in ("session", "head", "digest")}
        permit(place, time)
        gate = Gate(Limits.of(header["config"]), feed.universe, Venue.of(header["config"]))
        session = Session(place, journal.create(place / JOURNAL, header), fold, feed, time, gate, config)
        session.adopting = adopt
        return session
    if adopt is not None:
        raise JournalError(
            f"{place}: there is a session here; --adopt needs a new place. Choose another with --session"
        )
    writer, recovered = journal.reopen(place / JOURNAL)
    try:
        return go_on(place, writer, recovered, header, config, feed, signals, time, strategy, adopt)
    except BaseException:
        writer.close()
        raise


def permit(place: Path, clock: Clock) -> None:
    """The folder of a new session, with leave to send."""
    place.mkdir(parents=True, exist_ok=True)
    if not any((place / name).exists() for name in (latch.PERMIT, latch.KILLED)):
        latch.issue(place, clock.now())


def go_on(
    place: Path,
    writer: Any,
    recovered: Any,
    header: dict[str, Any],
    config: Config,
    feed: Feed,
    signals: Mapping[str, Signal],
    clock: Clock,
    strategy: Rule | Strategy | Orderer | None,
    adopt: Mapping[str, Any] | None,
    account: str = "",
) -> Session:
    """A session folded from its journal, or from one account's rows of it, from the last checkpoint on."""
    rows = accounts.rows(place, account)
    start = next(rows).body
    starts.check_same(start, header, f"{place}, account {account}" if account else str(place))
    if adopt is not None and (start["adopted"] is None or start["adopted"]["head"] != adopt["head"]):
        raise JournalError(
            f"{place}: there is a session here; --adopt needs a new place. Choose another with --session"
        )
    universe = tape.universe_of(start["universe"])
    fold = Fold(config, universe, starts.facts_of(start), signals, strategy)
    skip = None
    for row in accounts.rows(place, account):
        skip = row if row.kind == tape.CHECKPOINT and usable(fold, row.body) else skip
    gate = Gate(Limits.of(start["config"]), universe, Venue.of(start["config"]))
    refold = Refold(fold, gate)
    refold.run(rows, skip)
    for name, body in refold.handed.items():
        fold.hand_over(name, taken_up(config, body))
    told = {"cut": recovered.cut, "why": recovered.why, "from": -1 if skip is None else int(skip.body["t"])}
    if start["adopted"] is not None and not refold.warm and not refold.adopted and adopt is None:
        raise JournalError(
            f"{place}: it was stopped before it took over {start['adopted']['session']}; say --adopt again"
        )
    writer.append(tape.RESTART, told | {"slices": fold.met, "at": clock.now()})
    session = Session(place, writer, fold, feed, clock, gate, config, refold, account)
    session.adopting = None if refold.adopted else adopt
    return session
