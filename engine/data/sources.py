"""Where bars come from: a source is a function (path or name, symbols, start, end) -> a long table.

It may leave out rows outside the wanted symbols and dates; Panel.from_frame cuts exactly. Registered as
`barcast.sources`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.arguments import path_of
from engine.data import cache, limits
from engine.data.columns import ABSENT, IGNORED, SYMBOL, pick
from engine.data.fetch.vendors import FETCHED
from engine.data.longs import Wanted
from engine.data.words import nearest
from engine.errors import DataError
from engine.places import FENCE, data_home, fence

if TYPE_CHECKING:
    import pandas as pd

    from engine.panel import Panel

DECLARED = ("prices", "dividends", "calendar", "missing_open")


def find(path: str | Path, base: str | Path | None = None) -> Path:
    """The file or folder at `path`: beside the YAML (`base`), else here, else in the folder BARCAST_DATA; DataError with the
    nearest name.

    Where BARCAST_FENCE names a folder, what lies outside of it, by `..` or by a link too, is not even looked at.
    """
    try:
        given = path_of(path, "path", DataError).expanduser()
        homes = [] if given.is_absolute() else [home for home in (base, Path(), data_home()) if home is not None]
        tried = [Path(home) / given for home in homes] or [given]
        for place in tried:
            inside(place)
            if place.exists():
                return place
    except (OSError, RuntimeError) as error:  # too long a name, a home of nobody
        why = getattr(error, "strerror", None) or error
        raise DataError(f"{str(path)[:200]}: no path of a file: {why}. Correct the path") from error
    folder = tried[0].parent
    if not folder.is_dir():
        raise DataError(f"{path}: no such file; there is no folder {folder} either. Correct the path")
    names = sorted(entry.name for entry in folder.iterdir())
    raise DataError(
        f"{path}: no such file{nearest(given.name, names)}; correct the path, or put the file into {folder}"
    )


def inside(place: Path) -> None:
    """DataError for a path that leads out of the folder BARCAST_FENCE, where it names one."""
    root = fence()
    if root is not None and not place.resolve().is_relative_to(root):
        raise DataError(f"{place}: it lies outside of {root}; expected a path inside it ({FENCE}). Put the file there")


def load(data: Any, lot: float = 1.0, tick: float | None = None, base: str | Path | None = None) -> Panel:
    """The Panel that a configuration's `data` describes: its source asked, then cut, vetted and declared.

    What a packaged set is stands in for what `data` leaves unsaid; saying another unit of its prices is an error.
    """
    from engine import plugins
    from engine.panel import Panel

    source = _fetched(data.source) if data.source in FETCHED else plugins.get("barcast.sources", data.source)
    where = getattr(data, "path", None) or getattr(data, "name", None)
    if where is None:
        raise DataError(f"data: source {data.source} needs {'name' if data.source == 'packaged' else 'path'}; give one")
    told = {key: getattr(data, key, None) for key in DECLARED}
    if data.source == "packaged":
        told = packaged_unless_said(str(where), told, getattr(data, "model_fields_set", set(DECLARED)))
        label = str(where)
    else:
        where = find(where, base) if data.source in ("parquet", "csv", *FETCHED) else where
        label = Path(str(where)).name
        for key, value in FETCHED.get(data.source, {}).items():
            told[key] = value if told[key] is None else told[key]
        for key in ("prices", "dividends"):
            if told[key] is None:
                raise DataError(f"data.{key} must be said for source {data.source}: what prices mean is not guessed")
    part = {key: getattr(data, key, None) for key in ("symbols", "start", "end")}
    if part["symbols"] is not None:
        names = [part["symbols"]] if isinstance(part["symbols"], str) else part["symbols"]
        part["symbols"] = tuple(str(name) for name in names)
    words: dict[str, Any] = {**part, **{key: value for key, value in told.items() if value is not None}}

    def build() -> Panel:
        return Panel.from_frame(source(where, **part), **words, lot=lot, tick=tick, name=label)

    if source not in (parquet, csv) and data.source not in FETCHED:  # what another source reads, nobody here knows
        return build()
    dates = {key: None if part[key] is None else str(part[key]) for key in ("start", "end")}
    numbers = {"lot": float(lot), "tick": None if tick is None else float(tick)}
    fenced = {
        "fence": None if fence() is None else str(fence())
    }  # a panel built without one is no answer to who has one
    shapes = {**told, **part, **dates, **numbers, **fenced, "source": data.source, "name": label}
    panel = cache.through(Path(where), shapes, build)
    if data.source in FETCHED:
        from engine.data.fetch import reading

        return reading.stamped(panel, Path(where), data.source)
    return panel


def _fetched(name: str) -> Any:
    """A source of fetched files, by its name; it needs no client of the vendor."""
    from engine.data.fetch import reading

    return getattr(reading, name)


def packaged_unless_said(name: str, told: Mapping[str, Any], said: set[str]) -> dict[str, Any]:
    """The set's own declarations under the user's; its units cannot be talked away."""
    from engine.data import packaged as sets

    truth = sets.declared(name)
    for key in ("prices", "dividends"):
        if key in said and told[key] is not None and told[key] != truth[key]:
            raise DataError(f"packaged {name}: its {key} are {truth[key]}; data.{key} says {told[key]}. Leave it out")
    return {key: told[key] if key in said and told[key] is not None else truth[key] for key in DECLARED}


def packaged(name: str, symbols: Any = None, start: Any = None, end: Any = None) -> pd.DataFrame:
    """A packaged set, whole: it is small."""
    from engine.data import packaged as sets

    return sets.frame(str(name))


def parquet(path: str | Path, symbols: Any = None, start: Any = None, end: Any = None) -> Any:
    """An Arrow table of the columns and rows of a Parquet file (or folder of them) that are wanted.

    Rows after `end` stay when the file has splits: later splits restate earlier dividends.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    file = find(path)
    try:
        found = ds.dataset(file, format="parquet")
        schema = found.schema
        limits.header(schema.names, file.name)
        chosen, ignored = pick(schema.names, file.name)
        for part in found.files:
            inside(Path(part))
        limits.parquet((part.metadata for part in found.get_fragments()), chosen.values(), file.name)
        by = chosen.get("symbol")
        coded = [by] if by and _is_text(schema.field(by).type) else []
        bars = ds.dataset(file, format=ds.ParquetFileFormat(dictionary_columns=coded))
        wanted = Wanted.of(symbols, start, end, file.name)
        rows = _filter(chosen, schema, wanted)
        if rows is None and file.is_file():  # columns in one piece, which need not be copied together afterwards
            with pq.ParquetFile(file, read_dictionary=coded, pre_buffer=True) as whole:
                table = whole.read(columns=list(chosen.values()))
        else:
            table = bars.to_table(columns=list(chosen.values()), filter=rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
        raise DataError(
            f"{file}: it cannot be read as Parquet ({_first_line(error)}); write it again, or name its source"
        ) from error
    notes = {IGNORED: "\n".join(ignored), SYMBOL: file.stem}
    if by is not None and wanted.symbols is not None:
        here = set(table.column(by).unique().to_pylist())
        if lost := [symbol for symbol in wanted.symbols if symbol not in here]:
            notes[ABSENT] = "\n".join(_elsewhere(lost, bars, by, file.name))
    return table.replace_schema_metadata(notes)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _filter(chosen: dict[str, str], schema: Any, wanted: Wanted) -> Any:
    """An expression that keeps the wanted rows and a margin of two days around them; None for all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = []
    if wanted.symbols is not None and "symbol" in chosen:
        parts.append(pc.field(chosen["symbol"]).isin(list(wanted.symbols)))
    when = chosen.get("timestamp", chosen.get("date", ""))
    kind = schema.field(when).type
    if pa.types.is_temporal(kind):
        margin = np.timedelta64(2, "D")
        if wanted.start is not None:
            parts.append(pc.field(when) >= _scalar(wanted.start - margin, kind))
        if wanted.end is not None and "split" not in chosen:
            parts.append(pc.field(when) <= _scalar(wanted.end + margin, kind))
    out = None
    for part in parts:
        out = part if out is None else out & part
    return out


def _scalar(day: np.datetime64, kind: Any) -> Any:
    """Midnight of `day` as a value of the column's type."""
    import pyarrow as pa

    return (
        pa.scalar(day.item(), pa.date32())
        .cast(kind if not pa.types.is_timestamp(kind) else pa.timestamp(kind.unit))
        .cast(kind)
    )


def _elsewhere(lost: list[str], bars: Any, by: str, where: str) -> list[str]:
    """`lost` if the file has them all on other dates; DataError with the nearest name otherwise."""
    from engine.data.longs import pick as pick_symbols

    there = sorted(str(name) for name in bars.to_table(columns=[by]).column(by).unique().to_pylist())
    pick_symbols(tuple(lost), tuple(there), where)
    return lost


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def csv(path: str | Path, symbols: Any = None, start: Any = None, end: Any = None) -> Any:
    """An Arrow table of a CSV file, whole; the usual diseases of such files are mended and told, or refused with the line."""
    from engine.data import csvfile

    return csvfile.read(find(path))
