"""The witness: the last row that somebody was told of, in two slots written in turns, so that one of them is always whole.

A slot is 4,096 bytes: "witness\\n", u64 sequence, u64 end of the row's frame, 32 bytes hash, u32 CRC-32 of the slot with these
four bytes zero, zeros. It is written only when the rows up to there are durable; what the journal holds beyond it nobody was
told of.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from engine.errors import DamagedError, JournalError
from engine.journal.disk import Disk, read_whole

NAME = "witness"
SLOT = 4096
_TRIES = 3  # a slow reader may meet one slot half written, and then the other
_MAGIC = b"witness\n"
_FIELDS, _CRC = struct.Struct("<8sQQ32s"), struct.Struct("<I")


class Mark(NamedTuple):
    """A place in the chain: row `seq`, whose frame ends before byte `end`, has this hash."""

    seq: int
    end: int
    hash: str


Slots = tuple[Mark | None, Mark | None]  # as they stand in the file


def pack(mark: Mark) -> bytes:
    """A slot."""
    fields = _FIELDS.pack(_MAGIC, mark.seq, mark.end, bytes.fromhex(mark.hash))
    rest = bytes(SLOT - _FIELDS.size - _CRC.size)
    return fields + _CRC.pack(zlib.crc32(fields + bytes(_CRC.size) + rest)) + rest


def unpack(slot: bytes) -> Mark | None:
    """The mark in a slot, None if it is not whole."""
    if len(slot) != SLOT:
        return None
    magic, seq, end, digest = _FIELDS.unpack_from(slot)
    mark = Mark(seq, end, digest.hex())
    return mark if magic == _MAGIC and pack(mark) == slot else None


def load(disk: Disk, folder: Path) -> Slots:
    """Both slots; DamagedError if neither is whole, if they contradict each other, or if the file is gone."""
    path = folder / NAME
    for _ in range(_TRIES):
        try:
            data = read_whole(disk, path, 2 * SLOT + 1)
        except FileNotFoundError:
            raise DamagedError(f"{path}: missing; a journal is never without it. Restore it from a copy") from None
        except OSError as error:
            raise JournalError(
                f"{path}: cannot be read ({error.strerror}). Mend the disk or its permissions"
            ) from error
        first, second = marks = unpack(data[:SLOT]), unpack(data[SLOT:])
        if first or second:
            break
    if first is None and second is None:
        raise DamagedError(f"{path}: neither slot is whole, which no crash does. Restore the folder from a copy", 0)
    if first and second and (first.seq == second.seq) != (first == second):
        raise DamagedError(f"{path}: its slots name different rows {first.seq:,}. Restore the folder from a copy", 0)
    return marks


def newest(marks: Slots) -> Mark:
    """The mark that is further on."""
    return max(mark for mark in marks if mark is not None)


def older(marks: Slots) -> int:
    """The slot to write next: the one that is not whole, or else the one that is further back."""
    first, second = marks
    if first is None or second is None:
        return 0 if first is None else 1
    return 0 if first.seq < second.seq else 1
