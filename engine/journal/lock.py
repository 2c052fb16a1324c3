"""One writer at a time: a lock on the journal's own file, which the system drops when its holder dies, and a note of who holds it.

The lock stands on the data, not on a file beside it, because a file beside it can be deleted under a living writer. The note
(process, its start, boot) is for people, and for folders where locks do not reach: a lock that is free while the noted process
still runs is not believed. A process number that was given anew has another start; one from before a reboot, another boot.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import HeldError
from engine.journal.disk import Disk, read_whole, write_whole

NAME = "lock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: its number, the boot it belongs to, its start in ticks since then (0 if not known)."""

    pid: int
    boot: str
    started: int


def me() -> Owner:
    """This process."""
    return Owner(os.getpid(), _boot(), _started(os.getpid()) or 0)


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    """When a process began, in ticks since boot; None if there is none, or if the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def runs(owner: Owner) -> bool:
    """Whether this very process still runs on this machine."""
    return owner.boot != "" and owner.boot == _boot() and _started(owner.pid) == owner.started


def noted(disk: Disk, folder: Path) -> Owner | None:
    """Who is noted as the writer; None if nobody is, or if the note is not whole."""
    try:
        told = json.loads(read_whole(disk, folder / NAME, 4096))
        return Owner(int(told["pid"]), str(told["boot"]), int(told["started"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def take(disk: Disk, handle: int, folder: Path, owner: Owner) -> Owner | None:
    """The lock on the open journal, and the note; returns who left a stale one. HeldError if another process writes."""
    before = noted(disk, folder)
    try:
        disk.flock(handle, wait=False)
    except BlockingIOError:
        who = f"process {before.pid}" if before else "another process"
        gone = " (which has ended: a child of it still holds the file)" if before and not runs(before) else ""
        raise HeldError(
            f"{folder}: {who} writes this journal{gone}. Stop it first, or choose another session"
        ) from None
    refuse_running(disk, folder, owner)
    note(disk, folder, owner)
    return before


def refuse_running(disk: Disk, folder: Path, owner: Owner) -> None:
    """HeldError if another process that still runs is noted as the writer."""
    before = noted(disk, folder)
    if before and before != owner and runs(before):
        raise HeldError(f"{folder}: process {before.pid} is noted as its writer, and still runs. Stop it first")


def note(disk: Disk, folder: Path, owner: Owner) -> None:
    """Write who holds the lock."""
    handle = disk.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        write_whole(disk, handle, json.dumps(asdict(owner)).encode() + b"\n", 0)
    finally:
        disk.close(handle)
