"""Who has looked at a test range, and when: a line per look in the model's own folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import OutputError
from engine.types import Bools

if TYPE_CHECKING:
    from signals.training.material import Material
    from signals.training.walkforward import Walked

LOG = "evaluations.jsonl"


def look(at: str, what: str, made: Material, walks: Sequence[Walked], cells: Bools) -> dict[str, Any]:
    """The line of a look by the command `what` at the ISO instant `at`: range, rows, whose weights."""
    weights = [passport.weights_sha256[:12] for walk in walks for passport in walk.passports]
    return {"at": at, "what": what, "range": span(made, cells), "rows": int(cells.sum()), "weights": weights}


def span(made: Material, cells: Bools) -> list[str]:
    """First and last date of (T, N) cells, of which there must be one."""
    rows = np.flatnonzero(cells.any(axis=1))
    return [made.day(int(rows[0])), made.day(int(rows[-1]))]


def note(folder: Path, told: dict[str, Any]) -> int:
    """How many looks have now been taken at dates of the range of `told` ("range"); a line is added to the folder's log.

    It is written before anything is measured, so that a look that failed half-way counts. OutputError if it cannot be.
    """
    path = folder / LOG
    try:
        folder.mkdir(parents=True, exist_ok=True)  # of a symbol with several seeds, whose models lie under the seeds
        torn = path.exists() and not path.read_bytes().endswith(b"\n")  # a line that a crash cut off ends here
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" * torn + json.dumps(told, allow_nan=False) + "\n")
        return sum(overlap(one.get("range"), told["range"]) for one in looks(folder))
    except OSError as error:
        raise OutputError(f"{path}: the look at the test range could not be noted: {error.strerror}") from error


def overlap(one: Any, other: Sequence[str]) -> bool:
    """Whether [first, last] of two looks share a date; a range that is none shares nothing."""
    if not (isinstance(one, list) and len(one) == 2 and all(isinstance(day, str) for day in one)):
        return False
    return bool(one[0] <= other[1] and other[0] <= one[1])


def looks(folder: Path) -> list[dict[str, Any]]:
    """All lines of a folder's log that are whole; [] where there is none."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    out = []
    for line in lines:
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(told, dict):
            out.append(told)
    return out
