"""Where things lie that are neither code nor runs: our sources by content, the user's cache folder, and free memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = "BARCAST_CACHE"  # the environment variable that moves every cache
FENCE = "BARCAST_FENCE"  # the environment variable with the folder that data may not lie outside of
DATA = "BARCAST_DATA"  # the environment variable with the folder in which files lie that are neither beside a YAML nor here
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


def data_home() -> Path | None:
    """The folder that BARCAST_DATA names."""
    told = os.environ.get(DATA)
    return Path(told) if told else None


def available() -> int:
    """Bytes of memory that are free, as far as the system tells."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return 4_000_000_000
