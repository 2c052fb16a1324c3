"""Where a CSV file of bars begins, and which of its columns is what: one header line, or the two or three of yfinance."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.data.columns import KNOWN, canonical, pick
from engine.data.words import some
from engine.errors import DataError

VENDORS = {  # what some write over a column that has no better name beside it
    "code": "symbol",
    "close/last": "close",
    "day price": "close",
    "price": "close",
    "day low": "low",
    "day high": "high",
    "vol": "volume",
    "vol.": "volume",
    "gmt time": "timestamp",
}
FIELDS = {"open", "high", "low", "close", "adj close", "volume", "dividend", "split", "capital gains"}
DATED = re.compile(  # how a bar may begin, in any of the forms of a date
    r"\s*['\"]?(\d{4}[-/.]\d|\d{1,2}[-/.]\d{1,2}[-/.]\d|\d{1,2}[- ][A-Za-z]{3}|[A-Z][a-z]{2,8} \d"
    r"|(19|20)\d{6}(\D|$)|1\d{9}(\D|$)|1\d{12}(\D|$))"
)
SEARCHED = 10_000  # lines among which a header is looked for
SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Header:
    """Which cell of a line is what. `blocks` has a place per word for each symbol; None stands for the file's own."""

    first: int  # place among the lines of the first one below the header
    separator: str
    cells: tuple[str, ...]  # of its (first) line
    date: int
    clock: int | None  # place of a time of day that goes with the date
    stamped: bool  # whether `date` holds times, by its name
    symbol: int | None
    blocks: dict[str | None, dict[str, int]]
    split: str  # the name under which splits are passed on: "splits" may say 0 for none, "split" may not
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


def word_of(name: str) -> str:
    """The engine's word for a header's cell, `<` and `>` around it left out."""
    return canonical(name.strip().strip("<>").strip())


def found(lines: list[str], where: str) -> Header:
    """The header of a file's `lines`; DataError where bars or the end come before one."""
    for k, line in enumerate(lines[:SEARCHED]):
        for separator in SEPARATORS:
            cells = split(line, separator)
            if cells is None or len(cells) < 2:
                continue
            header = _stacked(lines, k, separator, cells) or _plain(lines, k, separator, cells, where)
            if header is not None:
                return header
        if DATED.match(line):
            begins = next((text.strip()[:40] for text in lines[:k] if text.strip()), "nothing")
            raise DataError(
                f"{where}:{k + 1}: bars begin here without a header; before them stands {begins!r}. Put a line "
                f"date,open,high,low,close,volume in front, or download the file again"
            )
    raise DataError(_no_bars(lines, where))


def split(line: str, separator: str) -> list[str] | None:
    """The cells of one line; None where its quotes do not close."""
    if '"' not in line:
        return line.split(separator)
    import csv

    try:
        return next(csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True), [])
    except csv.Error:
        return None


def _plain(lines: list[str], k: int, separator: str, cells: list[str], where: str) -> Header | None:
    """A header of one line; None where it names no date or no close."""
    chosen: dict[str, int] = {}
    notes: list[str] = []
    for j, name in enumerate(cells):
        word = word_of(name)
        if word in KNOWN and chosen.setdefault(word, j) != j:
            raise DataError(
                f"{where}:{k + 1}: columns {cells[chosen[word]]!r} and {name!r} both mean {word}; drop one of them"
            )
    for j, name in enumerate(cells):
        word = VENDORS.get(name.strip().strip("<>").casefold(), "")
        if word and word not in chosen:
            chosen[word] = j
            notes.append(f"column {name.strip()!r} is read as {word}")
    if "close" not in chosen:
        return None
    below = next((row for line in lines[k + 1 : k + 50] if (row := split(line, separator)) and len(row) > 1), [])
    if not {"date", "timestamp"} & chosen.keys() and not cells[0].strip() and below and DATED.match(below[0]):
        chosen["date"] = 0
        notes.append("the first column has no name and is read as date")
    if not {"date", "timestamp"} & chosen.keys():
        return None
    date, clock = chosen.pop("date", None), chosen.pop("timestamp", None)
    if date is not None and clock is not None and not (clock < len(below) and _of_day(below[clock])):
        date = None  # the exact time says more
    if k:
        notes.append(f"{k} lines before the header are left out (line 1: {lines[0].strip()[:40]!r})")
    if separator != ",":
        notes.append(f"its cells are parted by {separator!r}")
    used = {*chosen.values(), date if date is not None else clock, clock if date is not None else None}
    return Header(
        first=k + 1,
        separator=separator,
        cells=tuple(cells),
        date=date if date is not None else int(clock if clock is not None else 0),
        clock=clock if date is not None else None,
        stamped=date is None,
        symbol=chosen.pop("symbol", None),
        blocks={None: chosen},
        split=_split(cells),
        ignored=tuple(name.strip() for j, name in enumerate(cells) if j not in used and name.strip()),
        notes=tuple(notes),
    )


