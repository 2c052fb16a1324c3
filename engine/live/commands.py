"""What people tell a session, and what stands because of it and of gaps: the hold of every slice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import ConfigError
from engine.holding import Hold
from engine.live.feed import Arrived, Gap
from engine.shapes import FLATTEN_ALL, GO, HALT
from engine.types import Floats

RUNNING, KILLED, FLATTENED = 0, 1, 2
HAND_OVER = "hand-over"  # no state of its own: it becomes a row of its own kind
NAMES = ("pause", "resume", "exit", "lock", "unlock", "kill", HAND_OVER)


@dataclass(frozen=True, slots=True)
class Command:
    """Something somebody asked for; `key` is said once, so that a command heard twice acts once."""

    name: str
    key: str
    symbol: str = ""
    until: int = 0  # ns of bar time, of a lock
    flatten: bool = False
    reason: str = ""
    signal: str = ""  # of a hand-over
    model: str = ""  # the folder it hands over
    account: str = ""  # of several; empty: all of them

    def check(self, symbols: tuple[str, ...], accounts: Sequence[str] = ()) -> None:
        """Nothing; ConfigError for a command that cannot be carried out."""
        if self.account and self.account not in accounts:
            some = ", ".join(accounts) or "none: it has one account, without a name"
            raise ConfigError(f"{self.name}: {self.account!r} is no account of this session; expected one of {some}")
        if self.name == "kill" and self.account:
            raise ConfigError("kill: it stops every account; pause or exit one with --account")
        if self.name == HAND_OVER and accounts and not self.account:
            raise ConfigError(f"hand-over: say whose signal with --account, one of {', '.join(accounts)}")
        if self.name not in NAMES:
            raise ConfigError(f"command: expected one of {', '.join(NAMES)}, got {self.name!r}")
        if self.name in ("exit", "lock", "unlock") and self.symbol not in symbols:
            some = ", ".join(symbols[:5]) + (", ..." if len(symbols) > 5 else "")
            raise ConfigError(f"{self.name}: {self.symbol!r} is not in this session; expected one of {some}")
        if self.name == "resume" and not self.reason.strip():
            raise ConfigError("resume: say why with --reason TEXT; it goes into the journal")
        if self.name == HAND_OVER and not (self.signal and self.model):
            raise ConfigError("hand-over: say which signal, and the folder of its new model")


class Standing:
    """What holds now. Changed by commands, gaps and slices in the order of the tape, and by nothing else."""

    def __init__(self, symbols: tuple[str, ...], windows: int) -> None:
        """`windows`: slices after a gap until every window is warm again."""
        n = len(symbols)
        self.symbols, self.windows = symbols, windows
        self.paused, self.killed = False, RUNNING
        self.fresh_kill = False
        self.leaving = np.zeros(n, np.bool_)
        self.locked = np.zeros(n, np.int64)  # bar time up to which nothing is opened
        self.blocked = np.zeros(n, np.int64)  # the first slice at which windows are warm again

    def obey(self, command: Command) -> None:
        """From the next slice on."""
        does: Mapping[str, Callable[[Command, int], None]] = {
            "pause": self._pause, "resume": self._resume, "exit": self._exit, "lock": self._lock, "unlock": self._lock,
            "kill": self._kill,
        }  # fmt: skip
        does[command.name](command, self.symbols.index(command.symbol) if command.symbol else -1)

    def _pause(self, command: Command, i: int) -> None:
        self.paused = True

    def _resume(self, command: Command, i: int) -> None:
        self.paused, self.killed, self.fresh_kill = False, RUNNING, False

    def _exit(self, command: Command, i: int) -> None:
        self.leaving[i] = True

    def _lock(self, command: Command, i: int) -> None:
        self.locked[i] = command.until

    def _kill(self, command: Command, i: int) -> None:
        self.killed, self.fresh_kill = FLATTENED if command.flatten else KILLED, True

    def gap(self, gap: Gap, t: int) -> None:
        """Before slice `t` came: its instruments' windows are not whole until enough slices have passed."""
        self.blocked[gap.instruments] = t + self.windows

    def hold(self, t: int, arrived: Arrived, history: bool) -> Hold | None:
        """What is forbidden of slice `t`; None if nothing is. `history`: it is warm-up."""
        barred = (self.blocked > t) | (self.locked >= arrived.time)
        stop = self.paused or arrived.catch_up or history or self.killed != RUNNING
        brake = (HALT if stop else GO) | (FLATTEN_ALL if self.killed == FLATTENED else GO)
        if brake == GO and not barred.any() and not self.leaving.any():
            return None
        return Hold(brake, self.fresh_kill, barred, self.leaving.copy())

    def met(self, quantity: Floats) -> None:
        """After a slice: who has left need not leave."""
        self.fresh_kill = False
        self.leaving &= quantity != 0.0

    def capture(self) -> dict[str, np.ndarray]:
        """As arrays, for checkpoints."""
        flags = np.array([self.paused, self.killed, self.fresh_kill], np.int64)
        return {
            "standing.flags": flags, "standing.leaving": self.leaving.copy(), "standing.locked": self.locked.copy(),
            "standing.blocked": self.blocked.copy(),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """From a checkpoint."""
        flags = state["standing.flags"]
        self.paused, self.killed, self.fresh_kill = bool(flags[0]), int(flags[1]), bool(flags[2])
        self.leaving = np.array(state["standing.leaving"], np.bool_)
        self.locked = np.array(state["standing.locked"], np.int64)
        self.blocked = np.array(state["standing.blocked"], np.int64)

    def words(self, t: int, time: int) -> list[str]:
        """What holds at slice `t` of bar time `time`, for people."""
        out = []
        if self.killed != RUNNING:
            out.append("killed, flattening" if self.killed == FLATTENED else "killed")
        if self.paused:
            out.append("paused")
        out += [f"leaving {self.symbols[i]}" for i in np.flatnonzero(self.leaving)]
        locks = np.flatnonzero(self.locked >= max(time, 1))
        out += [f"{self.symbols[i]} locked until {stamp(int(self.locked[i]))}" for i in locks]
        gaps = int((self.blocked > t).sum())
        return [*out, f"{gaps} blocked after a gap"] if gaps else out


def stamp(ns: int) -> str:
    """A time as people read it, UTC."""
    return str(np.datetime64(ns, "ns").astype("datetime64[s]")).replace("T", " ")
