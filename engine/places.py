"""Where things lie that are neither code nor runs: our sources by content, and the user's cache folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = "BARCAST_CACHE"  # the environment variable that moves every cache
FENCE = "BARCAST_FENCE"  # the environment variable with the folder that data may not lie outside of
OFF = "off"  # its value for no panel cache; compiled code is kept in the usual place all the same


def digest(files: Iterable[Path], root: Path = ROOT) -> str:
    """sha256 hex over the names (relative to `root`) and bytes of `files`, in the order given."""
    total = hashlib.sha256()
    for path in files:
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def cache_home() -> Path:
    """The folder of all caches: BARCAST_CACHE, else `barcast` in XDG_CACHE_HOME, else in ~/.cache; it need not exist."""
    moved = os.environ.get(CACHE)
    if moved and moved != OFF:
        return Path(moved)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "barcast"


def fence() -> Path | None:
    """The folder that BARCAST_FENCE names, links followed: data lies inside it, or is not read. None: anywhere."""
    told = os.environ.get(FENCE)
    return Path(told).resolve() if told else None
