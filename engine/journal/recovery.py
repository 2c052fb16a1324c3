"""Making a journal fit to be written again: what a crash has torn is cut, anything else is refused.

Only bytes beyond the witness are cut, after they were kept in a file of their own. Rows beyond the witness are written anew
before anybody builds on them: after a failed sync the system may hold pages that look clean and are not on the disk.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from engine.errors import StoppedError
from engine.journal import lock, witness
from engine.journal.disk import SYSTEM, Disk, sync_folder, write_whole
from engine.journal.reading import Recovered, opened, slots_of, survey

_CHUNK = 1 << 20


def recover(folder: str | Path, disk: Disk = SYSTEM, owner: lock.Owner | None = None) -> Recovered:
    """What the journal holds, its torn tail cut.

    DamagedError, with the offset, for damage before the witness; HeldError if somebody writes; StoppedError if the disk fails.
    """
    place = Path(folder)
    handle, slots, found = mended(place, disk, owner or lock.me())
    try:
        disk.unlink(place / lock.NAME)
    except OSError as error:
        raise StoppedError(f"{place / lock.NAME}: could not be removed ({error.strerror}). Mend the disk") from error
    finally:
        _release(disk, handle, slots)
    return found


def mended(place: Path, disk: Disk, owner: lock.Owner) -> tuple[int, int, Recovered]:
    """Descriptors of the locked journal and of its witness, and what was found; both slots then name the last row."""
    marks = slots_of(disk, place)
    handle = opened(disk, place, os.O_RDWR)
    slots = -1
    try:
        lock.take(disk, handle, place, owner)
        marks = witness.load(disk, place)  # again: its writer may have gone on until now
        found = survey(disk, handle, place, marks)
        slots = disk.open(place / witness.NAME, os.O_RDWR)
        found = _cut(disk, handle, place, found)
        _rewrite(disk, handle, witness.newest(marks).end, found.end)
        disk.fdatasync(handle)
        first = witness.older(marks)
        for slot in (first, 1 - first):
            set_slot(disk, slots, slot, witness.Mark(found.last_seq, found.end, found.head))
    except OSError as error:
        _release(disk, handle, slots)
        raise StoppedError(
            f"{place}: could not be recovered ({error.strerror}); no row was lost. Mend the disk"
        ) from error
    except BaseException:
        _release(disk, handle, slots)
        raise
    return handle, slots, found


def set_slot(disk: Disk, slots: int, slot: int, mark: witness.Mark) -> None:
    """Write one slot of the witness, durably."""
    write_whole(disk, slots, witness.pack(mark), slot * witness.SLOT)
    disk.fdatasync(slots)


def _cut(disk: Disk, handle: int, place: Path, found: Recovered) -> Recovered:
    """`found`, its tail moved out of the journal into a file named by its place and content."""
    if not found.cut:
        return found
    tail = b"".join(_pieces(disk, handle, found.end, found.end + found.cut))
    kept = place / f"cut-{found.end}-{hashlib.sha256(tail).hexdigest()[:8]}"
    file = disk.open(kept, os.O_RDWR | os.O_CREAT)
    try:
        write_whole(disk, file, tail, 0)
        disk.fdatasync(file)
    finally:
        disk.close(file)
    sync_folder(disk, place)
    disk.truncate(handle, found.end)
    return replace(found, cut_file=kept)


def _rewrite(disk: Disk, handle: int, start: int, end: int) -> None:
    offset = start
    for piece in _pieces(disk, handle, start, end):
        write_whole(disk, handle, piece, offset)
        offset += len(piece)


def _pieces(disk: Disk, handle: int, start: int, end: int) -> list[bytes]:
    return [disk.read(handle, min(_CHUNK, end - at), at) for at in range(start, end, _CHUNK)]


def _release(disk: Disk, *handles: int) -> None:
    for handle in handles:
        if handle >= 0:
            disk.close(handle)
