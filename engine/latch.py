"""The kill latch: a session may send while its folder holds a permit, and not otherwise.

Killing renames the permit away, which asks for no free space and nothing of the session, not even that it be awake. Whoever
sends looks before every order; what cannot be looked at is no permit. A restart issues none: only `resume`, with a reason, does.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import JournalError, StoppedError
from engine.journal.disk import SYSTEM, Disk, read_whole, sync_folder, write_whole

PERMIT, KILLED = "permit", "killed"  # of one length: a folder that is full to the last entry has room for the new name
NEW = ".permit.new"
_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send: the first of a session has serial 0, each resume one more; why, and when (ns, as the caller tells it)."""

    serial: int
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class Kill:
    """What a kill found: whether the session was still allowed to send, and whether the latch outlives a power cut."""

    was_open: bool
    durable: bool


def issue(folder: str | Path, at: int, disk: Disk = SYSTEM) -> Permit:
    """The first permit of a new session; JournalError if there was one before, StoppedError if the disk fails."""
    place = Path(folder)
    found = {PERMIT, KILLED} & set(disk.names(place))
    if found:
        raise JournalError(
            f"{place / found.pop()}: the session was permitted before. Only barcast resume lets it send again"
        )
    return _write(disk, place, Permit(0, "start", at))


def look(folder: str | Path, disk: Disk = SYSTEM) -> Permit | None:
    """The permit that stands, None if none does, whatever the reason: then nothing may be sent."""
    try:
        told = json.loads(read_whole(disk, Path(folder) / PERMIT, _LIMIT))
        return Permit(int(told["serial"]), str(told["reason"]), int(told["at"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def kill(folder: str | Path, reason: str = "", at: int = 0, disk: Disk = SYSTEM) -> Kill:
    """Nothing is sent from now on. The reason is noted where there is room for it.

    A resume that is being written is undone. StoppedError if the disk allows neither a rename nor a deletion: then the
    session's process must be ended.
    """
    place, was_open = Path(folder), False
    while True:
        was_open |= _withdraw(disk, place)
        _gone(disk, place / NEW)
        if PERMIT not in _names(disk, place):  # a resume may have been quicker than its undoing
            break
    try:
        sync_folder(disk, place)
    except OSError:
        return Kill(was_open, durable=False)
    _note(disk, place, reason, at)
    return Kill(was_open, durable=True)


def resume(folder: str | Path, reason: str, at: int, disk: Disk = SYSTEM) -> Permit:
    """A new permit; the one that stands if the session was not killed.

    JournalError without a reason, or if a kill came meanwhile; StoppedError if the disk fails, and nothing is permitted.
    """
    place = Path(folder)
    if not reason.strip():
        raise JournalError("resume: say why with --reason TEXT; it is kept with the permit")
    standing = look(place, disk)
    if standing:
        return standing
    return _write(disk, place, Permit(_serial(disk, place) + 1, reason.strip(), at))


def _write(disk: Disk, place: Path, permit: Permit) -> Permit:
    """Make the permit durable and only then put it in its place."""
    try:
        handle = disk.open(place / NEW, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            write_whole(disk, handle, json.dumps(asdict(permit)).encode() + b"\n", 0)
            disk.fdatasync(handle)
        finally:
            disk.close(handle)
        disk.rename(place / NEW, place / PERMIT)
        sync_folder(disk, place)
    except FileNotFoundError as error:
        raise JournalError(
            f"{place}: killed meanwhile, or gone; nothing is permitted. Look, and resume again"
        ) from error
    except OSError as error:
        _withdraw(disk, place)
        raise StoppedError(
            f"{place}: no permit could be written ({error.strerror}); nothing is sent. Mend the disk"
        ) from error
    return permit


def _withdraw(disk: Disk, place: Path) -> bool:
    """Whether there was a permit; it is away now."""
    try:
        disk.rename(place / PERMIT, place / KILLED)
    except FileNotFoundError:
        return False
    except OSError:
        _gone(disk, place / PERMIT)  # deleting asks for even less
    return True


def _gone(disk: Disk, path: Path) -> None:
    try:
        disk.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StoppedError(f"{path}: cannot be taken away ({error.strerror}). End the session's process") from error


def _names(disk: Disk, place: Path) -> list[str]:
    try:
        return disk.names(place)
    except OSError as error:
        raise StoppedError(f"{place}: cannot be looked at ({error.strerror}). End the session's process") from error


def _serial(disk: Disk, place: Path) -> int:
    """Of the last permit, as far as it is known."""
    try:
        return int(json.loads(read_whole(disk, place / KILLED, _LIMIT))["serial"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0


def _note(disk: Disk, place: Path, reason: str, at: int) -> None:
    """Say in the withdrawn permit why it was, and make it none; a disk that has no room is left alone."""
    try:
        told = {"killed": reason, "at": at, "serial": _serial(disk, place)}
        handle = disk.open(place / KILLED, os.O_RDWR)
        try:
            data = json.dumps(told).encode() + b"\n"
            write_whole(disk, handle, data, 0)
            disk.truncate(handle, len(data))
        finally:
            disk.close(handle)
    except OSError:
        pass
