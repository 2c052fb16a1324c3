"""A long table as it lies in a file, forgiving: what cannot be read is counted, not refused. Sorted, never cleaned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.columns import canonical
from engine.data.sources import find
from engine.data.stamps import stamps
from engine.data.words import some
from engine.errors import DataError, first_line
from engine.places import available
from engine.types import Bools, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = ("open", "high", "low", "close", "volume", "adj_close", "adj_factor", "split", "dividend")
SPELLED = {
    "adj close": "adj_close", "adjclose": "adj_close", "adjusted_close": "adj_close", "adjusted close": "adj_close",
    "adj_price": "adj_close", "factor": "adj_factor",
}  # fmt: skip
BYTES = 8 * (3 * len(NUMBERS) + 12)  # held of a row while it is read and sorted
TEXT_BYTES = 6  # held of every byte of a text file
PACKED = 8  # how many times a compressed text grows


@dataclass(slots=True)
class Table:
    """R rows by symbol and time, equal times in the order of the file; columns that are not there are None."""

    where: str
    symbols: tuple[str, ...]
    bounds: Ints  # (N + 1,) first row of each symbol, and R
    stamp: Ints  # (R,) ns: dates' midnights, or moments
    dated: bool
    columns: dict[str, Floats]
    unreadable: Bools | None  # (R,) rows with a cell that is no number
    unsorted: Ints  # (N,) rows that come after a later one
    notes: list[str] = field(default_factory=list)
    row: Ints | None = None  # (R,) which row of its frame each is, where that was asked for

    def __len__(self) -> int:
        return len(self.stamp)


def read(path: str | Path, say: Callable[[str], None] = lambda text: None) -> Table:
    """The table at `path`: Parquet (or a folder of it) or CSV. DataError where no bars can be made out, or no memory."""
    file = find(path)
    say(f"reading {file.name}")
    frame, notes = _csv(file) if is_text(file) else _parquet(file)
    return tabled(frame, file, notes, say)


def tabled(
    frame: pd.DataFrame, file: Path, notes: list[str], say: Callable[[str], None] = lambda text: None,
    numbered: bool = False,
) -> Table:  # fmt: skip
    """The rows of `frame` that have a date and a symbol; `numbered` keeps which row of the frame each is."""
    chosen = chosen_of([str(name) for name in frame.columns], file.name)
    own = {word: frame[name] for word, name in chosen.items()}
    when = "timestamp" if "timestamp" in own else "date"
    stamp, dated, good = _times(own.pop(when), when, file.name)
    code, symbols, named = _symbols(own.pop("symbol", None), len(frame), file)
    good = good & named
    if not good.any():
        raise DataError(f"{file.name}: no row has both a date and a symbol; expected one bar a row")
    if lost := int((~good).sum()):
        notes.append(f"{lost:,} rows have no readable date or no symbol and are left out")
    bad = np.zeros(len(good), np.bool_)
    columns = {word: number(series, bad) for word, series in own.items()}
    if numbered:
        columns["row"] = np.arange(len(good), dtype=np.float64)
    say(f"sorting {len(good):,} rows")
    table = _sorted(file.name, symbols, code, stamp, dated, columns, bad, good, notes)
    if numbered:
        table.row = table.columns.pop("row").astype(np.int64)
    return table


def is_text(file: Path) -> bool:
    return file.is_file() and any(part in (".csv", ".txt") for part in file.suffixes)


def fits(needed: int, where: str, free: int | None = None) -> None:
    """Nothing; DataError if `needed` bytes are more than are free."""
    room = available() if free is None else free
    if needed > room:
        raise DataError(
            f"{where}: auditing it needs about {needed / 1e9:,.1f} GB of memory, and {room / 1e9:,.1f} GB are free; "
            f"audit it in parts, a file for some of the symbols each"
        )


def _parquet(file: Path) -> tuple[pd.DataFrame, list[str]]:
    """The columns of bars of a Parquet file or a folder of them, symbols as categories."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    try:
        bars = ds.dataset(file, format="parquet")
        chosen = chosen_of(bars.schema.names, file.name)
        fits(bars.count_rows() * BYTES, file.name)
        table = bars.to_table(columns=list(chosen.values()))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OSError) as error:
        raise DataError(
            f"{file}: it cannot be read as Parquet ({first_line(error, typed=False)[:200]}); write it again, or give a .csv"
        ) from error
    frame = table.replace_schema_metadata(None).to_pandas(
        strings_to_categorical=True, date_as_object=False, split_blocks=True, self_destruct=True
    )
    return frame, []


