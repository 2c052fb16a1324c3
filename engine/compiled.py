"""`njit` for the engine's kernels, with a disk cache that cannot serve stale code.

numba's cache looks only at the file a function stands in, so an edited callee in another file goes unnoticed. Therefore the
cache folder is named after the sha256 of every kernel source, and is chosen here, before numba is first imported.
It lies in the folder of all caches (engine.places); BARCAST_CACHE_DIR moves it alone. Where it cannot be written, a
temporary folder serves this process alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from engine.places import ROOT, cache_home, digest

PACKAGES = ("engine", "risk", "signals", "strategies")
FROZEN = (
    "engine/codes.py",
    "engine/markets/kinds.py",
    "engine/shapes.py",
    "engine/signatures.py",
    "engine/types.py",
)  # whose constants compiled code holds
KEEP = 6  # folders of older sources kept beside the current one
UNUSED = 30 * 86_400  # seconds after which a folder that no process has opened is in nobody's use

F = TypeVar("F", bound=Callable[..., Any])


def kernel_sources(root: Path = ROOT) -> list[Path]:
    """Every file that holds compiled code, sorted: those of our packages that import this module, and what they freeze."""
    files = [path for name in PACKAGES for path in sorted((root / name).rglob("*.py"))]
    return [
        path for path in files if path.relative_to(root).as_posix() in FROZEN or b"engine.compiled" in path.read_bytes()
    ]


@lru_cache(maxsize=1)
def cache_folder() -> Path:
    """The writable folder numba caches in for exactly these sources; made if need be."""
    moved = os.environ.get("BARCAST_CACHE_DIR")
    home = Path(moved) if moved else cache_home()
    folder = home / digest(kernel_sources())[:32]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        os.utime(folder)
        _prune(home, folder)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="barcast-"))
    return folder


def _prune(home: Path, current: Path) -> None:
    """Remove all but the newest KEEP folders of older sources, of those that nobody has opened for long.

    A process that compiles into a folder that is gone would fail, so one that may still be in use stays.
    """
    old = [path for path in home.iterdir() if path.is_dir() and len(path.name) == 32 and path != current]
    now = current.stat().st_mtime  # it has just been touched
    for path in sorted(old, key=lambda path: path.stat().st_mtime)[:-KEEP]:
        if now - path.stat().st_mtime > UNUSED:
            shutil.rmtree(path, ignore_errors=True)


os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())

import numba  # noqa: E402  (the folder must be named first)

setattr(numba.config, "CACHE_DIR", str(cache_folder()))  # noqa: B010  (it is set in no stub)


def njit(*signature: Any, **options: Any) -> Callable[[F], F]:
    """numba.njit with our cache, no fastmath: `@njit()` compiles lazily, `@njit(SIGNATURE)` when imported.

    Reference counting is off: a kernel allocates nothing and keeps nothing, and counting references to the thirty arrays that
    every small function is handed cost five times the work itself (measured: 9.1 s against 1.5 s on 1,695 x 6,000). A kernel
    may therefore not return an array to Python. No kernel holds the interpreter's lock, nor is any of them parallel inside:
    a serial and a parallel version of one function share a cache entry. Several runs at once are several threads (lanes).
    Division by zero gives inf or NaN as in NumPy; kernels guard their divisors.
    """
    settings: dict[str, Any] = {
        "cache": True,
        "fastmath": False,
        "error_model": "numpy",
        "_nrt": False,
        "nogil": True,
        **options,
    }
    compiled: Callable[[F], F] = numba.njit(*signature, **settings)
    return compiled


def inner(**options: Any) -> Callable[[F], F]:
    """njit for a kernel that only kernels call: inlined into them unless told otherwise, and without the wrapper that takes
    its arguments out of Python objects, which costs several times the compile time of the kernel itself.
    """
    return njit(**{"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, **options})
