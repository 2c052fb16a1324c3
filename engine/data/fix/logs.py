"""A fix on the disk: the cleaned copy, and the log of every cell and row that is not as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.fix import files
from engine.data.fix.sheets import Sheet
from engine.errors import ConfigError, DataError, OutputError
from engine.types import DAY_NS

if TYPE_CHECKING:
    from engine.data.fix.fixing import Fixed

ACTIONS = ("repaired", "masked", "removed", "sorted", "left")
SUFFIXES = (".parquet", ".csv")


def places(source: str | Path, out: str, log: str | None) -> tuple[Path, Path]:
    """Where the copy and the log go; ConfigError for a place that is the source's, or another kind of file's."""
    copy = Path(out)
    told = Path(log) if log else copy.with_name(f"{copy.stem}.repairs{copy.suffix}")
    for name, place in (("--out", copy), ("--log", told)):
        if place.suffix not in SUFFIXES:
            raise ConfigError(f"{name}: {place}: expected a file that ends in .parquet or .csv")
        if place.is_dir():
            raise ConfigError(f"{name}: {place} is a folder; expected a file in it")
        if place.exists() and Path(source).exists() and place.samefile(source):
            raise ConfigError(f"{name}: {place} is the source, which is never written to; name another file")
        if Path(source).is_dir() and place.resolve().is_relative_to(Path(source).resolve()):
            raise ConfigError(f"{name}: {place} lies inside the source; name a file elsewhere")
    if copy == told:
        raise ConfigError(f"--log: {told} is the copy; name another file")
    return copy, told


def write(fixed: Fixed, out: Path, log: Path) -> None:
    """Write the log, then the copy; OutputError if they cannot be written, DataError for a copy of another kind."""
    source = fixed.sheet.source
    if out.suffix != source.suffix:
        raise DataError(f"--out: {out}: {source.path.name} is a {source.suffix} file, and so is its copy. End it so")
    try:
        files.save(log_table(fixed.sheet), log)
        files.save(cleaned(fixed), out)
    except OutputError:
        log.unlink(missing_ok=True)
        raise


def cleaned(fixed: Fixed) -> Any:
    """The repaired table as Arrow: the file's own columns and types, in its own order unless that was mended."""
    sheet = fixed.sheet
    row = np.asarray(sheet.base.row, np.int64)
    copy = files.Source(sheet.source.path, sheet.source.table, sheet.source.names, sheet.source.text)
    for word, touched in sheet.changed.items():
        at = np.flatnonzero(touched)
        copy.with_cells(word, row[at], sheet.base.columns[word][at])
    copy.taken(files.rows_left(row, sheet.alive, fixed.ordered))
    return copy.table


def log_table(sheet: Sheet) -> Any:
    """symbol, date, column, what, action, why, before, after: a row for each cell, in the order of the repairs."""
    import pyarrow as pa

    base = sheet.base
    none = np.zeros(0, np.int64)
    at = np.concatenate([batch.at for batch in sheet.log] or [none])
    count = [len(batch.at) for batch in sheet.log]
    code = np.searchsorted(base.bounds, at, side="right") - 1
    dates = base.stamp[at]
    stamp = (
        pa.array((dates // DAY_NS).astype(np.int32)).cast(pa.date32())
        if base.dated
        else pa.array(dates, pa.timestamp("ns", "UTC"))
    )

    def words(name: str) -> Any:
        told = [getattr(batch, name) for batch in sheet.log]
        known = {text: k for k, text in enumerate(dict.fromkeys(told))}
        place = np.repeat(np.array([known[text] for text in told], np.int32), count)
        return pa.DictionaryArray.from_arrays(pa.array(place, pa.int32()), pa.array(list(known), pa.string()))

    def numbers(name: str) -> Any:
        told = np.concatenate([getattr(batch, name) for batch in sheet.log] or [np.zeros(0)])
        return pa.array(told.astype(np.float64), from_pandas=True)

    symbols = pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32)), pa.array(list(base.symbols), pa.string()))
    columns = {name: words(name) for name in ("column", "what", "action", "why")}
    return pa.table(
        {"symbol": symbols, "date": stamp, **columns, "before": numbers("before"), "after": numbers("after")}
    )
