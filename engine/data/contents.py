"""sha256 of files and folders, remembered by (size, times, inode) as git does, so that a big file is hashed once.

A file written less than RACY before it was looked at may have been written again with no change that shows; what is
remembered of such a file is not believed (git's racy rule). The file system's own clock says when a file was looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RACY = 2_000_000_000  # ns: the coarsest clock of a file system in use
KEPT = 500  # sources remembered, the latest ones

Stat = tuple[int, ...]  # size, mtime, ctime, inode, device


@dataclass(frozen=True, slots=True)
class Look:
    """How a source looked at one moment: the stat of each of its files, by path inside it."""

    place: Path
    stats: dict[str, Stat]
    moment: int  # ns, before the first of them was asked

    def calm(self, name: str) -> bool:
        """Whether the file was left alone for so long that any later change of it shows."""
        return self.moment - self.stats[name][1] >= RACY

    @property
    def all_calm(self) -> bool:
        return all(self.calm(name) for name in self.stats)


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of the contents of sources, in a small file for each under `folder`."""

    folder: Path

    def look(self, place: Path) -> Look:
        """How the file or folder at `place` looks now; OSError if it, or the memory, is out of reach."""
        self.folder.mkdir(parents=True, exist_ok=True)
        os.utime(self.folder)
        moment = os.stat(self.folder).st_mtime_ns
        whole = place.resolve()
        return Look(whole, {name: _stat(whole / name) for name in sorted(_names(whole))}, moment)

    def knows(self, look: Look) -> bool:
        """Whether this source has ever been hashed, whatever it held then."""
        return self._record(look.place).is_file()

    def digest(self, look: Look) -> str:
        """sha256 hex over the names and bytes of the files, hashing those that changed; OSError if one cannot be read."""
        before = self._remembered(look.place)
        known: dict[str, str] = {}
        for name, seen in look.stats.items():
            told = before.get(name)
            known[name] = told[1] if told is not None and told[0] == seen else _sha256(look.place / name)
        calm: dict[str, list[object]] = {
            name: [look.stats[name], sha256] for name, sha256 in known.items() if look.calm(name)
        }
        if calm != {name: [*told] for name, told in before.items()} or not self.knows(look):
            with suppress(OSError):  # a full disk: then it is hashed again next time
                self._remember(look.place, calm)
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def _record(self, place: Path) -> Path:
        return self.folder / f"{hashlib.sha256(os.fsencode(place)).hexdigest()[:32]}.json"

    def _remembered(self, place: Path) -> dict[str, tuple[Stat, str]]:
        """(stat, sha256) by name; nothing where the memory is missing or damaged."""
        try:
            told = json.loads(self._record(place).read_bytes())
            return {str(name): (tuple(map(int, seen)), str(sha256)) for name, (seen, sha256) in told.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _remember(self, place: Path, files: dict[str, list[object]]) -> None:
        """Write what is known of one source, whole or not at all, and forget the oldest sources."""
        handle, new = tempfile.mkstemp(prefix=".new-", dir=self.folder)
        try:
            with os.fdopen(handle, "w") as file:
                json.dump(files, file)
            os.replace(new, self._record(place))
        except BaseException:
            Path(new).unlink(missing_ok=True)
            raise
        records = sorted(self.folder.iterdir(), key=_written, reverse=True)
        for old in records[KEPT:]:
            old.unlink(missing_ok=True)


def _names(place: Path) -> Iterator[str]:
    """Paths inside a folder, or "" for a file; OSError for a folder reached by a link, which is not followed."""
    if not place.is_dir():
        yield ""
        return
    for folder, inner, files in os.walk(place, onerror=_give_up):
        for name in inner:
            if (Path(folder) / name).is_symlink():
                raise OSError(f"{folder}/{name} is a link to a folder")
        for name in files:
            yield (Path(folder) / name).relative_to(place).as_posix()


def _give_up(error: OSError) -> None:
    raise error


def _stat(path: Path) -> Stat:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is no plain file")  # reading a pipe would wait, and use up what is in it
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
