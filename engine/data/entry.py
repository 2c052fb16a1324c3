"""One panel as a folder: a plain .npy file for each array, mapped when read, and panel.json with all the rest.

Nothing in it is trusted. panel.json carries its own sha256; of every array it says shape, dtype, size, and a checksum of
all its bytes: sums over blocks of 64 KiB, and sha256 of these sums. That finds files cut short, blocks that never reached
the disk before the power went, and bytes changed by anybody's mistake, at the speed of memory (30 ms for 412 MB, where
CRC-32 takes 125 and sha256 260), so that it can be asked at every load and nothing need be flushed when written.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.actions import Actions
from engine.data.building import frozen
from engine.panel import FACTS, Panel
from engine.types import Universe

ABOUT = "panel.json"
OWN = (*FACTS, "sessions")
OF_ACTIONS = tuple(f.name for f in fields(Actions))
OF_UNIVERSE = ("lot", "tick", "multiplier", "sector", "delisted_at", "terminal_value")
WORDS = ("bars_per_year_source", "prices", "dividends", "calendar", "missing_open", "name")
BLOCK = 1 << 13  # words of 8 bytes that are summed up together
MAPPED = 1 << 20  # bytes from which a file is mapped: every map holds a file open, and of those a process has few


class DamagedError(Exception):
    """This folder does not hold the panel that was written there."""


def write(panel: Panel, folder: Path) -> None:
    """Put `panel` and its fingerprint into the empty `folder`; OSError if there is no room."""
    files = {}
    for name, array in _arrays(panel).items():
        path = folder / f"{name}.npy"
        with path.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        files[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "bytes": path.stat().st_size}
        files[name]["sums"] = sums(path)
    about = {
        "files": files,
        "symbols": panel.universe.symbols,
        "sector_names": panel.universe.sector_names,
        "bars_per_year": None if math.isnan(panel.bars_per_year) else float(panel.bars_per_year),
        "warnings": panel.warnings,
        "fingerprint": panel.fingerprint,
        **{name: getattr(panel, name) for name in WORDS},
    }
    (folder / ABOUT).write_text(json.dumps({"sha256": _sha256(about), "panel": about}))


def read(folder: Path) -> Panel:
    """The panel in `folder`, its large arrays mapped, its fingerprint known; DamagedError if anything is not as written.

    An OSError other than a missing file says nothing about the folder, and is left to the caller.
    """
    try:
        about = _about(folder)
        arrays: dict[str, Any] = {name: _array(folder / f"{name}.npy", told) for name, told in about["files"].items()}
        per_year = about["bars_per_year"]
        universe = Universe(
            symbols=tuple(about["symbols"]),
            sector_names=tuple(about["sector_names"]),
            **{name: arrays[f"universe_{name}"] for name in OF_UNIVERSE},
        )
        panel = Panel(
            universe=universe,
            actions=Actions(*(arrays[f"actions_{name}"] for name in OF_ACTIONS)),
            bars_per_year=float("nan") if per_year is None else per_year,
            warnings=tuple(about["warnings"]),
            **{name: arrays[name] for name in OWN},
            member=arrays.get("member"),
            **{name: about[name] for name in WORDS},
        )
        vars(panel)["fingerprint"] = about["fingerprint"]  # where cached_property keeps it
    except (FileNotFoundError, EOFError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{folder}: {type(error).__name__}: {error}") from error
    return panel


def _arrays(panel: Panel) -> dict[str, np.ndarray]:
    """Every array of a panel by the name of its file."""
    found = {name: getattr(panel, name) for name in OWN}
    found |= {} if panel.member is None else {"member": panel.member}
    found |= {f"actions_{name}": getattr(panel.actions, name) for name in OF_ACTIONS}
    found |= {f"universe_{name}": getattr(panel.universe, name) for name in OF_UNIVERSE}
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def size(panel: Panel) -> int:
    """Bytes that `panel` takes on the disk, headers and words left out."""
    return sum(array.nbytes for array in _arrays(panel).values())


def sums(path: Path) -> str:
    """A checksum of all bytes of a file, header included."""
    whole = np.memmap(path, np.uint8, mode="r")
    end = len(whole) // 8 * 8
    words = whole[:end].view(np.uint64)
    blocks = np.add.reduceat(words, np.arange(0, len(words), BLOCK))
    return hashlib.sha256(blocks.tobytes() + whole[end:].tobytes()).hexdigest()


def _array(path: Path, told: dict[str, Any]) -> np.ndarray:
    """The array in a file, read-only; ValueError if it is not the one that was written."""
    if path.stat().st_size != told["bytes"] or sums(path) != told["sums"]:
        raise ValueError(f"{path.name} has other bytes than were written")
    mapped = told["bytes"] >= MAPPED
    array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    if array.dtype.str != told["dtype"] or list(array.shape) != told["shape"]:
        raise ValueError(f"{path.name} has another form than was written")
    return np.asarray(array) if mapped else np.asarray(frozen(array))


def _about(folder: Path) -> dict[str, Any]:
    told = json.loads((folder / ABOUT).read_bytes())
    about: dict[str, Any] = told["panel"]
    if told["sha256"] != _sha256(about):
        raise ValueError(f"{ABOUT} has been changed")
    return about


def _sha256(about: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
