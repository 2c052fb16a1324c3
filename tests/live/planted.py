"""Bugs somebody could have written into a session, as patches of one name; each must be caught somewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from engine.errors import BarcastError
from engine.live import commands, fold, growing, paper, refold, session
from tests.live.market import play
from tests.live.test_crashes import FILE, world

SEED = 1


@dataclass(frozen=True)
class Bug:
    """`where`.`what` replaced by `wrong`, while a session crashes at some of its rows."""

    name: str
    where: Any
    what: str
    wrong: Any

    def caught(self, folder: Path) -> bool:
        """Whether a session with the bug is stopped, or differs from one without it."""
        panel, script = world(SEED, rows=26)
        place = folder / self.name.replace(" ", "-")
        right = play(place / "right", FILE, panel, **script).fold.digest
        with mock.patch.object(self.where, self.what, self.wrong):
            for k in (0, 13, 31, 52, 60, 75, 90):
                for kept in (False, True):
                    if self._differs(place / f"{k}-{kept}", panel, script, [(k, kept), (14, True)], right):
                        return True
        return False

    def _differs(self, place: Path, panel: Any, script: Any, falls: Any, right: bytes) -> bool:
        try:
            done = play(place, FILE, panel, crashes=falls, **script)
            return done.fold.digest != right or paper.verify_session(place).digest != right.hex()
        except (BarcastError, ValueError, KeyError, IndexError, TypeError):
            return True


def _without(state: Callable[..., dict[str, Any]], *names: str) -> Callable[..., dict[str, Any]]:
    """A capture that forgets: what it leaves out is written as if it had never been touched."""

    def wrong(*args: Any) -> dict[str, Any]:
        told = state(*args)
        return {k: (np.zeros_like(v) if any(k.startswith(n) for n in names) else v) for k, v in told.items()}

    return wrong


def _forget_actions(self: Any, row: Any) -> None:
    """Actions before a checkpoint are not taken in again."""
    if row.kind != "action":
        real_pass(self, row)


def _one_short(self: Any) -> Any:
    """A restart asks for the slice after the next."""
    found = real_resume(self)
    return (
        found
        if found.slices == 0
        else type(found)(found.time + 86_400_000_000_000, found.day, found.session, found.slices)
    )


real_pass, real_resume = refold.Refold._pass, session.Session.resume
PLANTED = (
    Bug("checkpoints forget the switches", fold.states, "capture", _without(fold.states.capture, "guard")),
    Bug("checkpoints forget the account", fold.states, "capture", _without(fold.states.capture, "account.money")),
    Bug("checkpoints forget what waits", fold.states, "capture", _without(fold.states.capture, "orders.quantity")),
    Bug("checkpoints forget who is locked", commands.Standing, "capture", _without(commands.Standing.capture, "standing.locked", "standing.flags")),
    Bug("a restart skips a slice", session.Session, "resume", _one_short),
    Bug("a restart forgets actions", refold.Refold, "_pass", _forget_actions),
    Bug("adjusted prices ignore splits and dividends", growing.GrowingMarket, "_act", lambda self, k, actions: None),
    Bug("derived rows are written twice after a crash", session.Session, "_finish", lambda self, told: [self._write(told.outcome, set()) if told.outcome else None, self.writer.commit()]),
    Bug("the slice a crash interrupted is never decided", session.Session, "_finish", lambda self, told: None),
    Bug("a pause is heard and ignored", commands.Standing, "hold", lambda self, t, arrived, history: None),
)  # fmt: skip
