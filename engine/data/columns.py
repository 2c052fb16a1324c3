"""Long tables to columns: which column is which, dates to int64, symbols to codes, numbers to arrays. No prices yet."""

from __future__ import annotations

import difflib
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.data.stamps import stamps
from engine.data.words import nearest, some
from engine.errors import DataError
from engine.types import Ints

if TYPE_CHECKING:
    import pandas as pd

ALIASES = {
    "ticker": "symbol",
    "time": "timestamp",
    "datetime": "timestamp",
    "dividends": "dividend",
    "splits": "split",
    "stock splits": "split",
}
PRICES = ("open", "high", "low", "close")
BARS = (*PRICES, "volume")
CONSTANTS = ("lot", "tick", "multiplier", "terminal_value")
ALIKE = 0.8  # from which on a name is a slip of another; "adj close" is no slip of "close"
KNOWN = ("date", "timestamp", "symbol", *BARS, "split", "dividend", "sector", *CONSTANTS, "delisted_at")
# A source's notes to the reader of its table (Arrow metadata or DataFrame.attrs, lines of text): columns left behind,
# the instrument of a table without symbols, symbols it has outside the range asked for, the lines of its rows (stretches
# "row:line:step"), what was mended on reading.
IGNORED, SYMBOL, ABSENT, LINES, MENDED = (
    f"barcast.{word}" for word in ("ignored", "symbol", "absent", "lines", "mended")
)


@dataclass(slots=True)
class Long:
    """A long table as arrays of R rows. `stamp` is ns UTC: a bar's close, or its date's midnight where `dated`."""

    where: str
    symbols: list[str]  # by code
    code: Ints  # (R,)
    stamp: Ints  # (R,)
    dated: bool
    columns: dict[str, np.ndarray]  # numbers of any width, NaN none; "sector" text; "delisted_at" ns, 0 none
    notes: list[str] = field(default_factory=list)
    absent: frozenset[str] = frozenset()  # symbols the source knows, without a row in the range asked for
    lines: tuple[tuple[int, int, int], ...] = ()  # of a file: (row, line, step) where a stretch of rows begins
    unused: tuple[str, ...] = ()  # columns that mean nothing here

    def row(self, k: int) -> str:
        """Row k in words: symbol, date, and the line of its file or the row of its frame (from 0)."""
        day = np.datetime64(int(self.stamp[k]), "ns").astype("datetime64[D]" if self.dated else "datetime64[s]")
        if not self.lines:
            return f"{self.symbols[self.code[k]]} on {day} (row {k})"
        row, line, step = self.lines[bisect_right(self.lines, k, key=lambda stretch: stretch[0]) - 1]
        return f"{self.symbols[self.code[k]]} on {day} (line {line + step * (k - row)})"


def original(used: Ints | slice, k: int) -> int:
    """The row of the table that is the k-th used one."""
    return k if isinstance(used, slice) else int(used[k])


def canonical(name: str) -> str:
    """The word this engine uses for a column called `name`."""
    folded = name.strip().casefold()
    return ALIASES.get(folded, folded)


def pick(names: list[str], where: str, needed: tuple[str, ...] = ("close",)) -> tuple[dict[str, str], list[str]]:
    """Canonical name -> the table's own name, and the names that are not used; DataError when two mean the same."""
    chosen: dict[str, str] = {}
    ignored: list[str] = []
    for name in names:
        word = canonical(name)
        if word not in KNOWN:
            ignored.append(name)
        elif word in chosen:
            raise DataError(f"{where}: columns {chosen[word]!r} and {name!r} both mean {word}; drop one of them")
        else:
            chosen[word] = name
    if "date" in chosen and "timestamp" in chosen:
        ignored.append(chosen.pop("date"))  # the exact time says more
    for word in ("timestamp" if "timestamp" in chosen else "date", *needed):
        if word not in chosen:
            raise DataError(
                f"{where}: expected columns date, symbol, open, high, low, close, volume; {word} is missing, there are "
                f"{some(names, 12) or 'none'}; rename a column or add it{nearest(word, ignored)}"
            )
    return chosen, ignored


def read(frame: Any, where: str, needed: tuple[str, ...] = ("close",)) -> Long:
    """`frame` (pandas, pyarrow, or anything with __arrow_c_stream__) as arrays; DataError names what is odd.

    A vendor's column "splits" may say 0 where there is none; in a column "split" that is an error.
    """
    frame = _as_pandas(frame, where)
    names = [str(name) for name in frame.columns]
    chosen, ignored = pick(names, where, needed)
    if not len(frame):
        raise DataError(f"{where}: there are no rows; give at least one bar, or widen start, end and symbols")
    own = dict(zip(names, frame.columns, strict=True))
    series = {word: frame[own[name]] for word, name in chosen.items()}
    when = "timestamp" if "timestamp" in series else "date"
    stamp, dated, notes = stamps(series.pop(when), when, where)
    code, symbols = _symbols(series.pop("symbol", None), len(frame), str(frame.attrs.get(SYMBOL, where)), where)
    long = Long(where, symbols, code, stamp, dated, {}, notes)
    for word, column in series.items():
        long.columns[word] = _values(long, word, column)
    if chosen.get("split", "split").strip().casefold() != "split":
        long.columns["split"] = np.where(long.columns["split"] == 0.0, 1.0, long.columns["split"])
    ignored += str(frame.attrs.get(IGNORED, "")).splitlines()
    long.lines = tuple(_stretch(text) for text in str(frame.attrs.get(LINES, "")).split())
    long.notes += str(frame.attrs.get(MENDED, "")).splitlines()
    long.absent = frozenset(str(frame.attrs.get(ABSENT, "")).splitlines())
    long.unused = tuple(ignored)
    if ignored:
        long.notes.append(f"columns not used: {some(ignored, 8)}{_misspelt(ignored, chosen)}")
    return long