def _of_day(text: str) -> bool:
    return bool(re.fullmatch(r"\s*(\d{1,2}:\d\d(:\d\d)?|\d{6}|\d{4})\s*", text))


def _stacked(lines: list[str], k: int, separator: str, cells: list[str]) -> Header | None:
    """The header of a table with fields over symbols, or symbols over fields, as pandas writes it; None for another."""
    below = [split(line, separator) or [] for line in lines[k + 1 : k + 3]]
    if len(below) < 2 or len(below[0]) != len(cells):
        return None
    named = bool(below[1]) and word_of(below[1][0]) in ("date", "timestamp") and not any(below[1][1:])
    if not named and not DATED.match(below[1][0] if below[1] else ""):
        return None
    upper, lower = cells[1:], below[0][1:]
    if all(word_of(name) in FIELDS for name in upper) and all(name.strip() for name in lower):
        fields, symbols = upper, lower
    elif all(word_of(name) in FIELDS for name in lower) and all(name.strip() for name in upper):
        fields, symbols = lower, upper
    else:
        return None
    blocks: dict[str | None, dict[str, int]] = {}
    for j, (field, symbol) in enumerate(zip(fields, symbols, strict=True), start=1):
        if word_of(field) in KNOWN:
            blocks.setdefault(symbol.strip(), {})[word_of(field)] = j
    if not blocks or not all("close" in block for block in blocks.values()):
        return None
    unused = dict.fromkeys(name.strip() for name in fields if word_of(name) not in KNOWN)
    return Header(
        first=k + 2 + named,
        separator=separator,
        cells=tuple(cells),
        date=0,
        clock=None,
        stamped=bool(named and word_of(below[1][0]) == "timestamp"),
        symbol=None,
        blocks=blocks,
        split=_split(fields),
        ignored=tuple(unused),
        notes=(f"its header of {2 + named} lines names {len(blocks)} symbols: {some(map(str, blocks), 3)}",),
    )


def _split(names: list[str]) -> str:
    own = [name.strip().strip("<>").casefold() for name in names if word_of(name) == "split"]
    return "split" if own in ([], ["split"]) else "splits"


def _no_bars(lines: list[str], where: str) -> str:
    """The complaint about a file without a header and without bars, by what it is instead."""
    k, first = next(((k, line.strip()) for k, line in enumerate(lines) if line.strip()), (0, ""))
    if not first:
        return f"{where}:1: it is empty; expected a header line: date,symbol,open,high,low,close,volume"
    kind = ""
    if first.startswith(("{", "[")):
        kind = "an answer in JSON"
    elif first.startswith("<"):
        kind = "a page of HTML"
    elif "," not in first or re.match(r"[45]\d\d\b", first):
        kind = "a message"
    if kind:
        return f"{where}:{k + 1}: it is {kind}, not bars: {first[:60]!r}. Download the file again"
    pick([name.strip() for name in first.split(",")], f"{where}:{k + 1}")
    return f"{where}:{k + 1}: it is no header of bars: {first[:60]!r}; expected date,open,high,low,close,volume. Correct it"
