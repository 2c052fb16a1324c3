"""Panels kept on disk: the same files, arguments and code give the panel that was built from them before.

An entry's name is the sha256 of all that shapes a panel, so nothing is ever out of date: what changed has another name.
Entries are made in a hidden folder and renamed, and checked when read; whatever goes wrong with the cache, the panel is
built as if there were none. BARCAST_CACHE moves it (engine.places), BARCAST_CACHE=off does without.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.contents import Contents, Look
from engine.places import CACHE, OFF, ROOT, cache_home, digest

if TYPE_CHECKING:
    from engine.panel import Panel

FEWEST = 100_000  # bars: here a load from the cache saves 13 ms, and keeping costs 15 once; below, it saves nothing
LIMIT = 20_000_000_000  # bytes of all entries; those unused for longest go first
LIBRARIES = ("numpy", "pandas", "pyarrow", "exchange_calendars")
ENTRY = re.compile(r"[0-9a-f]{64}")


def code(root: Path = ROOT) -> str | None:
    """sha256 hex of the sources that make a panel out of files; None where there are none to read."""
    engine = root / "engine"
    try:
        return digest([*sorted((engine / "data").glob("*.py")), engine / "panel.py", engine / "types.py"], root)
    except OSError:
        return None


LOADED = code()


def through(place: Path, told: Mapping[str, Any], build: Callable[[], Panel]) -> Panel:
    """What `build` makes of the file or folder at `place`: kept from an earlier time, or built now and kept.

    `told` is everything else that shapes the panel, as JSON can hold it. A source whose contents are not known yet is
    built from first: hashing it would be in vain if its panel turns out too small to be worth keeping.
    """
    if os.environ.get(CACHE) == OFF or LOADED is None or code() != LOADED:
        return build()  # sources edited since they were imported: what runs is not what lies there
    folder = cache_home() / "panels"
    contents = Contents(folder / "files")
    before, content = None, None
    with suppress(OSError):
        before = contents.look(place)
        if contents.knows(before) or not before.all_calm:
            content = contents.digest(before)
    if content is not None and (kept := _fetch(folder / key(content, told))) is not None:
        return kept
    panel = build()
    if before is not None and panel.close.size >= FEWEST:
        with suppress(OSError):
            content = _unchanged(contents, before, content)
            if content is not None:
                _keep(panel, folder / key(content, told))
    return panel


def key(content: str, told: Mapping[str, Any]) -> str:
    """sha256 hex of all that shapes a panel: contents of its source, arguments, our code, the libraries."""
    words = [content, dict(told), LOADED, {name: _version(name) for name in LIBRARIES}]
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _unchanged(contents: Contents, before: Look, content: str | None) -> str | None:
    """The sha256 of a source that was the same before and after it was read; None if that is not certain."""
    after = contents.look(before.place)
    if content is None and (after.stats != before.stats or not before.all_calm):
        return None
    now = contents.digest(after)
    return now if content in (None, now) else None


def _fetch(entry: Path) -> Panel | None:
    """The panel kept at `entry`; None if there is none, or a damaged one, which is thrown away."""
    from engine.data import entry as files

    try:
        if not entry.is_dir():
            return None
        panel = files.read(entry)
        with suppress(OSError):
            os.utime(entry)  # used now
        return panel
    except files.DamagedError:
        with suppress(OSError):
            _discard(entry)
    except OSError:
        pass  # out of reach, which says nothing about the entry: too many open files, a folder of somebody else
    return None


def _keep(panel: Panel, entry: Path) -> None:
    """Write `panel` to `entry`, unless there is one; OSError, and nothing left behind, if it cannot be written."""
    from engine.data import entry as files

    if entry.is_dir() or files.size(panel) > LIMIT:
        return
    _sweep(entry.parent)
    with _workshop(entry.parent) as new:
        files.write(panel, new)
        os.rename(new, entry)  # fails if another process was quicker, whose panel is the same
    _evict(entry.parent, entry.name)


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A new hidden folder, gone afterwards unless renamed; locked, so that nobody takes its maker for dead."""
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        handle = os.open(new, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield new
        finally:
            os.close(handle)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _discard(entry: Path) -> None:
    """Remove an entry: out of sight at once, so that nobody finds half of it. Whoever has mapped it keeps it."""
    with _workshop(entry.parent) as aside:
        os.rename(entry, aside)


def _sweep(folder: Path) -> None:
    """Remove what processes that died have left."""
    for left in folder.glob(".new-*"):
        with suppress(OSError):  # its maker is alive, or has just given up
            handle = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(handle)


def _evict(folder: Path, newest: str) -> None:
    """Remove the entries unused for longest until all the others and `newest` fit into LIMIT."""
    found = []
    for entry in folder.iterdir():
        if ENTRY.fullmatch(entry.name):
            with suppress(OSError):
                bytes_ = sum(file.stat().st_size for file in entry.iterdir())
                found.append((entry.name == newest, entry.stat().st_mtime_ns, bytes_, entry))
    total = sum(bytes_ for _, _, bytes_, _ in found)
    for is_newest, _, bytes_, entry in sorted(found):
        if total <= LIMIT or is_newest:
            break
        with suppress(OSError):
            _discard(entry)
        total -= bytes_
