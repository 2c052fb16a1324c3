"""A small side table (members, sectors) as columns of cells; every row knows its line, so that a mistake names it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.words import nearest, some
from engine.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

EMPTY = frozenset(("", "nan", "NaN", "NaT", "null", "None", "N/A"))  # of dates and sectors: a symbol may be called NA

Words = Mapping[str, tuple[str, ...]]  # the column's word here -> what else a table may call it


@dataclass(frozen=True, slots=True)
class Cells:
    """K rows of a few columns. `lines` are those of a text file; a table without lines counts its rows from 0."""

    where: str
    columns: dict[str, list[Any]]  # by our word; cells as they came: text, dates, None
    lines: list[int] | None

    def place(self, k: int) -> str:
        """Row k for the start of a message: `members.csv:3`, or `members.parquet: row 1`."""
        return f"{self.where}: row {k}" if self.lines is None else f"{self.where}:{self.lines[k]}"

    def row(self, k: int) -> str:
        """Row k inside a message that has named the table: `line 3`, or `row 1`."""
        return f"row {k}" if self.lines is None else f"line {self.lines[k]}"

    def symbol(self, k: int) -> str:
        """The symbol of row k; DataError where there is none."""
        value = self.columns["symbol"][k]
        if value is None or value != value or not str(value).strip():
            raise DataError(f"{self.place(k)}: there is no symbol; name it, or drop the row")
        return str(value).strip()


def read(file: Path, words: Words) -> Cells:
    """The columns `words` of a .csv or .parquet file, others left out; DataError with the file and its line."""
    return _parquet(file, words) if file.suffix.lower() == ".parquet" else _csv(file, words)


def of_frame(frame: pd.DataFrame, where: str, words: Words) -> Cells:
    """The columns `words` of a DataFrame, others left out."""
    names = [str(name) for name in frame.columns]
    chosen = _pick(names, words, where)
    return Cells(where, {word: frame.iloc[:, k].tolist() for word, k in chosen.items()}, None)


def is_empty(value: Any) -> bool:
    """Whether a cell says nothing."""
    return value is None or bool(value != value) or (isinstance(value, str) and value.strip() in EMPTY)


def _pick(names: Sequence[str], words: Words, where: str) -> dict[str, int]:
    """Our word -> the place of its column; DataError for one that is missing or there twice."""
    meaning = {alias: word for word, aliases in words.items() for alias in (word, *aliases)}
    chosen: dict[str, int] = {}
    for k, name in enumerate(names):
        word = meaning.get(name.strip().casefold().replace(" ", "_"))
        if word in chosen:
            raise DataError(f"{where}: columns {names[chosen[word]]!r} and {name!r} both mean {word}; drop one of them")
        if word is not None:
            chosen[word] = k
    for word in words:
        if word not in chosen:
            spare = [name for k, name in enumerate(names) if k not in chosen.values()]
            raise DataError(
                f"{where}: expected columns {', '.join(words)}; {word} is missing, there are {some(names, 12) or 'none'}; "
                f"rename a column or add it{nearest(word, spare)}"
            )
    return {word: chosen[word] for word in words}


def _csv(file: Path, words: Words) -> Cells:
    """The cells of a plain CSV file as text; blank lines are nothing."""
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True)
            for row in reader:
                if any(cell.strip() for cell in row):
                    rows.append(row)
                    lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"{file.name}:{reader.line_num}: {error}; expected a plain CSV. Correct the line") from error
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(f"{file.name}:1: it is not text ({error}); expected a plain CSV in UTF-8") from error
    if not rows:
        raise DataError(f"{file.name}:1: it is empty; expected a header line: {','.join(words)}")
    chosen = _pick(rows[0], words, f"{file.name}:{lines[0]}")
    for row, line in zip(rows[1:], lines[1:], strict=True):
        if len(row) != len(rows[0]):
            raise DataError(
                f"{file.name}:{line}: it has {len(row)} cells, the header {len(rows[0])}; expected as many. Correct the line"
            )
    return Cells(file.name, {word: [row[k] for row in rows[1:]] for word, k in chosen.items()}, lines[1:])


def _parquet(file: Path, words: Words) -> Cells:
    """The cells of a Parquet file as Python objects."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(file) as stored:
            names = list(stored.schema_arrow.names)
            chosen = _pick(names, words, file.name)
            table = stored.read(columns=[names[k] for k in chosen.values()])
    except (pa.ArrowInvalid, OSError) as error:
        said = str(error).splitlines()[0][:200]
        raise DataError(f"{file.name}: it cannot be read as Parquet ({said}); write it again, or as CSV") from error
    return Cells(file.name, {word: table.column(names[k]).to_pylist() for word, k in chosen.items()}, None)


def names(file: Path) -> set[str]:
    """The names of a table's columns, as `read` compares them."""
    if file.suffix.lower() == ".parquet":
        import pyarrow.parquet as parquet

        given = list(parquet.read_schema(file).names)
    else:
        with file.open(encoding="utf-8-sig", newline="", errors="replace") as text:
            given = next(csv.reader(text), [])
    return {name.strip().casefold().replace(" ", "_") for name in given}
