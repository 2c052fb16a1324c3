"""The cells of a grid, and which of them can share what is read.

Keys of data, signals, universe and benchmark decide what is read, so cells that agree in them are one batch: lanes over the
same bars and forecasts. The others are lanes of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import ConfigError
from engine.lane import SHARED, combinations, read_grid

BATCH = 256  # cells at most, so that a sweep that is stopped has lost little


class Cell(NamedTuple):
    """One point of the grid: its place in the grid's order, and its values by dotted key."""

    number: int
    point: dict[str, Any]


class Batch(NamedTuple):
    """Cells that read the same: overrides that decide it, and the cells' own."""

    shared: dict[str, Any]
    cells: tuple[Cell, ...]

    def key(self, base: Mapping[str, Any], others: Any) -> str:
        """24 hex digits of what its results depend on: the resolved configuration, the cells, and `others`."""
        from engine.manifest import plain

        words = [plain(dict(base)), plain(dict(self.shared)), [plain(cell.point) for cell in self.cells], plain(others)]
        return hashlib.sha256(json.dumps(words, sort_keys=True, allow_nan=False).encode()).hexdigest()[:24]


def parsed(options: Sequence[str], file: str | Path | None = None) -> dict[str, list[Any]]:
    """The grid of `KEY=A,B,C` options laid over that of a YAML file; values are YAML scalars."""
    import yaml

    grid: dict[str, list[Any]] = {} if file is None else {key: list(values) for key, values in read_grid(file).items()}
    for option in options:
        key, sign, text = option.partition("=")
        values = [part.strip() for part in text.split(",")] if sign else []
        if not key.strip() or not values or any(part == "" for part in values):
            raise ConfigError(f"--grid {option[:80]}: expected KEY=VALUE,VALUE,..., such as exits.stop_loss=2%,5%")
        try:
            grid[key.strip()] = [yaml.safe_load(part) for part in values]
        except yaml.YAMLError as error:
            raise ConfigError(f"--grid {option[:80]}: {str(error).splitlines()[0]}; write plain values") from error
    for key, values in grid.items():
        if len({json.dumps(value, default=str) for value in values}) < len(values):
            raise ConfigError(f"--grid {key}: a value stands twice in {values}; name each once")
    if not grid:
        raise ConfigError("--grid: there is none; give KEY=VALUE,VALUE,... or a file")
    return grid


def batches(grid: Mapping[str, Sequence[Any]], most: int = BATCH) -> list[Batch]:
    """Every cell of the grid, in batches of at most `most` that read the same."""
    found: dict[str, list[Cell]] = {}
    shared: dict[str, dict[str, Any]] = {}
    for number, point in enumerate(combinations(grid)):
        apart = {key: value for key, value in point.items() if key.split(".")[0] in SHARED}
        name = json.dumps(apart, sort_keys=True, default=str)
        shared[name] = apart
        found.setdefault(name, []).append(Cell(number, point))
    return [
        Batch(shared[name], tuple(cells[k : k + most]))
        for name, cells in found.items()
        for k in range(0, len(cells), most)
    ]
