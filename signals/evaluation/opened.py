"""Who has looked at a test range, and when: a line per evaluation in the model's own folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import OutputError

LOG = "evaluations.jsonl"


def note(folder: Path, told: dict[str, Any]) -> int:
    """How many times the range of `told` ("range") has now been opened; a line is added to the folder's log.

    It is written before anything is measured, so that a look that failed half-way counts. OutputError if it cannot be.
    """
    path = folder / LOG
    try:
        folder.mkdir(parents=True, exist_ok=True)  # of a symbol with several seeds, whose models lie under the seeds
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told, allow_nan=False) + "\n")
        return sum(one.get("range") == told["range"] for one in looks(folder))
    except OSError as error:
        raise OutputError(f"{path}: the look at the test range could not be noted: {error.strerror}") from error


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
