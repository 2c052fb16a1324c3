"""A plain CSV file of bars as an Arrow table; anything odd is refused with file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from engine.data.columns import IGNORED, LINE, SYMBOL, canonical, pick
from engine.data.stamps import MIDNIGHT, days_of_a_zone, kind_of, mixed
from engine.errors import DataError

EMPTY = ["", "nan", "NaN", "null", "None", "N/A"]  # of numbers only: a symbol may well be called NA
ROW = re.compile(r"Row #(\d+): ")
HEADER_BYTES = 1 << 16
TEXT = ("symbol", "sector", "date", "timestamp", "delisted_at")


def read(file: Path) -> Any:
    """Columns of bars by name, numbers as float64, dates as date32 or UTC timestamps; DataError with file:line."""
    import pyarrow as pa
    from pyarrow import csv

    header = _header(file)
    chosen, ignored = pick(header, f"{file.name}:1")
    numbers = {own: pa.float64() for word, own in chosen.items() if word not in TEXT}
    texts = {own: pa.string() for word, own in chosen.items() if word in TEXT}
    try:
        table = csv.read_csv(
            file,
            read_options=csv.ReadOptions(use_threads=False),  # with threads, its errors do not know the line
            parse_options=csv.ParseOptions(ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=numbers | texts,
                null_values=EMPTY,
                strings_can_be_null=False,
                include_columns=list(chosen.values()),
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(_words(file, str(error).splitlines()[0])) from error
    if not len(table):
        raise DataError(f"{file.name}:2: there are no bars below the header; expected at least one line")
    for word in ("timestamp", "date", "delisted_at"):
        if word in chosen:
            place = table.column_names.index(chosen[word])
            if word != "delisted_at":
                _all_dated(table.column(place), file, chosen[word])
            table = table.set_column(place, chosen[word], _dates(table.column(place), file, chosen[word]))
    return table.replace_schema_metadata({IGNORED: "\n".join(ignored), SYMBOL: file.name.split(".")[0], LINE: "2"})


def _header(file: Path) -> list[str]:
    """The names in the first line."""
    import csv

    import pyarrow as pa

    try:
        with pa.input_stream(str(file), compression="detect") as stream:
            first = re.split(rb"[\r\n]", stream.read(HEADER_BYTES), maxsplit=1)[0].decode("utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(f"{file.name}:1: it is not text ({error}); expected a plain CSV. Name its source") from error
    try:
        names = next(csv.reader([first]), [])
    except csv.Error as error:
        raise DataError(
            f"{file.name}:1: {error}; expected a header line: date,symbol,open,high,low,close,volume"
        ) from error
    if not names:
        raise DataError(f"{file.name}:1: it is empty; expected a header line: date,symbol,open,high,low,close,volume")
    return names


def _words(file: Path, said: str) -> str:
    """The parser's complaint as one line with file:line, what was expected, and the way out."""
    found = ROW.search(said)
    line = f":{found.group(1)}" if found else ""
    said = (
        ROW.sub("", said).replace("CSV parse error: ", "").replace("CSV conversion error to double: ", "not a number: ")
    )
    return (
        f"{file.name}{line}: {said[:200]}; expected a plain CSV: one header line, then ISO dates and numbers without "
        f"separators. Correct the line or convert the file"
    )


def _all_dated(column: Any, file: Path, name: str) -> None:
    """DataError with the line that has no date."""
    import pyarrow.compute as pc

    k = pc.index(column, "").as_py()
    if k >= 0:
        raise DataError(f"{file.name}:{k + 2}: {name} is empty; expected a date. Drop the line")


def _dates(column: Any, file: Path, name: str) -> Any:
    """ISO dates as date32, ISO times as UTC timestamps; empty is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    midnights = pc.all(pc.match_substring_regex(column, MIDNIGHT)).as_py()
    if midnights and days_of_a_zone(column.drop_null().unique().to_pylist(), canonical(name)):
        column = pc.utf8_slice_codeunits(column, 0, len("2024-12-31"))
    for kind in (pa.date32(), pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            dates = column.cast(kind)
        except pa.ArrowInvalid:
            continue
        if kind == pa.timestamp("ns"):
            _no_bare_dates(column, dates, file, name)
        return dates
    for line, text in enumerate(column.to_pylist(), start=2):
        if text is not None and not _is_date(text):
            raise DataError(
                f"{file.name}:{line}: {name} is {text!r}; expected an ISO date such as 2024-12-31. Convert the file"
            )
    texts = column.drop_null()
    first = texts[0].as_py()
    other = next(text for text in texts.to_pylist() if kind_of(text) != kind_of(first))
    raise DataError(mixed(f"{file.name}: {name}", first, other))


def _no_bare_dates(column: Any, times: Any, file: Path, name: str) -> None:
    """DataError where bare dates stand among times of day: each would close at 00:00 UTC, before its day has begun."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bare = pc.equal(pc.utf8_length(column), len("2024-12-31"))
    k = pc.index(bare, True).as_py()
    if k >= 0 and not pc.all(pc.equal(times, times.cast(pa.date32()).cast(times.type))).as_py():
        line = pc.index(bare, False).as_py()
        raise DataError(mixed(f"{file.name}:{k + 2}: {name}", column[line], column[k]))


def _is_date(text: str) -> bool:
    import pyarrow as pa

    for kind in (pa.date32(), pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            pa.scalar(text).cast(kind)
        except pa.ArrowInvalid:
            continue
        return True
    return False
