"""How much a file may ask for. Every size is known, or counted, before anything of that size is allocated."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

CELLS = 2_000_000_000  # numbers in one table or grid: 16 GB; 500 symbols have 40 years of minutes in it
COLUMNS = 20_000  # 3,000 symbols side by side, six numbers each
LINE = 1 << 20  # bytes of one line, which are also the block that the parser reads
TEXT = 1 << 28  # bytes of a file that is mended cell by cell, in Python
FREE = 1 << 24  # bytes that compression may yield unasked
RATIO = 200  # fold of what lies on the disk; prices as text shrink to a third, a constant column to a hundredth
SMALL = "write it in parts, or as Parquet with fewer columns"


class Counted(io.RawIOBase):
    """The bytes of a file, unpacked, counted as they come: a DataError where they outgrow `most`, or what lies on the disk.

    The errors of the file system and of the packing are left as they are.
    """

    def __init__(self, file: Path, most: int | None = None) -> None:
        import pyarrow as pa

        self._name, self._most = file.name, most
        self._stored, self._read = file.stat().st_size, 0
        self._stream: Any = pa.input_stream(str(file), compression="detect")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(LINE), b""))
        part: bytes = self._stream.read(size)
        self._read += len(part)
        if self._read > FREE and self._read > RATIO * self._stored:
            self._refuse(f"it unpacks to more than {RATIO} times its {self._stored:,} bytes; expected a file of bars")
        if self._most is not None and self._read > self._most:
            self._refuse(f"it holds more than {self._most:,} bytes, and needs mending line by line; {SMALL}")
        return part

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()

    def _refuse(self, said: str) -> None:
        raise DataError(f"{self._name}: {said}")


def header(names: Iterable[str], where: str) -> None:
    """DataError for more columns than any table of bars has."""
    count = len(list(names))
    if count > COLUMNS:
        raise DataError(f"{where}: it has {count:,} columns; expected at most {COLUMNS:,}. Make it long: a row per bar")


def cells(rows: int, columns: int, where: str) -> None:
    """DataError for a table too large to hold: `rows` by `columns` numbers."""
    if rows * columns > CELLS:
        raise DataError(
            f"{where}: it says it has {rows:,} rows of {columns} columns; expected at most {CELLS:,} cells. "
            f"Load fewer symbols, or {SMALL}"
        )


def grid(slices: int, instruments: int, rows: int, where: str) -> None:
    """DataError for rows that would be spread over a grid too large to hold."""
    if slices * instruments * 5 > CELLS:
        raise DataError(
            f"{where}: {rows:,} bars lie on {slices:,} times of {instruments:,} symbols; expected at most "
            f"{CELLS // 5:,} places. Are symbol and time the right columns? Load fewer symbols or dates"
        )


def parquet(files: Iterable[Any], names: Iterable[str], where: str) -> None:
    """DataError for what the footers of Parquet files promise of the columns `names`: too many cells, or nested ones.

    `files` are pyarrow FileMetaData. A footer that says too little only delays its refusal: a page is 2 GB at most.
    """
    wanted, rows, size = set(names), 0, 0
    for told in files:
        rows += told.num_rows
        for part in range(told.num_row_groups):
            group = told.row_group(part)
            for k in range(group.num_columns):
                column = group.column(k)
                top = column.path_in_schema.split(".", 1)[0]
                if top in wanted and column.path_in_schema != top:
                    raise DataError(f"{where}: column {top} is nested ({column.path_in_schema}); expected plain values")
                size += column.total_uncompressed_size if top in wanted else 0
    cells(rows, len(wanted), where)
    if size > 8 * CELLS:
        raise DataError(f"{where}: it says it unpacks to {size:,} bytes; expected at most {8 * CELLS:,}. {SMALL}")
