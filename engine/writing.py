"""Files that are there whole or not at all, and their folders: where one cannot be written is told in one line, and before a
command has learned anything.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import ConfigError, OutputError


def check_folder(said: str | Path, option: str = "--out") -> None:
    """Nothing, and nothing is made; OutputError unless `said` is a folder that can be written, or can become one."""
    if not str(said).strip():
        raise ConfigError(f"{option}: expected a folder, got nothing; name one, or leave it out")
    place = Path(said)
    _room(f"{option} {place}", *_nearest(place, option))


def check_file(said: str | Path, option: str = "--out", parents: bool = True) -> None:
    """Nothing, and nothing is made; OutputError unless `said` is a plain file, or can become one.

    Folders above it need not be there, unless `parents` is False.
    """
    if not str(said).strip():
        raise ConfigError(f"{option}: expected a file, got nothing; name one")
    place = Path(said)
    there, mode = _nearest(place, option)
    if there == place:
        if not stat.S_ISREG(mode):
            raise OutputError(f"{option} {place}: expected a file, and this is {_kind(mode)}; give the path of a file")
        there, mode = _nearest(place.parent, option)
    elif not parents and there != place.parent and stat.S_ISDIR(mode):
        raise OutputError(f"{option} {place}: there is no folder {place.parent}; make it, or give another place")
    _room(f"{option} {place}", there, mode)


def make(folder: Path) -> Path:
    """The folder, made where it is not there; OutputError where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the folder could not be made: {_why(error)}; give another place") from error
    return folder


def replace(path: Path, raw: bytes) -> Path:
    """Write `path`, which is returned, so that a reader sees the old bytes or the new ones, also after a crash: see `instead`."""
    with instead(path) as draft:
        draft.write_bytes(raw)
    return path


@contextmanager
def instead(path: Path) -> Iterator[Path]:
    """A draft, for the block to write, that then takes the place of `path`: a reader sees the old bytes or the new ones, also
    after a crash. Whatever fails short of a kill, the old bytes stay and no draft is left.

    OutputError where `path` is there and no plain file, or the disk does not take it; other errors of the block pass.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    except OSError as error:
        raise _unwritten(path, error) from error
    if not stat.S_ISREG(mode):
        raise OutputError(f"{path}: not written: expected a file, and this is {_kind(mode)}; give the path of a file")
    draft = path.with_name(f".{path.name[:48]}.{os.getpid()}.{threading.get_native_id()}")
    try:
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _unwritten(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: it could not be written: {_why(error)}; make room, or choose another place")


def _nearest(place: Path, option: str) -> tuple[Path, int]:
    """The path itself or, where it is not there, the nearest above it that is; and its mode."""
    for one in (place, *place.parents):
        try:
            return one, one.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            if one.is_symlink():
                raise OutputError(f"{option} {place}: {one} is a link to nothing; give another place") from None
        except OSError as error:
            raise OutputError(f"{option} {place}: {_why(error)}; give another place") from None
    raise OutputError(f"{option} {place}: nothing of it is there; give another place")


def _room(where: str, there: Path, mode: int) -> None:
    """Nothing; OutputError unless `there`, the nearest that exists of what is to be written, is a folder one may write in."""
    if not stat.S_ISDIR(mode):
        raise OutputError(f"{where}: expected a folder, and {there} is none; give another place")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"{where}: {there} may not be written; give another place")


def _kind(mode: int) -> str:
    """What a path is that is no plain file."""
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "a pipe or socket"


def _why(error: OSError) -> str:
    return error.strerror or str(error)
