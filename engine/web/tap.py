"""What the session hands to the page: rows once they are durable, and now and then how it stands. Putting down never waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.live import tape
from engine.live.clock import Clock
from engine.types import Codes, Floats

if TYPE_CHECKING:
    from engine.live.session import Session

ROOM = 4096  # rows on their way to the page; what does not fit is read from the journal again
EVERY = 0.25  # seconds between looks at the session
UNSHOWN = (tape.FORECASTS, tape.CHECKPOINT)  # large, and nothing of them is shown from here


@dataclass(frozen=True, slots=True)
class Told:
    """A durable row; a decision brings the codes of its slice, (N,), which no row holds."""

    seq: int
    kind: str
    body: Mapping[str, Any]
    codes: Codes | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the session stands: copies, which nobody writes."""

    at: int  # ns of the wall clock
    t: int  # the latest slice, -1 before the first
    time: int
    equity: float
    cash: float
    quantity: Floats  # (N,)
    entry: Floats
    mark: Floats
    stop: Floats
    take_profit: Floats
    codes: Codes | None
    forecasts: Floats | None  # (S, N)
    brake: int
    latched: tuple[bool, ...]  # of the configured switches, in their order
    holds: tuple[str, ...]
    paused: bool
    killed: bool
    waiting: int
    median_ms: float | None
    head: str
    digest: str
    feed: Mapping[str, Any]
    due: int | None  # ns of the wall clock, where the feed knows when the next slice is due
    signals: tuple[Mapping[str, Any], ...] = ()  # what is known of the models in use: engine.inuse.telling
    alarms: tuple[Mapping[str, Any], ...] = ()  # that stand


class Tap:
    """A session's writer that notes what it has made durable."""

    def __init__(self, session: Session, writer: Any, note: Callable[[Told], None]) -> None:
        self._session, self._writer, self._note = session, writer, note
        self._appended: list[Any] = []

    def append(self, kind: str, body: Mapping[str, Any]) -> Any:
        """As the writer's."""
        row = self._writer.append(kind, body)
        if kind not in UNSHOWN:
            self._appended.append((row.seq, kind, body))
        return row

    def commit(self) -> None:
        """As the writer's; the rows are noted once they are durable."""
        self._writer.commit()
        self._tell()

    def witness(self) -> str:
        """As the writer's."""
        head: str = self._writer.witness()
        self._tell()
        return head

    def close(self) -> str:
        """As the writer's."""
        head: str = self._writer.close()
        self._tell()
        return head

    def _tell(self) -> None:
        last, appended = self._session.last, self._appended
        self._appended = []
        for seq, kind, body in appended:
            known = kind == tape.DECISION and last is not None and last.t == body["t"]
            self._note(Told(seq, kind, body, last.codes if known and last is not None else None))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


class Outlet:
    """Where the session's thread puts things down, and the server's picks them up."""

    def __init__(self, room: int = ROOM) -> None:
        self.rows: deque[tuple[int, Told]] = deque(maxlen=room)  # numbered, so that what was dropped is missed
        self.put = 0  # rows ever put down
        self.standing: Standing | None = None
        self.closed = ""  # why the session ended

    def note(self, told: Told) -> None:
        """A durable row; the oldest goes where there is no room."""
        self.put += 1
        self.rows.append((self.put, told))


class Looker:
    """Called after every arrival; looks at the session a few times a second."""

    def __init__(self, outlet: Outlet, clock: Clock, every: float = EVERY) -> None:
        self.outlet, self.clock, self.every = outlet, clock, every
        self.due = clock.elapsed()

    def __call__(self, session: Session) -> None:
        if self.clock.elapsed() >= self.due:
            self.due = self.clock.elapsed() + self.every
            self.outlet.standing = standing_of(session, self.clock)


def standing_of(session: Session, clock: Clock) -> Standing:
    """How the session stands now; on its own thread."""
    fold, last = session.fold, session.last
    account, time = fold.engine.book.account, 0 if fold.arrived is None else fold.arrived.time
    seconds = sorted(session.health.seconds[-1000:])
    state = fold.engine.guard.state
    feed: Any = session.feed
    return Standing(
        at=clock.now(),
        t=fold.met - 1,
        time=time,
        equity=fold.engine.book.equity,
        cash=fold.engine.book.cash,
        **{name: getattr(account, name).copy() for name in ("quantity", "entry", "mark", "stop", "take_profit")},
        codes=None if last is None else last.codes,
        forecasts=None if last is None else last.forecasts,
        brake=fold.brake,
        latched=tuple(bool(row[0]) for row in state) if np.ndim(state) == 2 else (),
        holds=tuple(fold.standing.words(fold.met, time)),
        paused=fold.standing.paused,
        killed=fold.standing.killed != 0,
        waiting=0 if last is None else len(last.waiting),
        median_ms=1e3 * seconds[len(seconds) // 2] if seconds else None,
        head=session.writer.head,
        digest=fold.digest.hex(),
        feed=dict(feed.status()) if callable(getattr(feed, "status", None)) else {},
        due=feed.due() if callable(getattr(feed, "due", None)) else None,
        signals=tuple(session.alarms.signals()),
        alarms=tuple(session.alarms.told()),
    )