def _csv(file: Path) -> tuple[pd.DataFrame, list[str]]:
    """The columns of bars of a text file, every cell as text; lines of another length are counted and left out."""
    import pyarrow as pa
    from pyarrow import csv

    size = file.stat().st_size
    fits(size * TEXT_BYTES * (1 if file.suffix in (".csv", ".txt") else PACKED), file.name)
    odd: list[int] = []

    def left_out(row: Any) -> str:
        odd.append(row.number or 0)
        return "skip"

    try:
        names = csv.open_csv(file, parse_options=csv.ParseOptions(invalid_row_handler=lambda row: "skip")).schema.names
        chosen = chosen_of(names, file.name)
        table = csv.read_csv(
            file,
            parse_options=csv.ParseOptions(invalid_row_handler=left_out),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=list(chosen.values()),
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{file.name}: {first_line(error, typed=False)[:200]}; expected a CSV with one header line. Convert the file"
        ) from error
    notes = [f"{len(odd):,} lines have another number of cells than the header and are left out"] if odd else []
    return table.to_pandas(), notes


def chosen_of(names: list[str], where: str) -> dict[str, str]:
    """Word -> the table's own name; the first where two mean the same. DataError without date or close."""
    out: dict[str, str] = {}
    for name in names:
        word = canonical(name)
        word = SPELLED.get(word, word)
        if word in (*NUMBERS, "date", "timestamp", "symbol"):
            out.setdefault(word, name)
    for word in ("timestamp" if "timestamp" in out else "date", "close"):
        if word not in out:
            raise DataError(
                f"{where}: expected columns date, symbol, open, high, low, close, volume; {word} is missing, there are "
                f"{some(names, 12) or 'none'}; rename a column or add it"
            )
    if "timestamp" in out:
        out.pop("date", None)
    return out


def _times(column: pd.Series, name: str, where: str) -> tuple[Ints, bool, Bools]:
    """(R,) ns, whether they are dates, and which could be read; DataError where hardly any can."""
    import pandas as pd

    try:
        stamp, dated, _ = stamps(column, name, where)
        return stamp, dated, np.ones(len(stamp), np.bool_)
    except DataError:
        if pd.api.types.is_numeric_dtype(column.dtype):
            raise
        parsed = pd.to_datetime(column.astype("string"), format="ISO8601", errors="coerce", utc=True)
        good = parsed.notna().to_numpy()
        if 2 * good.sum() < len(good):
            raise
    stamp = np.zeros(len(good), np.int64)
    told, dated, _ = stamps(parsed[good].dt.tz_localize(None), "date", where)
    stamp[good] = told
    return stamp, dated, good


def _symbols(column: pd.Series | None, rows: int, file: Path) -> tuple[np.ndarray, tuple[str, ...], Bools]:
    """(R,) numbers, the names they stand for, ascending, and which rows have one."""
    import pandas as pd

    if column is None:
        return np.zeros(rows, np.int32), (file.name.split(".")[0],), np.ones(rows, np.bool_)
    code, given = pd.factorize(column)
    names = [str(name).strip() for name in given]
    known = sorted(set(names) - {""})
    place = {name: k for k, name in enumerate(known)}
    number = np.array([place.get(name, -1) for name in names] + [-1], np.int32)[code]  # -1 is the last
    return number, tuple(known), number >= 0


def number(series: pd.Series, bad: Bools) -> Floats:
    """A column as float64, thousands' commas left out; marks in `bad` what is there and no number."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(series.dtype):
        text = series.astype("string").str.replace(",", "", regex=False).str.strip()
        there = (text.notna() & ~text.str.casefold().isin(["", "nan", "null", "none", "n/a", "-"])).to_numpy(bool)
        values = pd.to_numeric(text.astype(object), errors="coerce").to_numpy(np.float64)
        bad |= there & np.isnan(values)
    else:
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    endless = np.isinf(values)
    if endless.any():
        bad |= endless
        values = np.where(endless, np.nan, values)
    return np.asarray(values, np.float64)


def _sorted(
    where: str, symbols: tuple[str, ...], code: np.ndarray, stamp: Ints, dated: bool, columns: dict[str, Floats],
    bad: Bools, good: Bools, notes: list[str],
) -> Table:  # fmt: skip
    """The rows by symbol and time, and how many of each symbol came after a later one."""
    if not good.all():
        code, stamp, bad = code[good], stamp[good], bad[good]
        columns = {word: values[good] for word, values in columns.items()}
    if (np.diff(code) < 0).any():
        order = np.argsort(code.astype(np.int16) if len(symbols) < 2**15 else code, kind="stable")
        code, stamp, bad = code[order], stamp[order], bad[order]
        columns = {word: values[order] for word, values in columns.items()}
    bounds = np.searchsorted(code, np.arange(len(symbols) + 1)).astype(np.int64)
    late = (np.diff(code) == 0) & (np.diff(stamp) < 0)
    unsorted = np.bincount(code[1:][late], minlength=len(symbols)).astype(np.int64)
    if late.any():
        order = np.lexsort((stamp, code))
        stamp, bad = stamp[order], bad[order]
        columns = {word: values[order] for word, values in columns.items()}
    return Table(where, symbols, bounds, stamp, dated, columns, bad if bad.any() else None, unsorted, notes)
