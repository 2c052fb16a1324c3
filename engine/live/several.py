"""How a session of several accounts stands: a status of each, and its words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.live import status as one
from engine.live.clock import Clock

if TYPE_CHECKING:
    from engine.live.contest import Contest

SHARED = ("session", "pid", "at", "head", "late", "corrections", "gaps")


class ContestReporter:
    """Called after every arrival; writes and shows the status a few times a second."""

    def __init__(self, contest: Contest, clock: Clock, every: float, show: Callable[[Mapping[str, Any]], None]) -> None:
        self.contest, self.clock, self.every, self.show = contest, clock, every, show
        self.due = clock.elapsed()

    def __call__(self, contest: Contest) -> None:
        if self.clock.elapsed() >= self.due:
            self.due = self.clock.elapsed() + self.every
            self.show(self.write())

    def write(self) -> dict[str, Any]:
        """The status, written."""
        each = {name: one.status_now(session, self.clock) for name, session in self.contest.sessions.items()}
        first = next(iter(each.values()))
        status = {key: first[key] for key in SHARED} | {"accounts": each}
        new = self.contest.folder / f".{one.FILE}.new"
        new.write_text(json.dumps(status))
        os.replace(new, self.contest.folder / one.FILE)
        return status


def merged(status: Mapping[str, Any], outlook: Mapping[str, Any]) -> dict[str, Any]:
    """A status with what the journal says of how it goes, account by account where there are several."""
    out = {**status, **outlook}
    if "accounts" in outlook:
        told = status.get("accounts", {})
        out["accounts"] = {name: {**told.get(name, {}), **found} for name, found in outlook["accounts"].items()}
    return out


def lines_of(status: Mapping[str, Any]) -> list[str]:
    """A status for people: one account after the other, and then beside each other."""
    running = {True: ", running", False: ", not running"}.get(status.get("running", ""), "")
    out = [f"{'session':<14}{status['session']}{running}"]
    for name, own in status["accounts"].items():
        lines = one.lines_of({**own, "session": ""})
        out += ["", f"{'account':<14}{name}", *(line for line in lines[1:] if not line.startswith(("head", "feed")))]
    feed = (
        f"{status['late']} late, {status['corrections']} corrections, {status['gaps']} gaps" if "late" in status else ""
    )
    out += ["", *(f"{'compared':<14}{told['said']}" for told in status.get("against", ()))]
    out += [f"{'feed':<14}{feed}", f"{'head':<14}{status['head']}"] if feed else []
    return out
