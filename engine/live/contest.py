"""Several strategies on one feed, each with an account of its own: one process, one tape, one journal.

Each account is a session that hears, takes and writes as ever, in the order of the command; only its pen and its command box know
of the others. So its rows, and its digest, are those of the same session alone on the same tape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import journal
from engine.contracts import Signal
from engine.errors import ConfigError
from engine.live import accounts
from engine.live import start as starts
from engine.live.beginning import go_on, permit
from engine.live.clock import Clock
from engine.live.feed import Arrived, Feed
from engine.live.fold import Fold
from engine.live.gate import Gate, Limits, Venue
from engine.live.session import ENDED, RUINED, STOPPED, Session
from engine.live.tape import JOURNAL

if TYPE_CHECKING:
    from engine.config import Config

ALIKE = (
    "data",
    "universe",
    "feed",
    "broker",
)  # what accounts of one session have in common; of `execution`, lot and tick


@dataclass(frozen=True, slots=True)
class Entry:
    """One account to be: its file, the feed as it sees it, its signals, and a strategy where it is an object."""

    config: Config
    feed: Feed
    signals: Mapping[str, Signal]
    strategy: Any = None


class Contest:
    """One process's hold of a session of several accounts; `sessions` by name, in their order."""

    def __init__(self, folder: Path, writer: Any, sessions: Mapping[str, Session], shared: accounts.Round) -> None:
        self.folder, self.writer, self.sessions, self.shared = folder, writer, dict(sessions), shared
        self.post = accounts.Post(folder, tuple(sessions))
        for name, session in self.sessions.items():
            session.box = accounts.OwnBox(self.post, name)
        self._bury()

    @property
    def living(self) -> list[Session]:
        """The sessions whose account is not ruined."""
        return [session for session in self.sessions.values() if not session.ruined()]

    def run(
        self, stop: Callable[[], bool] = lambda: False, show: Callable[[Contest], None] = lambda contest: None
    ) -> str:
        """Take what the feed gives until it ends, every account is ruined, or `stop` says so; which of these it was."""
        if not self.living:
            return self._close(RUINED)
        first = self.living[0]
        if not first.warm and not self._warm_up(stop):
            return self._leave()
        for arrival in next(iter(self.sessions.values())).feed.arrivals(first.resume()):
            for session in self.living:
                session.hear(arrival.time if isinstance(arrival, Arrived) else None)
            if stop():
                return self._close(STOPPED)
            if arrival is not None:
                self.shared.next()
                for session in self.living:
                    session.take(arrival)
                self._bury()
            show(self)
            if not self.living:
                return self._close(RUINED)
        for session in self.living:
            session.hear()
        return self._close(ENDED)

    def _warm_up(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """The history before the first slice; False if `stop` said so before its end."""
        sessions = self.living
        after = sessions[0].resume().time
        for arrival in next(iter(self.sessions.values())).feed.warm_up(max(s.looks_back() for s in sessions)):
            if stop():
                return False
            if arrival is None:
                continue
            self.shared.next()
            for session in sessions:
                session.look_back(arrival, after)
        for session in sessions:
            session.begin()
            session.warmed(session)
        return True

    def _leave(self) -> str:
        """Go before the first slice: nothing is sealed."""
        for session in self.sessions.values():
            session.writer.commit()
            session.writer.close()
        self.writer.close()
        for feed in {id(session.feed): session.feed for session in self.sessions.values()}.values():
            feed.close()
        return STOPPED

    def _bury(self) -> None:
        """Accounts that are ruined hear nothing more."""
        self.post.living = [session.account for session in self.living]

    def _close(self, why: str) -> str:
        for session in self.sessions.values():
            session.seal(RUINED if session.ruined() else why)
            session.writer.close()
        self.writer.close()
        for feed in {id(session.feed): session.feed for session in self.sessions.values()}.values():
            feed.close()
        return why


def named(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The accounts' names; ConfigError where two are alike."""
    names = tuple(entry.config.name for entry in entries)
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"name: {name!r} is the name of two accounts; give each file its own")
    return names


def check_alike(entries: Sequence[Entry]) -> None:
    """Nothing; ConfigError where the files do not describe one feed, or there is more than a simulated broker."""
    first = entries[0].config.resolved()
    for entry in entries[1:]:
        other = entry.config.resolved()
        for key in ALIKE:
            if said := starts.first_change(first[key], other[key], key):
                raise ConfigError(f"{entry.config.name}: accounts of one session have one feed, but {said}")
        for key in ("lot", "tick"):
            if said := starts.first_change(first["execution"][key], other["execution"][key], f"execution.{key}"):
                raise ConfigError(
                    f"{entry.config.name}: accounts of one session trade the same instruments, but {said}"
                )
    if first["broker"] != "simulated":
        raise ConfigError(f"broker: {first['broker']} holds one account; several strategies need `broker: simulated`")


def begin_contest(folder: Path, entries: Sequence[Entry], plugins: Mapping[str, str], clock: Clock) -> Contest:
    """The contest in `folder`: a new one, or the one that is there, every account folded and ready to go on.

    Errors as engine.live.beginning.begin.
    """
    check_alike(entries)
    names, shared = named(entries), accounts.Round()
    headers = [starts.header(one.config, one.feed, one.signals, plugins, clock.now()) for one in entries]
    sessions: dict[str, Session] = {}
    if not (folder / JOURNAL).exists():
        folds = [Fold(one.config, one.feed.universe, one.feed.facts, one.signals, one.strategy) for one in entries]
        for header, fold in zip(headers, folds, strict=True):
            header |= {"order": list(fold.engine.signals), "adopted": None}
        permit(folder, clock)
        writer = journal.create(folder / JOURNAL, accounts.header_of(headers))
        for name, one, fold, header in zip(names, entries, folds, headers, strict=True):
            gate = Gate(Limits.of(header["config"]), one.feed.universe, Venue.of(header["config"]))
            pen = accounts.Pen(writer, name, shared)
            sessions[name] = Session(folder, pen, fold, one.feed, clock, gate, one.config, account=name)
        return Contest(folder, writer, sessions, shared)
    if (there := accounts.names_in(folder)) != names:
        raise ConfigError(
            f"{folder}: begun with {', '.join(there) or 'one account'}, not with {', '.join(names)}. Give the same files in "
            f"the same order, or another --session"
        )
    writer, recovered = journal.reopen(folder / JOURNAL)
    try:
        for name, one, header in zip(names, entries, headers, strict=True):
            pen = accounts.Pen(writer, name, shared)
            rest = (one.config, one.feed, one.signals, clock, one.strategy, None)
            sessions[name] = go_on(folder, pen, recovered, header, *rest, name)
    except BaseException:
        writer.close()
        raise
    return Contest(folder, writer, sessions, shared)
