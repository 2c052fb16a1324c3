"""The file under repair as an Arrow table, every column kept; what changed goes back into cells of their own type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.audit import reading
from engine.data.sources import find
from engine.errors import DataError, first_line
from engine.types import Bools, Floats, Ints
from engine.writing import instead, make

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class Source:
    """A file as it was read: every column of it, text where it is a text file."""

    path: Path
    table: Any  # pyarrow.Table
    names: dict[str, str]  # word -> the file's own name
    text: bool
    notes: list[str] = field(default_factory=list)

    @property
    def suffix(self) -> str:
        return ".csv" if self.text else ".parquet"

    def frame(self) -> pd.DataFrame:
        """The columns that an audit looks at."""
        wanted = self.table.select(list(self.names.values())).replace_schema_metadata(None)
        out: pd.DataFrame = wanted.to_pandas(strings_to_categorical=not self.text, date_as_object=False)
        return out

    def storable(self, word: str, values: Floats) -> Floats:
        """`values` as a cell of this column can hold them."""
        import pyarrow as pa

        kind = None if self.text else self.table.schema.field(self.names[word]).type
        if kind is not None and pa.types.is_float32(kind):
            return np.asarray(values.astype(np.float32).astype(np.float64))
        if kind is not None and pa.types.is_integer(kind):
            return np.asarray(np.rint(values))
        return np.asarray(values)

    def with_cells(self, word: str, rows: Ints, values: Floats) -> None:
        """Put numbers into cells of this column; NaN leaves them empty."""
        import pyarrow as pa

        name = self.names[word]
        place = self.table.schema.get_field_index(name)
        kind = self.table.schema.field(place)
        column = self.table.column(place)
        if self.text:
            cells = column.to_numpy(zero_copy_only=False).astype(object)
            cells[rows] = ["" if np.isnan(value) else written(float(value)) for value in values]
            fresh = pa.array(cells, pa.string())
        else:
            own = column.to_pandas().to_numpy(dtype=np.float64, na_value=np.nan)
            own = np.where(np.isinf(own), np.nan, own)
            own[rows] = values
            typed = pa.types.is_integer(kind.type) or pa.types.is_floating(kind.type)
            fresh = pa.array(own, from_pandas=True).cast(kind.type if typed else pa.float64())
            kind = kind.with_nullable(True) if typed else pa.field(name, pa.float64())
        self.table = self.table.set_column(place, kind, fresh)

    def taken(self, rows: Ints) -> None:
        """Keep only these rows, in this order."""
        self.table = self.table.take(rows)


def written(value: float) -> str:
    """A number as a text file holds it: no more digits than it needs, whole numbers without a point."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def read(path: str | Path, say: Callable[[str], None] = lambda text: None) -> Source:
    """The file at `path`, whole; DataError where it cannot be read, or is too large for memory."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    file = find(path)
    say(f"reading {file.name}")
    if reading.is_text(file):
        return _text(file)
    try:
        bars = ds.dataset(file, format="parquet")
        names = reading.chosen_of(bars.schema.names, file.name)
        reading.fits(2 * bars.count_rows() * reading.BYTES, file.name)
        return Source(file, bars.to_table(), names, False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OSError) as error:
        raise DataError(
            f"{file}: it cannot be read as Parquet ({first_line(error, typed=False)[:200]}); write it again, or give a .csv"
        ) from error


def _text(file: Path) -> Source:
    """A text file, every cell as text; lines of another length are counted and left out."""
    import pyarrow as pa
    from pyarrow import csv

    size = file.stat().st_size
    plain = file.suffix in (".csv", ".txt")
    reading.fits(2 * size * reading.TEXT_BYTES * (1 if plain else reading.PACKED), file.name)
    odd: list[int] = []

    def left_out(row: Any) -> str:
        odd.append(row.number or 0)
        return "skip"

    try:
        skipping = csv.ParseOptions(invalid_row_handler=lambda row: "skip")
        names = csv.open_csv(file, parse_options=skipping).schema.names
        chosen = reading.chosen_of(names, file.name)
        table = csv.read_csv(
            file,
            parse_options=csv.ParseOptions(invalid_row_handler=left_out),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{file.name}: {first_line(error, typed=False)[:200]}; expected a CSV with one header line. Convert the file"
        ) from error
    notes = [f"{len(odd):,} lines have another number of cells than the header and are left out"] if odd else []
    return Source(file, table, chosen, True, notes)


def save(table: Any, out: Path) -> Path:
    """`out`, a .parquet or .csv file of an Arrow table, whole or not at all; OutputError if it cannot be written."""
    import pyarrow.parquet as pq

    make(out.parent)
    with instead(out) as draft:
        if out.suffix == ".csv":
            table.to_pandas(strings_to_categorical=False).to_csv(draft, index=False, lineterminator="\n")
        else:
            pq.write_table(table, draft, compression="zstd")
    return out


def rows_left(base: Ints, alive: Bools, ordered: bool) -> Ints:
    """The rows of the file to keep: in its own order, or in the sheet's where that is to be mended."""
    kept = base[alive]
    return kept if ordered else np.sort(kept)
