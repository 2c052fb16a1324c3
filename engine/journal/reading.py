"""Reading a journal without changing a byte of it, whether or not somebody is writing it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import DamagedError, JournalError
from engine.journal import witness
from engine.journal.disk import SYSTEM, Disk
from engine.journal.frame import PREAMBLE_SIZE, SCHEMA, BrokenFrame, Row, scan

NAME = "journal"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal holds: `rows` whole rows, the last of them `last_seq` with hash `head`, ending before byte `end`.

    `witnessed` is the last row that anybody was told of. Beyond `end` stood `cut` bytes that are no row (`why`); recovery has
    kept them in `cut_file`, an examination has left them where they are (`cut_file` None).
    """

    rows: int
    last_seq: int
    head: str
    end: int
    witnessed: int
    cut: int = 0
    why: str = ""
    cut_file: Path | None = None


def read(folder: str | Path, disk: Disk = SYSTEM) -> Iterator[Row]:
    """The rows, first to last, up to what is whole; DamagedError where a row that somebody was told of is not as written.

    Rows come as they are read: the error may follow rows that are good. A tail beyond the witness that is no row (one that is
    being written, or that a crash has torn) ends the iteration.
    """
    place = Path(folder)
    marks = slots_of(disk, place)
    handle = opened(disk, place, os.O_RDONLY)
    try:
        yield from checked(disk, handle, place, marks)
    except BrokenFrame:
        return  # beyond the witness: checked has seen to that
    finally:
        disk.close(handle)


def examine(folder: str | Path, disk: Disk = SYSTEM) -> Recovered:
    """What a recovery would find, nothing changed; DamagedError as `read`."""
    place = Path(folder)
    marks = slots_of(disk, place)
    handle = opened(disk, place, os.O_RDONLY)
    try:
        return survey(disk, handle, place, marks)
    finally:
        disk.close(handle)


def survey(disk: Disk, handle: int, place: Path, marks: witness.Slots) -> Recovered:
    """What the open journal holds, checked against both slots of the witness."""
    last, why = None, ""
    size = disk.size(handle)
    try:
        for row in checked(disk, handle, place, marks, size):
            last = row
    except BrokenFrame as broken:
        why = broken.why
    assert last is not None, "the witness names a row"
    seen = witness.newest(marks).seq
    return Recovered(last.seq + 1, last.seq, last.hash, last.end, seen, size - last.end, why)


def opened(disk: Disk, place: Path, flags: int) -> int:
    """A descriptor of the journal's file; DamagedError if it is missing where a witness is."""
    try:
        return disk.open(place / NAME, flags)
    except FileNotFoundError:
        raise DamagedError(
            f"{place / NAME}: missing, though its witness is here. Restore the folder from a copy"
        ) from None
    except OSError as error:
        raise JournalError(
            f"{place / NAME}: cannot be opened ({error.strerror}). Mend the disk or its permissions"
        ) from error


def slots_of(disk: Disk, place: Path) -> witness.Slots:
    """The witness's slots; JournalError where there is no journal at all."""
    try:
        present = disk.names(place)
    except (FileNotFoundError, NotADirectoryError):
        present = []
    if not {NAME, witness.NAME} & set(present):
        raise JournalError(f"{place}: no journal here. Give the folder of a session's journal")
    return witness.load(disk, place)


def checked(
    disk: Disk,
    handle: int,
    place: Path,
    marks: witness.Slots,
    size: int | None = None,
    schema: int = SCHEMA,
) -> Iterator[Row]:
    """The rows; DamagedError wherever they disagree with a mark, BrokenFrame where they end beyond the newest."""
    size = disk.size(handle) if size is None else size
    due = {mark.seq: mark for mark in marks if mark is not None}
    bound = witness.newest(marks)
    end = PREAMBLE_SIZE

    def refuse(offset: int, why: str) -> DamagedError:
        return DamagedError(
            f"{place / NAME}: byte {offset:,}: {why}, though row {bound.seq:,} (up to byte {bound.end:,}) was acknowledged. "
            f"Restore the folder from a copy",
            offset,
        )

    def taken(count: int, offset: int) -> bytes:
        try:
            return disk.read(handle, count, offset)
        except OSError as error:
            raise JournalError(
                f"{place / NAME}: byte {offset:,} cannot be read ({error.strerror}). Mend the disk"
            ) from error

    try:
        for row in scan(taken, size, schema):
            mark = due.get(row.seq)
            if mark and (mark.end, mark.hash) != (row.end, row.hash):
                raise refuse(row.offset, f"row {row.seq:,} is another than was acknowledged")
            yield row
            end = row.end
    except BrokenFrame as broken:
        if broken.offset < bound.end:
            raise refuse(broken.offset, broken.why) from None
        raise
    except DamagedError as error:
        raise error if error.offset else refuse(0, str(error)) from None
    if end < bound.end:
        raise refuse(end, "it ends here")
