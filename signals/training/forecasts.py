"""Tables of forecasts: written, joined, and read back to the slices and names that they are of.

A row tells date, symbol, forecast, fold. Of daily bars `date` is a date; where a day has several slices it is the close of the
slice in UTC, as the engine reads such a column too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.errors import DataError
from engine.types import Floats, Ints
from engine.writing import instead
from signals import walked
from signals.training.material import Material

FORECASTS = "forecasts.parquet"
SAID = "said.parquet"  # with what blocked classifiers would have said: to judge them by, not to trade on


class Table(NamedTuple):
    """R rows, each of one cell of a Material."""

    row: Ints  # (R,) slice
    name: Ints  # (R,) instrument
    forecast: Floats  # (R,)
    fold: Ints  # (R,) -1 where the table does not tell


def write(path: Path, made: Material, rows: Any, forecasts: Any, fold: Any) -> None:
    """The forecasts (R, N) at slices `rows` that are known, each with its row's `fold` (R,), as a Parquet table."""
    import pyarrow as pa

    row, instrument = np.nonzero(np.isfinite(forecasts))
    names = np.array(made.symbols, object)
    at = rows[row]
    dates = pa.array(made.dates[at].astype("datetime64[D]")) if made.daily else _closes(made.times[at])
    table = pa.table(
        {
            "date": dates,
            "symbol": pa.array(names[instrument], pa.string()),
            "forecast": pa.array(forecasts[row, instrument]),
            "fold": pa.array(fold[row].astype(np.int32)),
        }
    )
    put(path, [table])


def join(place: Path, name: str, folders: Sequence[str]) -> list[int]:
    """Write the tables `name` of the folders in `place` as one beside them; how many rows each has."""
    import pyarrow.parquet as parquet

    parts = [parquet.read_table(place / folder / name) for folder in folders]
    put(place / name, parts)
    return [part.num_rows for part in parts]


def put(path: Path, tables: Sequence[Any]) -> None:
    """Write Arrow tables of one shape as one Parquet file, whole or not at all; OutputError where it cannot be."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with instead(path) as draft:
        parquet.write_table(pa.concat_tables(tables), draft, compression="zstd")


def sha256(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stitched(folder: Path, name: str, made: Material) -> Table:
    """The table `name` of a walk-forward's folder, the very one that its walkforward.json tells of, where it does."""
    return read(folder / name, made, walked.sha256_of(folder, name))


def read(path: Path, made: Material, told: str | None = None) -> Table:
    """The Table in `path`, every row found among the slices and names of `made`, no cell twice.

    DataError in one line where it is not so, and where its sha256 is not the one that is `told`.
    """
    import pyarrow as pa
    import pyarrow.compute as compute
    import pyarrow.parquet as parquet

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: it cannot be read: {error.strerror}; walk again") from None
    if told is not None and (found := hashlib.sha256(raw).hexdigest()) != told:
        raise DataError(
            f"{path}: refused: its sha256 begins {found[:12]}, and {told[:12]} was written: it was changed; walk again"
        )
    try:
        table = parquet.read_table(pa.BufferReader(raw))
        date, forecast = _known(table, "date", _dated), _known(table, "forecast", pa.types.is_floating)
        symbol = _known(table, "symbol", _text).cast(pa.string())
        fold = _known(table, "fold", pa.types.is_integer).to_numpy() if "fold" in table.column_names else None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(f"{path}: no table of date, symbol and forecast: {_first(error)}") from None
    row, there = _rows(path, date, made)
    at = compute.index_in(symbol, value_set=pa.array(made.symbols, pa.string()))
    name = compute.fill_null(at, -1).to_numpy().astype(np.int64)
    there &= name >= 0
    if not there.all():
        k = int(np.flatnonzero(~there)[0])
        raise DataError(
            f"{path}: it forecasts {symbol[k]} on {date[k]}, of which these bars know nothing ({int((~there).sum()):,} such "
            f"rows); give the bars it was made from (--set data.path=...)"
        )
    cell = row * len(made.symbols) + name
    once, first = np.unique(cell, return_index=True)
    if len(once) < len(cell):
        k = int(np.setdiff1d(np.arange(len(cell)), first)[0])
        raise DataError(f"{path}: it forecasts {symbol[k]} on {date[k]} more than once; walk again")
    whole = np.full(len(row), -1, np.int64) if fold is None else fold.astype(np.int64)
    return Table(row, name, forecast.to_numpy().astype(np.float64), whole)


def _rows(path: Path, date: Any, made: Material) -> tuple[Ints, Any]:
    """(R,) the slice of each date or close, and whether there is one. DataError where a date names several slices."""
    import pyarrow as pa

    if pa.types.is_timestamp(date.type):
        given, ours = (
            date.cast(pa.timestamp("ns", "UTC")).to_numpy().astype("datetime64[ns]").astype(np.int64),
            made.times,
        )
    elif made.daily:
        given, ours = date.to_numpy().astype("datetime64[D]"), made.dates
    else:
        raise DataError(f"{path}: it tells dates alone, and these bars have several slices a day; walk again")
    row = np.searchsorted(ours, given)
    return row.astype(np.int64), (row < len(ours)) & (ours[np.minimum(row, len(ours) - 1)] == given)


def _known(table: Any, name: str, fits: Any) -> Any:
    """A column without holes, of a type that `fits`; ValueError for any other."""
    column = table.column(name)
    if not fits(column.type):
        raise ValueError(f"{name} is {column.type}")
    if column.null_count:
        raise ValueError(f"{name} has {column.null_count:,} holes")
    return column


def _dated(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz == "UTC"))


def _text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _closes(times: Ints) -> Any:
    import pyarrow as pa

    return pa.array(times, pa.int64()).cast(pa.timestamp("ns", "UTC"))


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
