"""Forecasts that have an outcome: laid out by date and instrument, and flat by date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import DataError
from engine.types import Floats, Ints
from signals.training import quality
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


def last_prices(made: Material, cells: Any) -> Floats:
    """Of labels that are prices: the price at the time of each forecast."""
    row, name = np.nonzero(cells)
    return np.asarray(made.labels.values[row - made.labels.reach, name])


def read(path: Path, made: Material) -> Floats:
    """(T, N) forecasts of a stitched file, NaN where it has none; DataError where it tells of other bars."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        table = parquet.read_table(path, columns=["date", "symbol", "forecast"])
        days = table.column("date").to_numpy().astype("datetime64[D]")
        symbols = table.column("symbol").to_pylist()
        forecast = table.column("forecast").to_numpy().astype(np.float64)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(f"{path}: no table of date, symbol and forecast: {str(error).splitlines()[0]}") from None
    row = np.searchsorted(made.dates, days)
    place = {symbol: k for k, symbol in enumerate(made.symbols)}
    name = np.array([place.get(symbol, -1) for symbol in symbols], np.int64)
    lost = (row == len(made.dates)) | (made.dates[np.minimum(row, len(made.dates) - 1)] != days) | (name < 0)
    if lost.any():
        k = int(np.flatnonzero(lost)[0])
        raise DataError(
            f"{path}: it forecasts {symbols[k]} on {days[k]}, of which these bars know nothing ({int(lost.sum()):,} such "
            f"rows); give the bars it was made from (--set data.path=...)"
        )
    out = np.full((len(made.times), len(made.symbols)), np.nan)
    out[row, name] = forecast
    return out
