"""Features kept on disk and mapped: the same bars and the same set are computed once.

An entry is a folder named by sha256 of the bars' fingerprint and of the set, under `features` in the folder of all caches
(engine.places), with values.npy, times.npy and about.json. Values are computed straight into the mapped file of a hidden
folder, which is renamed when it is complete; of two processes that want the same entry the second waits for the first. An
entry that is not what it says is made anew. BARCAST_CACHE=off computes in memory and keeps nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.places import CACHE, OFF, cache_home
from engine.types import Ints, Window
from signals.features.sets import FeatureSet

if TYPE_CHECKING:
    from engine.panel import Panel

LIMIT = 40_000_000_000  # bytes of all entries; those unused for longest go first
ENTRY = re.compile(r"[0-9a-f]{64}")
ABOUT, VALUES, TIMES = "about.json", "values.npy", "times.npy"


@dataclass(frozen=True, eq=False)
class Features:
    """The features of a panel. A model's window of instrument i that ends at slice t is values[i, t - L + 1 : t + 1]."""

    values: NDArray[np.float32]  # (N, T, F), read-only, mapped unless nothing is kept; NaN where not known
    symbols: tuple[str, ...]
    times: Ints  # (T,) ns UTC
    columns: tuple[str, ...]
    name: str
    sha256: str  # of the set
    place: Path | None  # the folder, None where nothing is kept


def build(panel: Panel | Window, features: FeatureSet, jobs: int = 1) -> Features:
    """The features of all slices of `panel`, by `jobs` threads unless they lie there already."""
    bars = panel if isinstance(panel, Window) else panel.adjusted
    if os.environ.get(CACHE) == OFF:
        values = features.panel(bars, jobs)
        values.flags.writeable = False
        return _features(values, bars.times, bars.symbols, features, None)
    print_of = fingerprint(panel) if isinstance(panel, Window) else panel.fingerprint
    key = hashlib.sha256(f"{print_of} {features.sha256}".encode()).hexdigest()
    folder = cache_home() / "features"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder, key):
        kept = _fetch(folder / key, bars, features)
        if kept is None:
            _sweep(folder)
            _make(folder, key, bars, features, jobs)
            _evict(folder, key)
            kept = _fetch(folder / key, bars, features)
    if kept is None:  # the disk does not give back what was written
        raise OSError(f"{folder / key}: features were written there and cannot be read again")
    return kept


def fingerprint(bars: Window) -> str:
    """sha256 hex of everything features can see of a window."""
    digest = hashlib.sha256(repr((bars.symbols, bars.close.shape, bars.sector is None)).encode())
    arrays = [bars.times, bars.open, bars.high, bars.low, bars.close, bars.volume]
    for array in arrays if bars.sector is None else [*arrays, bars.sector]:
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def _features(values: Any, times: Ints, symbols: tuple[str, ...], features: FeatureSet, place: Path | None) -> Features:
    return Features(values, symbols, times, features.column_names, features.name, features.sha256, place)


def _about(bars: Window, features: FeatureSet) -> dict[str, Any]:
    shape = [len(bars.symbols), len(bars.times), len(features)]
    return {
        "set": features.name,
        "sha256": features.sha256,
        "columns": list(features.column_names),
        "symbols": list(bars.symbols),
        "shape": shape,
    }


def _fetch(entry: Path, bars: Window, features: FeatureSet) -> Features | None:
    """What lies at `entry`; None if there is nothing, or it is damaged, and then it is removed."""
    if not entry.is_dir():
        return None
    try:
        about = json.loads((entry / ABOUT).read_text())
        values = np.load(entry / VALUES, mmap_mode="r", allow_pickle=False)
        times = np.load(entry / TIMES, allow_pickle=False)
        wanted = _about(bars, features)
        same = list(values.shape) == wanted["shape"] and values.dtype == np.float32 and values.flags.c_contiguous
        if same and about == wanted and np.array_equal(times, bars.times):
            with suppress(OSError):
                os.utime(entry)  # used now
            times.flags.writeable = False
            return _features(values, times, bars.symbols, features, entry)
    except (OSError, ValueError, EOFError):
        pass
    _discard(entry)
    return None


def _make(folder: Path, key: str, bars: Window, features: FeatureSet, jobs: int) -> None:
    """Compute into a hidden folder and rename it. Only the holder of the key's lock does."""
    new = folder / f".new-{key}"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        about = _about(bars, features)
        values = np.lib.format.open_memmap(new / VALUES, "w+", np.float32, tuple(about["shape"]))
        features.panel(bars, jobs, values)
        values.flush()
        del values
        np.save(new / TIMES, np.asarray(bars.times), allow_pickle=False)
        (new / ABOUT).write_text(json.dumps(about))
        os.rename(new, folder / key)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def _locked(folder: Path, key: str, wait: bool = True) -> Iterator[None]:
    """Be the only process that makes the entry `key`; BlockingIOError if another one is and we do not `wait`."""
    handle = os.open(folder / f".lock-{key}", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


def _discard(entry: Path) -> None:
    """Remove an entry: out of sight at once, so that nobody finds half of it. Whoever has mapped it keeps it."""
    aside = entry.with_name(f".new-{entry.name}")
    shutil.rmtree(aside, ignore_errors=True)
    os.rename(entry, aside)
    shutil.rmtree(aside, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what processes that died have left."""
    for left in folder.glob(".new-*"):
        with suppress(OSError), _locked(folder, left.name.removeprefix(".new-"), wait=False):
            shutil.rmtree(left, ignore_errors=True)


def _evict(folder: Path, newest: str) -> None:
    """Remove the entries unused for longest until the others and `newest` fit into LIMIT."""
    entries = [path for path in folder.iterdir() if ENTRY.fullmatch(path.name)]
    sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in entries}
    total = sum(sizes.values())
    for path in sorted(entries, key=lambda path: path.stat().st_mtime_ns):
        if total > LIMIT and path.name != newest:
            with suppress(OSError), _locked(folder, path.name, wait=False):
                _discard(path)
                total -= sizes[path]
