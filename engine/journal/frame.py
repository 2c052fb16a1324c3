"""Rows as frames: length, CRC-32, SHA-256 of the frame before, payload.

    u32 length of the payload | u32 CRC-32 | 32 bytes hash of the frame before | payload
    payload: u64 sequence | u16 length of the kind | kind | body

All little-endian. The CRC covers every byte of the frame but its own; the hash of a frame covers every byte. The first frame
stands on the hash of the preamble. The checksum is zlib's CRC-32, not the Castagnoli one: it detects the same bursts, every
Python has it in C, and a reader that must work on a bad day (status, kill) loads nothing for it.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.errors import DamagedError, JournalError
from engine.journal.body import decode

SCHEMA = 1
LONGEST = 1 << 26  # bytes of a payload
_HEAD, _INNER = struct.Struct("<II32s"), struct.Struct("<QH")
_LENGTH = struct.Struct("<I")
_PREAMBLE = re.compile(rb"barcast journal, schema (\d{5})\n")
PREAMBLE_SIZE = 30
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a journal: `raw` is its body in bytes, `offset` its frame's first byte, `end` the byte after its last."""

    seq: int
    kind: str
    raw: bytes
    offset: int
    end: int
    hash: str

    @property
    def body(self) -> dict[str, Any]:
        """The body, decoded anew each time it is asked for."""
        return decode(self.raw)


class BrokenFrame(Exception):  # noqa: N818 - no error yet: whoever scans decides
    """What stands at `offset` is no frame of this chain."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset, self.why = offset, why


def preamble(schema: int = SCHEMA) -> bytes:
    """The first bytes of a journal."""
    return b"barcast journal, schema %05d\n" % schema


def genesis(start: bytes) -> str:
    """What the first frame stands on."""
    return hashlib.sha256(start).hexdigest()


def schema_of(start: bytes) -> int:
    """The schema that a preamble names; DamagedError if it is none."""
    found = _PREAMBLE.fullmatch(start)
    if not found:
        raise DamagedError("byte 0: no preamble of a journal", 0)
    return int(found[1])


def pack(seq: int, kind: str, raw: bytes, before: str, offset: int) -> tuple[bytes, Row]:
    """The frame of a row, and the row; `before` is the hash of the frame before. JournalError if it is too long."""
    word = kind.encode()
    length = _INNER.size + len(word) + len(raw)
    if not word or len(word) > 255 or length > LONGEST:
        raise JournalError(
            f"row {seq} ({kind[:40]}): {length:,} bytes, at most {LONGEST:,}, its kind 1 to 255. Split it"
        )
    payload = b"".join((_INNER.pack(seq, len(word)), word, raw))
    chain = bytes.fromhex(before)
    frame = _HEAD.pack(length, _checksum(length, chain, payload), chain) + payload
    return frame, Row(seq, kind, raw, offset, offset + len(frame), hashlib.sha256(frame).hexdigest())


def _checksum(length: int, chain: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(chain, zlib.crc32(_LENGTH.pack(length))))


def scan(read: Callable[[int, int], bytes], size: int, schema: int = SCHEMA) -> Iterator[Row]:
    """Rows from the first on, each checked against the one before; BrokenFrame where the chain ends before `size` does.

    `read(size, offset)` gives bytes of the file. DamagedError for another preamble or a newer schema.
    """
    start = read(PREAMBLE_SIZE, 0)
    if schema_of(start) != schema:
        known(schema_of(start))
    before, offset, seq = genesis(start), PREAMBLE_SIZE, 0
    buffer, base = b"", offset
    while offset < size:
        need = _HEAD.size
        for _ in range(2):  # the head, then the whole frame
            if offset + need > size:
                raise BrokenFrame(offset, f"a frame of {need:,} bytes or more is cut after {size - offset:,}")
            if offset + need > base + len(buffer):
                buffer, base = read(max(need, _CHUNK), offset), offset
                if len(buffer) < need:
                    raise BrokenFrame(offset, f"{need:,} bytes were asked for and {len(buffer):,} came")
            length, checksum, chain = _HEAD.unpack_from(buffer, offset - base)
            if not _INNER.size < length <= LONGEST:
                raise BrokenFrame(offset, f"a length of {length:,} bytes")
            need = _HEAD.size + length
        frame = buffer[offset - base : offset - base + need]
        row = _unpack(frame, checksum, chain, before, seq, offset)
        yield row
        before, offset, seq = row.hash, row.end, seq + 1


def _unpack(frame: bytes, checksum: int, chain: bytes, before: str, seq: int, offset: int) -> Row:
    payload = frame[_HEAD.size :]
    if _checksum(len(payload), chain, payload) != checksum:
        raise BrokenFrame(offset, "the checksum is another")
    if chain.hex() != before:
        raise BrokenFrame(offset, "it stands on another row than the one before it")
    said, width = _INNER.unpack_from(payload)
    if said != seq:
        raise BrokenFrame(offset, f"it is row {said:,} where row {seq:,} belongs")
    try:
        kind = payload[_INNER.size : _INNER.size + width].decode()
    except UnicodeDecodeError:
        raise BrokenFrame(offset, "its kind is no text") from None
    raw = payload[_INNER.size + width :]
    return Row(seq, kind, raw, offset, offset + len(frame), hashlib.sha256(frame).hexdigest())


def known(schema: int) -> None:
    """Nothing; JournalError for a schema that this version does not read."""
    if schema > SCHEMA:
        raise JournalError(
            f"the journal has schema {schema}, this version knows {SCHEMA}. Use the version that wrote it, or a newer one"
        )
    if schema < SCHEMA:
        raise JournalError(
            f"the journal has schema {schema}, this version writes {SCHEMA}. Migrate it into a copy first"
        )
