"""A CSV file that the quick reader refuses, read line by line. What is mended is told; what has two meanings is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.data import dating, figures, headers, isodates, limits
from engine.data.columns import IGNORED, LINES, MENDED, SYMBOL, stretches
from engine.data.headers import DATED, Header
from engine.errors import DataError

TEXT = ("symbol", "sector", "delisted_at")
MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
MOST = 20_000_000  # cells that are kept as text: some 1.5 GB


@dataclass(slots=True)
class Body:
    """The bars of a file as text: R rows of cells, each with its line, and what was left out."""

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    left: dict[str, list[int]] = field(default_factory=dict)  # why -> lines

    def place(self, k: int) -> int:
        """The line of row k."""
        return self.lines[k]

    def column(self, place: int) -> list[str]:
        """One cell of every row."""
        return [row[place] for row in self.rows]


def read(file: Path) -> Any:
    """The bars of a file with the usual diseases, as `csvfile.read` gives them, what was mended in the metadata.

    DataError with file and line where it cannot be known what the vendor meant.
    """
    import pyarrow as pa

    text, notes = _text(file)
    lines = re.split(r"\r\n|\n|\r", text)
    header = headers.found(lines, file.name)
    limits.header(header.cells, f"{file.name}:{header.first}")
    body = _body(lines, header, file.name)
    notes += [*header.notes, *_told(body, lines)]
    columns: dict[str, Any] = {}
    when, dates = _dates(body, header, file.name, notes)
    fields = [[(word, body.column(k)) for word, k in block.items()] for block in header.blocks.values()]
    figured = [(word, cells) for block in fields for word, cells in block if word not in TEXT]
    mark = figures.decimal((cells for _, cells in figured), body.place, file.name)
    odd: dict[str, int] = {}
    parts = [_numbers(block, mark, body, file.name, odd) for block in fields]
    notes += [f"{count} numbers: {how}" for how, count in odd.items()]
    columns[when] = pa.concat_arrays([dates] * len(parts))
    symbols = list(header.blocks)
    if symbols != [None]:
        columns["symbol"] = pa.array(np.repeat(np.array(symbols, object), len(body.rows)), pa.string())
    elif header.symbol is not None:
        columns["symbol"] = pa.array([cell.strip() for cell in body.column(header.symbol)], pa.string())
    for word in dict.fromkeys(word for part in parts for word in part):
        named = header.split if word == "split" else word
        columns[named] = pa.concat_arrays([part.get(word, pa.nulls(len(body.rows), pa.float64())) for part in parts])
    return pa.table(columns).replace_schema_metadata(
        {
            IGNORED: "\n".join(header.ignored),
            SYMBOL: file.name.split(".")[0],
            LINES: stretches(body.lines * len(parts)),
            MENDED: "\n".join(notes),
        }
    )


def _text(file: Path) -> tuple[str, list[str]]:
    """The whole file as text; DataError where it is none, or too long to be mended."""
    try:
        with limits.Counted(file, limits.TEXT) as stream:
            raw = stream.read()
    except OSError as error:
        raise DataError(f"{file.name}:1: it is not text ({error}); expected a plain CSV. Name its source") from error
    coding = next((coding for mark, coding in MARKS if raw.startswith(mark)), "utf-8-sig")
    try:
        text = raw.decode(coding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{file.name}:{line}: it is not text in UTF-8 ({error.reason}); expected a plain CSV. Save it as UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{file.name}:{line}: it is not text (a zero byte); expected a plain CSV. Name its source")
    return text, ["its text is in UTF-16"] if coding == "utf-16" else []


def _body(lines: list[str], header: Header, where: str) -> Body:
    """The rows below the header; what holds no bar is left out, a bar with too few or too many cells is refused."""
    body, width = Body(), len(header.cells)
    for k in range(header.first, len(lines)):
        line = lines[k]
        if len(line) > limits.LINE:
            raise DataError(f"{where}:{k + 1}: the line has {len(line):,} characters; expected at most {limits.LINE:,}")
        cells = headers.split(line, header.separator)
        if cells is not None and len(cells) == width + 1 and not cells[-1].strip():
            cells = cells[:-1]
        why = _lost(line, cells, header, f"{where}:{k + 1}")
        if why and (line.strip() or k + 1 < len(lines)):  # what follows the last line's end is no line
            body.left.setdefault(why, []).append(k + 1)
        if why:
            continue
        body.rows.append(cells or [])
        body.lines.append(k + 1)
        if len(body.rows) * width > MOST:
            raise DataError(f"{where}: it needs mending, and has more than {MOST:,} cells; {limits.SMALL}")
    if not body.rows:
        raise DataError(f"{where}:{header.first + 1}: there are no bars below the header; expected at least one line")
    return body


def _lost(line: str, cells: list[str] | None, header: Header, where: str) -> str:
    """Why a line is left out, "" for a bar; DataError for a bar that has not as many cells as the header."""
    width = len(header.cells)
    if not line.strip() or (cells is not None and not any(cell.strip() for cell in cells)):
        return "are empty"
    if cells is not None and len(cells) == width:
        return "repeat the header" if tuple(cells) == header.cells else ""
    if not any(DATED.match(cell) for cell in cells or [line]):
        return "are no bars"
    count = "quotes that do not close" if cells is None else f"{len(cells)} cells"
    raise DataError(
        f"{where}: it has {count}, the header has {width} cells; expected as many. Correct or drop the line"
    )


def _told(body: Body, lines: list[str]) -> list[str]:
    """How many lines were left out, and the first of them."""
    return [
        f"{len(left)} lines {why} and are left out (line {left[0]}: {lines[left[0] - 1].strip()[:40]!r})"
        for why, left in body.left.items()
    ]


def _dates(body: Body, header: Header, where: str, notes: list[str]) -> tuple[str, Any]:
    """The name of the column of dates and its values as Arrow dates or UTC times."""
    import pyarrow as pa

    name = "timestamp" if header.stamped else "date"
    texts, told = dating.iso(body.column(header.date), name, body.place, where)
    isodates.all_dated(texts, name, body.place, where)
    if header.clock is not None:
        whole = dating.with_clock(texts, body.column(header.clock), body.place, where)
        name, texts = ("date" if whole is texts else "timestamp"), whole
    notes += told
    return name, isodates.dates(
        pa.chunked_array([pa.array(texts, pa.string())]), name, body.place, where
    ).combine_chunks()


def _numbers(
    block: list[tuple[str, list[str]]], mark: str, body: Body, where: str, odd: dict[str, int]
) -> dict[str, Any]:
    """The columns of one symbol, or of all, as Arrow arrays; `odd` gathers how its numbers were written."""
    import pyarrow as pa

    out: dict[str, Any] = {}
    for word, cells in block:
        if word == "delisted_at":
            texts, _ = dating.iso(cells, word, body.place, where)
            column = pa.chunked_array([pa.array(texts, pa.string())])
            out[word] = isodates.dates(column, word, body.place, where).combine_chunks()
        elif word in TEXT:
            out[word] = pa.array([cell.strip() for cell in cells], pa.string())
        else:
            values, told = figures.numbers(cells, word, mark, body.place, where)
            for how, count in told.items():
                odd[how] = odd.get(how, 0) + count
            out[word] = pa.array(values, from_pandas=True)  # NaN as null, as the quick reader has it
    return out
