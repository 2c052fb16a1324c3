"""The body of a row as bytes and back: canonical JSON for what is small, raw little-endian blobs for arrays.

    u32 length of the JSON | JSON | blob | blob ...

The same mapping gives the same bytes whatever the order of its keys. Inside the JSON, {"$array": [dtype, shape]} and
{"$bytes": length} stand for the next blob, in the order of the text; {"$float": hex} for a float that JSON has no word for
(bits of the IEEE double, so that every NaN comes back as it was). No key may begin with "$". Tuples come back as lists.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.errors import DamagedError, JournalError

DTYPES = ("<f8", "<f4", "<i8", "<i4", "<u8", "<u4", "|u1", "|b1")
_LENGTH = struct.Struct("<I")
_DEEPEST = 32


def encode(body: Mapping[str, Any]) -> bytes:
    """`body` in bytes; JournalError, naming the place, for what cannot be kept."""
    blobs: list[bytes] = []
    try:
        text = json.dumps(
            _plain(body, "", blobs, 0), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    except UnicodeEncodeError as error:
        raise JournalError(f"body: text that is no Unicode cannot be kept ({error.reason}); repair it first") from error
    return b"".join((_LENGTH.pack(len(text)), text, *blobs))


def _plain(value: Any, place: str, blobs: list[bytes], depth: int) -> Any:
    """`value` in words of JSON with keys in order; arrays and bytes go to `blobs`."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float):  # np.float64 is one
        return float(value) if math.isfinite(value) else {"$float": struct.pack(">d", value).hex()}
    if isinstance(value, int):
        return int(value)
    if isinstance(value, np.ndarray):
        return _array(value, place, blobs)
    if isinstance(value, np.generic):
        return _plain(value.item(), place, blobs, depth)
    if isinstance(value, bytes):
        blobs.append(value)
        return {"$bytes": len(value)}
    if depth >= _DEEPEST:
        raise JournalError(f"body{place}: nested more than {_DEEPEST} deep; flatten it")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or key.startswith("$"):
                raise JournalError(f"body{place}: keys are text that does not begin with $, got {key!r}. Rename it")
        return {key: _plain(value[key], f"{place}.{key}", blobs, depth + 1) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{k}]", blobs, depth + 1) for k, item in enumerate(value)]
    raise JournalError(
        f"body{place}: a {type(value).__name__} cannot be kept; expected None, bool, int, float, text, bytes, a list, a "
        f"mapping or an array. Convert it"
    )


def _array(value: np.ndarray[Any, Any], place: str, blobs: list[bytes]) -> dict[str, Any]:
    dtype = value.dtype.newbyteorder("<").str
    if dtype not in DTYPES:
        raise JournalError(f"body{place}: arrays are of {', '.join(DTYPES)}, got {value.dtype}. Convert it")
    blobs.append(value.astype(dtype, order="C", copy=False).tobytes())
    return {"$array": [dtype, list(value.shape)]}


def decode(raw: bytes) -> dict[str, Any]:
    """What `encode` was given, arrays read-only and without a copy; DamagedError for other bytes."""
    try:
        (length,) = _LENGTH.unpack_from(raw)
        reader = _Blobs(raw, _LENGTH.size + length)
        body = reader.restored(json.loads(raw[_LENGTH.size : _LENGTH.size + length]))
        if not isinstance(body, dict) or reader.place != len(raw):
            raise ValueError("bytes are left over")
    except (ValueError, TypeError, KeyError, struct.error, RecursionError) as error:
        raise DamagedError(f"a row's body is not as rows are written ({type(error).__name__}: {error})") from error
    return body


class _Blobs:
    """Takes the blobs off a body in the order in which the JSON names them."""

    def __init__(self, raw: bytes, place: int) -> None:
        self.raw, self.place = raw, place

    def take(self, size: int) -> int:
        """Where the next blob begins."""
        start, self.place = self.place, self.place + size
        if size < 0 or self.place > len(self.raw):
            raise ValueError("a blob is short")
        return start

    def restored(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.restored(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$array" in value:
            dtype, shape = value["$array"]
            if dtype not in DTYPES or any(type(n) is not int or n < 0 for n in shape):
                raise ValueError("an array of another kind")
            count = math.prod(shape)
            start = self.take(count * np.dtype(dtype).itemsize)
            return np.frombuffer(self.raw, dtype, count, start).reshape(shape)
        if "$bytes" in value:
            start = self.take(value["$bytes"])
            return self.raw[start : self.place]
        if "$float" in value:
            return struct.unpack(">d", bytes.fromhex(value["$float"]))[0]
        return {key: self.restored(item) for key, item in value.items()}
