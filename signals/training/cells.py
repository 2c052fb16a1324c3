"""Forecasts that have an outcome: laid out by date and instrument, and flat by date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.types import Floats, Ints
from signals.training import forecasts, quality
from signals.training.material import Material


def flat(made: Material, forecast: Floats, cells: Any) -> tuple[Floats, Floats, Any]:
    """Forecasts and labels of the cells by date, and where each date begins."""
    row, name = np.nonzero(cells)
    return forecast[row, name], made.labels.values[row, name], edges_of(cells)


def edges_of(cells: Any) -> Ints:
    """(D + 1,) where each date's cells begin, and where the last one's end."""
    row = np.nonzero(cells)[0]
    if not len(row):
        return np.zeros(1, np.int64)
    return np.concatenate(([0], np.flatnonzero(np.diff(row)) + 1, [len(row)])).astype(np.int64)


def wide(edges: Ints) -> bool:
    """Whether dates have names enough to be ranked against each other."""
    return len(edges) > 1 and float(np.median(np.diff(edges))) >= quality.FEWEST


def read(path: Path, made: Material) -> Floats:
    """(T, N) forecasts of a walk-forward's stitched table, NaN where it has none; DataError where it is not of these bars."""
    return laid(forecasts.stitched(path.parent, path.name, made), made)


def laid(table: forecasts.Table, made: Material) -> Floats:
    """(T, N) forecasts of a table, NaN where it has none."""
    out = np.full((len(made.times), len(made.symbols)), np.nan)
    out[table.row, table.name] = table.forecast
    return out
