"""How a session stands: a small file beside the journal, written now and then, which nothing depends on; and its words."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import journal
from engine.data.words import in_line
from engine.errors import JournalError
from engine.inuse.telling import lines as lines_of_signal
from engine.live.clock import Clock
from engine.live.commands import stamp
from engine.live.tape import JOURNAL

if TYPE_CHECKING:
    from engine.live.session import Session

FILE = "status.json"
MOST = 12  # positions shown


class Reporter:
    """Called after every arrival; writes and shows the status a few times a second."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        every: float,
        show: Callable[[Mapping[str, Any]], None] = lambda status: None,
    ) -> None:
        self.session, self.clock, self.every, self.show = session, clock, every, show
        self.due = clock.elapsed()

    def __call__(self, session: Session) -> None:
        if self.clock.elapsed() >= self.due:
            self.due = self.clock.elapsed() + self.every
            self.show(self.write())

    def write(self) -> dict[str, Any]:
        """The status, written."""
        status = status_now(self.session, self.clock)
        new = self.session.folder / f".{FILE}.new"
        new.write_text(json.dumps(status))
        os.replace(new, self.session.folder / FILE)
        return status


def status_now(session: Session, clock: Clock) -> dict[str, Any]:
    """How a session stands, as plain data."""
    fold, last = session.fold, session.last
    account, symbols = fold.engine.book.account, fold.universe.symbols
    held = np.flatnonzero(account.quantity)
    time = 0 if fold.arrived is None else fold.arrived.time
    seconds = sorted(session.health.seconds)
    return {
        "session": str(session.folder),
        "pid": os.getpid(),
        "at": clock.now(),
        "slices": fold.met,
        "time": time,
        "equity": fold.engine.book.equity,
        "cash": fold.engine.book.cash,
        "positions": [
            {
                "symbol": symbols[i], "quantity": float(account.quantity[i]), "entry": _plain(account.entry[i]),
                "mark": _plain(account.mark[i]), "stop": _plain(account.stop[i]), "take_profit": _plain(account.take_profit[i]),
            }
            for i in held
        ],
        "waiting": 0 if last is None else len(last.waiting),
        "holds": fold.standing.words(fold.met, time),
        "late": session.health.late,
        "corrections": session.health.corrections,
        "gaps": session.health.gaps,
        "median_ms": 1e3 * seconds[len(seconds) // 2] if seconds else None,
        "broker": None if session.beside is None else session.beside.told(),
        "signals": session.alarms.signals(),
        "alarms": session.alarms.told(),
        "head": session.writer.head,
        "digest": fold.digest.hex(),
    }  # fmt: skip


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def read_status(folder: Path) -> dict[str, Any]:
    """The status a session last wrote, with `running`: whether a process holds its journal. JournalError if there is none."""
    if not (folder / JOURNAL / "journal").exists():
        raise JournalError(f"{folder}: no session here; give the folder that `barcast paper` printed")
    try:
        status: dict[str, Any] = json.loads((folder / FILE).read_text())
    except FileNotFoundError:
        status = {}
    return status | {"session": str(folder), "running": is_held(folder)}


def is_held(folder: Path) -> bool:
    """Whether a process writes the session's journal."""
    with (folder / JOURNAL / "journal").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        fcntl.flock(file, fcntl.LOCK_UN)
    return False


def symbols_of(folder: Path) -> tuple[str, ...]:
    """The symbols of a session; JournalError if there is none."""
    return tuple(next(iter(journal.read(folder / JOURNAL))).body["universe"]["symbols"])


def lines_of(status: Mapping[str, Any]) -> list[str]:
    """A status for people, one fact a line."""
    if "accounts" in status:
        from engine.live import several

        return several.lines_of(status)
    running = {True: ", running", False: ", not running"}.get(status.get("running", ""), "")
    if "slices" not in status:
        return [f"session       {status['session']}{running}", "nothing told yet"]
    rows = [
        ("session", status["session"] + running),
        ("last slice", f"{stamp(status['time'])} UTC, slice {status['slices']:,}" if status["slices"] else "none yet"),
        ("equity", f"{status['equity']:,.2f}, cash {status['cash']:,.2f}"),
        ("positions", _held(status["positions"])),
        ("orders", f"{status['waiting']} wait for the next slice"),
        ("holds", "; ".join(status["holds"]) or "none"),
        ("feed", f"{status['late']} late, {status['corrections']} corrections, {status['gaps']} gaps"),
        *([("cone", status["cone"]["said"])] if "cone" in status else []),
        *([("broker", _mirrored(status["broker"]))] if status.get("broker") else []),
        *_watched(status),
        ("head", status["head"]),
        ("digest", status["digest"]),
    ]
    return [f"{label:<14}{in_line(value)}" for label, value in rows]


def _watched(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Signals in use, and the alarms that stand."""
    out = []
    for one in status.get("signals", ()):
        name, *rest = [f"{one['signal']}: {line}" if not k else line for k, line in enumerate(lines_of_signal(one))]
        out += [("signal", name), *(("", line) for line in rest)]
    alarms = [one["words"] for one in status.get("alarms", ())]
    return [*out, *(("ALARM", words) for words in alarms)]


def _mirrored(told: Mapping[str, Any]) -> str:
    """What a broker was told to hold, and what is open there."""
    held = [f"{symbol} {quantity:g}" for symbol, quantity in told["positions"].items()]
    words = [
        f"{told['name']} holds {', '.join(held[:MOST]) or 'nothing'}"
        + (f", {len(held) - MOST} more" if len(held) > MOST else "")
    ]
    for key, word in (("open", "open there"), ("unknown", "of unknown outcome")):
        if told[key]:
            words.append(f"{word}: {', '.join(f'{symbol} {quantity:g}' for symbol, quantity in told[key][:MOST])}")
    words += [f"{symbol} blocked: {why}" for symbol, why in list(told["blocked"].items())[:MOST]]
    return "; ".join([*words, *(["it does not answer"] if told["silent"] else [])])


def _held(positions: list[dict[str, Any]]) -> str:
    told = [f"{p['symbol']} {p['quantity']:g}" for p in positions[:MOST]]
    more = len(positions) - MOST
    return ", ".join([*told, *([f"{more} more"] if more > 0 else [])]) or "none"


def panel_of(status: Mapping[str, Any]) -> Any:
    """The same for a terminal."""
    from rich.panel import Panel
    from rich.text import Text

    return Panel(Text("\n".join(lines_of(status))), title="PAPER", title_align="left")
