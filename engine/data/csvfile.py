"""A CSV file of bars as an Arrow table: a clean one at the speed of pyarrow, one with the usual diseases mended, and told.

Newest bars first is a disease too, but one of order: such a table is turned round on either road.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from engine.data import isodates, limits
from engine.data.columns import IGNORED, LINES, MENDED, SYMBOL, canonical, pick
from engine.errors import DataError

EMPTY = ["", "nan", "NaN", "null", "None", "N/A"]  # of numbers only: a symbol may well be called NA
TEXT = ("symbol", "sector", "date", "timestamp", "delisted_at")


class UnplainError(Exception):
    """This file is not what the quick reader reads."""


def read(file: Path) -> Any:
    """Columns of bars by name, numbers as float64, dates as date32 or UTC timestamps; DataError with file:line.

    What was mended stands in the table's metadata, and becomes data warnings.
    """
    from engine.data import mending

    try:
        table = _quick(file)
    except UnplainError:
        table = mending.read(file)
    return _oldest_first(table)


def _quick(file: Path) -> Any:
    """The table of a plain file: one header line, ISO dates, numbers without separators; UnplainError for another."""
    import pyarrow as pa
    from pyarrow import csv

    try:
        header = _header(file)
        chosen, ignored = pick(header, f"{file.name}:1")
        numbers = {own: pa.float64() for word, own in chosen.items() if word not in TEXT}
        texts = {own: pa.string() for word, own in chosen.items() if word in TEXT}
        table = csv.read_csv(
            pa.PythonFile(limits.Counted(file), mode="r"),
            read_options=csv.ReadOptions(use_threads=False, block_size=limits.LINE),  # in one order, that of the lines
            parse_options=csv.ParseOptions(ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=numbers | texts,
                null_values=EMPTY,
                strings_can_be_null=False,
                include_columns=list(chosen.values()),
            ),
        )
        if not len(table):
            raise DataError(f"{file.name}:2: there are no bars below the header; expected at least one line")
        for word in ("timestamp", "date", "delisted_at"):
            if word in chosen:
                place = table.column_names.index(chosen[word])
                if word != "delisted_at":
                    isodates.all_dated(table.column(place), chosen[word], _line, file.name)
                dates = isodates.dates(table.column(place), chosen[word], _line, file.name)
                table = table.set_column(place, chosen[word], dates)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError, DataError) as error:
        raise UnplainError from error
    return table.replace_schema_metadata(
        {IGNORED: "\n".join(ignored), SYMBOL: file.name.split(".")[0], LINES: "0:2:1", MENDED: ""}
    )


def _line(row: int) -> int:
    """The line of a row of a plain file."""
    return row + 2


def _header(file: Path) -> list[str]:
    """The names in the first line; UnplainError where it is no plain one."""
    import csv

    with limits.Counted(file) as stream:
        first = re.split(rb"[\r\n]", stream.read(limits.LINE), maxsplit=1)[0].decode("utf-8-sig")
    try:
        names = next(csv.reader([first]), [])
    except csv.Error as error:
        raise UnplainError from error
    if len(names) > limits.COLUMNS:
        limits.header(names, f"{file.name}:1")
    return names


def _oldest_first(table: Any) -> Any:
    """`table`, turned round and told where its dates never rise; one with rising and falling dates is left as it is."""
    import pyarrow.compute as pc

    when = next(name for name in table.column_names if canonical(name) in ("timestamp", "date"))
    dates = table.column(when).combine_chunks()
    if len(dates) < 2 or dates[0].as_py() <= dates[-1].as_py() or pc.any(pc.less(dates[:-1], dates[1:])).as_py():
        return table
    notes = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    rows = len(table)
    starts = [tuple(map(int, stretch.split(":"))) for stretch in notes[LINES].split()]
    ends = [row for row, _, _ in starts[1:]] + [rows]
    turned = [f"{rows - end}:{line + end - 1 - row}:-1" for (row, line, _), end in zip(starts, ends, strict=True)]
    notes[LINES] = " ".join(reversed(turned))
    notes[MENDED] = "\n".join([*notes[MENDED].splitlines(), "its newest bars come first: turned round"])
    return table.take(list(range(rows - 1, -1, -1))).replace_schema_metadata(notes)
