"""A new journal: built in a hidden folder beside its place and renamed into it, so that there is a whole one or none."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import JournalError, StoppedError
from engine.journal import frame, lock, witness
from engine.journal.disk import Disk, sync_folder, write_whole
from engine.journal.reading import NAME

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL


def make(place: Path, header: bytes, disk: Disk, owner: lock.Owner) -> tuple[tuple[int, int], witness.Mark]:
    """Descriptors of the locked journal and of its witness, and its first row; `header` is that row's body."""
    if _names(disk, place):
        raise JournalError(f"{place}: holds something already; a new journal needs a folder of its own. Choose another")
    handles: list[int] = []
    try:
        _parents(disk, place.parent)
        turn = disk.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
        handles.append(turn)
        disk.flock(turn, wait=True)  # what another maker has left half done is dead, once it is our turn
        if _names(disk, place):
            raise JournalError(f"{place}: somebody has made a journal here meanwhile. Choose another folder")
        hidden = place.with_name(f".{place.name}.new")
        clear(disk, hidden)
        mark = _build(disk, hidden, header, owner, handles)
        disk.rename(hidden, place)
        disk.fsync(turn)
        disk.close(handles.pop(0))
    except OSError as error:
        _close(disk, handles)
        raise StoppedError(
            f"{place}: no journal could be made ({error.strerror}). Mend the disk or choose another"
        ) from error
    except BaseException:
        _close(disk, handles)
        raise
    return (handles[0], handles[1]), mark


def _build(disk: Disk, hidden: Path, header: bytes, owner: lock.Owner, handles: list[int]) -> witness.Mark:
    """The first row of a journal made in `hidden`, which must not exist; its descriptors are added to `handles`."""
    start = frame.preamble()
    packed, row = frame.pack(0, "start", header, frame.genesis(start), len(start))
    mark = witness.Mark(0, row.end, row.hash)
    disk.mkdir(hidden)
    for name, content in ((NAME, start + packed), (witness.NAME, witness.pack(mark) * 2)):
        handle = disk.open(hidden / name, _NEW)
        handles.append(handle)
        write_whole(disk, handle, content, 0)
        disk.fdatasync(handle)
    lock.take(disk, handles[-2], hidden, owner)
    sync_folder(disk, hidden)
    return mark


def _names(disk: Disk, folder: Path) -> list[str]:
    try:
        return disk.names(folder)
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        raise JournalError(f"{folder}: is a file; a journal is a folder. Choose another") from None


def _parents(disk: Disk, folder: Path) -> None:
    """Make the folders above, each durable in the one above it."""
    try:
        disk.names(folder)
    except FileNotFoundError:
        _parents(disk, folder.parent)
        disk.mkdir(folder)
        sync_folder(disk, folder.parent)


def clear(disk: Disk, hidden: Path) -> None:
    """Remove what a crash has left of an earlier attempt."""
    try:
        left = disk.names(hidden)
    except FileNotFoundError:
        return
    for name in left:
        disk.unlink(hidden / name)
    disk.rmdir(hidden)


def _close(disk: Disk, handles: list[int]) -> None:
    for handle in handles:
        disk.close(handle)
