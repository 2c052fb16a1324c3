"""Forecasts kept on disk: the same weights, features, bars and library give the array that was computed from them before.

An entry's name is the sha256 of all that shapes it, so nothing is ever out of date. Entries are written aside and renamed;
one that is damaged is computed anew. BARCAST_CACHE moves the folder, BARCAST_CACHE=off does without (engine.places).
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.places import CACHE, OFF, cache_home

if TYPE_CHECKING:
    from engine.types import Window

Floats = NDArray[np.float64]
LIMIT = 2_000_000_000  # bytes of all entries; those unused for longest go first
DIGEST = 32  # bytes of sha256 that stand before an entry's array


def key_of(words: Iterable[str], bars: Window, needs: Iterable[str]) -> str:
    """sha256 hex over `words` and all that a signal which reads `needs` of `bars` can see."""
    total = hashlib.sha256(repr((tuple(words), bars.symbols, bars.close.shape)).encode())
    arrays = [bars.times, *(getattr(bars, key) for key in ("close", *needs))]
    for array in arrays if bars.sector is None else [*arrays, bars.sector]:
        total.update(np.ascontiguousarray(array).view(np.uint8).data)
    return total.hexdigest()


def through(key: str, shape: tuple[int, ...], build: Callable[[], Floats]) -> Floats:
    """The array kept under `key`, or what `build` makes, which is then kept."""
    if os.environ.get(CACHE) == OFF:
        return build()
    place = cache_home() / "forecasts" / f"{key}.bin"
    found = _read(place, shape)
    if found is None:
        found = build()
        with suppress(OSError):  # a full disk costs the memory, not the run
            _write(place, found)
    return found


def _read(place: Path, shape: tuple[int, ...]) -> Floats | None:
    """The array of an entry, None where there is none, or a damaged one."""
    try:
        data = place.read_bytes()
        os.utime(place)
    except OSError:
        return None
    if hashlib.sha256(data[DIGEST:]).digest() != data[:DIGEST]:
        return None
    found = np.load(io.BytesIO(data[DIGEST:]), allow_pickle=False)
    return found if found.shape == shape and found.dtype == np.float64 else None


def _write(place: Path, values: Floats) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    np.save(out, values, allow_pickle=False)
    handle, name = tempfile.mkstemp(prefix=".", dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(out.getvalue()).digest() + out.getvalue())
        os.replace(name, place)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    _prune(place.parent)


def _prune(folder: Path) -> None:
    """Remove entries, those unused for longest first, until all fit LIMIT."""
    found = []
    for path in folder.glob("*.bin"):
        with suppress(OSError):
            told = path.stat()
            found.append((told.st_mtime_ns, told.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= LIMIT:
            return
        path.unlink(missing_ok=True)
        total -= size
