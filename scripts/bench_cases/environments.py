"""Peers' virtual environments: made once from scripts/peers/<peer>.txt, kept in the cache folder, never the project's own."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

LISTS = Path(__file__).resolve().parents[1] / "peers"
FAILED: dict[Path, str] = {}  # what could not be made in this run, and why: it is not tried again for the next case
MADE = ".made"  # the last file written into an environment: without it, it is half made


class UnavailableError(Exception):
    """Why a peer has no environment, in a line."""


def home() -> Path:
    """Where environments are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "barcast" / "peers"


def oldest(text: str) -> tuple[int, int]:
    """The oldest Python that a list names in its first line."""
    found = re.search(r"Python (\d+)\.(\d+) or newer", text)
    assert found is not None, "a peer's list must name its Python"
    return int(found[1]), int(found[2])


def version_of(python: str) -> tuple[int, int] | None:
    """(major, minor) of an interpreter; None if it does not run."""
    code = "import sys, venv, ensurepip; print(sys.version_info[0], sys.version_info[1])"
    try:
        told = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    major, minor = told.split()
    return int(major), int(minor)


@lru_cache(maxsize=8)
def interpreter(needed: tuple[int, int]) -> str:
    """A Python of at least `needed`: our own, PEER_PYTHON, one on the PATH, or one that pyenv keeps."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    names = [f"python3.{minor}" for minor in range(needed[1], needed[1] + 4)]
    paths = [path for name in names if (path := shutil.which(name))]
    kept = [str(path) for name in names for path in sorted(root.glob(f"*/bin/{name}"))]
    for python in (os.environ.get("PEER_PYTHON", ""), sys.executable, *paths, *kept):
        found = version_of(python) if python else None
        if found is not None and found >= needed:
            return python
    raise UnavailableError(f"no Python {needed[0]}.{needed[1]} found; set PEER_PYTHON")


@lru_cache(maxsize=8)
def environment(peer: str, make: bool) -> Path:
    """The Python of `peer`'s environment, made now if `make` says so. Raises UnavailableError, in a line, if there is none."""
    text = (LISTS / f"{peer}.txt").read_text()
    python = interpreter(oldest(text))
    key = hashlib.sha256(f"{text}{version_of(python)}".encode()).hexdigest()[:12]
    folder = home() / f"{peer}-{key}"
    if not (folder / MADE).exists():
        if not make:
            raise UnavailableError("no environment yet; --quick makes none")
        if folder not in FAILED:
            build(peer, python, folder)
        if folder in FAILED:
            raise UnavailableError(FAILED[folder])
    return folder / "bin" / "python"


def build(peer: str, python: str, folder: Path) -> None:
    """Make the environment; whatever stops it (no network, no such version) is noted in FAILED, in a line."""
    print(f"making an environment for {peer} ...", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([python, "-m", "venv", str(folder)], [*install, "-r", str(LISTS / f"{peer}.txt")]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["it failed"]
            FAILED[folder] = f"no environment: {lines[-1].removeprefix('ERROR: ')}"
            return
    (folder / MADE).touch()