def stretches(lines: list[int]) -> str:
    """The lines of a table's rows as `LINES` keeps them: where they do not go on by ones, a stretch begins."""
    told, expected = [], None
    for row, line in enumerate(lines):
        if line != expected:
            told.append(f"{row}:{line}:1")
        expected = line + 1
    return " ".join(told)


def _stretch(text: str) -> tuple[int, int, int]:
    row, line, step = map(int, text.split(":"))
    return row, line, step


def _misspelt(ignored: list[str], chosen: dict[str, str]) -> str:
    """A hint where an unused column is nearly one that would be read and is not there."""
    spare = [word for word in (*KNOWN, *ALIASES) if canonical(word) not in chosen]
    for name in ignored:
        near = difflib.get_close_matches(name.strip().casefold(), spare, n=1, cutoff=ALIKE)
        if near:
            return f"; is {name!r} meant as {near[0]!r}?"
    return ""


def _as_pandas(frame: Any, where: str) -> pd.DataFrame:
    """A DataFrame with date and symbol as columns, sharing memory where it can."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        if not hasattr(frame, "__arrow_c_stream__"):
            raise DataError(f"{where}: expected a DataFrame or an Arrow table of bars; it was {type(frame).__name__}")
        import pyarrow as pa

        try:
            table = frame if isinstance(frame, pa.Table) else pa.table(frame)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
            told = str(error).splitlines()[0]
            raise DataError(
                f"{where}: expected a DataFrame or an Arrow table of bars; it was {type(frame).__name__} ({told})"
            ) from error
        notes = {
            key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items() if b"barcast" in key
        }
        frame = table.replace_schema_metadata(None).to_pandas(
            strings_to_categorical=True, date_as_object=False, split_blocks=True
        )
        frame.attrs = notes
    if frame.columns.nlevels > 1:
        raise DataError(
            f"{where}: its columns have {frame.columns.nlevels} levels; stack them so that symbol is a column"
        )
    named = [name for name in frame.index.names if name is not None and canonical(str(name)) in KNOWN]
    if named:
        return cast("pd.DataFrame", frame.reset_index(level=named))
    columns = {canonical(str(name)) for name in frame.columns}
    if isinstance(frame.index, pd.DatetimeIndex) and not columns & {"date", "timestamp"}:
        return cast("pd.DataFrame", frame.rename_axis("date").reset_index())
    return cast("pd.DataFrame", frame)


def _symbols(column: pd.Series | None, rows: int, only: str, where: str) -> tuple[Ints, list[str]]:
    """(R,) numbers and the names they stand for."""
    import pandas as pd

    if column is None:
        return np.zeros(rows, np.int64), [only]
    code, given = pd.factorize(column)
    lost = np.flatnonzero(code < 0)
    if len(lost):
        raise DataError(
            f"{where}: row {lost[0]} has no symbol ({len(lost)} rows); name it (NA is read as empty) or drop it"
        )
    names = [str(name).strip() for name in given]
    kind: dict[str, type] = {}
    for k, (name, own) in enumerate(zip(names, given, strict=True)):
        if not name:
            raise DataError(f"{where}: row {int(np.argmax(code == k))} has an empty symbol; name it or drop the row")
        if kind.setdefault(name, type(own)) is not type(own):
            raise DataError(
                f"{where}: two symbols are both called {name!r}, one a {kind[name].__name__} and one a "
                f"{type(own).__name__}; expected one kind. Make the column text, with astype(str), if they are the same"
            )
    place = {name: k for k, name in enumerate(kind)}  # spaces around a name say nothing
    return np.array([place[name] for name in names], np.int64)[np.asarray(code, np.int64)], list(kind)


def _values(long: Long, word: str, column: pd.Series) -> np.ndarray:
    """A column as numbers (NaN none), text for `sector`, ns for `delisted_at` (0 none)."""
    import pandas as pd

    if word == "sector":
        return column.astype(object).to_numpy()
    if word == "delisted_at":
        out = np.zeros(len(column), np.int64)
        given = column.notna().to_numpy()
        if given.any():
            times, dated, _ = stamps(column[given], word, long.where)
            out[given] = times + (1 if dated else 0)  # the first slice that closes after the date began is the date's
        return out
    if not pd.api.types.is_numeric_dtype(column.dtype):
        numbers = pd.to_numeric(column.astype(object), errors="coerce")
        odd = (numbers.isna() & column.notna()).to_numpy()
        if odd.any():
            k = int(np.flatnonzero(odd)[0])
            raise DataError(f"{long.where}: {long.row(k)}: {word} is {column.iloc[k]!r}; expected a number")
        column = numbers
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
