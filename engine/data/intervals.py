"""Who belonged from when to when: intervals of symbols, checked row by row. No bars and no calendar yet."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.data.cells import Cells, is_empty
from engine.errors import DataError
from engine.types import Ints

WORDS = {
    "symbol": ("ticker",),
    "start": ("start_date", "from", "from_date", "begin"),
    "end": ("end_date", "to", "to_date", "through"),
}
ALWAYS, NEVER = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")  # an open start, an open end
DATE = re.compile(r"(\d{4}-\d{2}-\d{2})([ T]00:00:00(\.0+)?)?")
FEW = 10  # end dates from which on one can say what they mean


@dataclass(frozen=True, slots=True)
class Intervals:
    """K intervals, both days inside; those of one symbol share no day."""

    where: str
    symbols: tuple[str, ...]  # distinct, ascending
    code: Ints  # (K,) place in symbols
    first: np.ndarray  # (K,) datetime64[D], the first day as a member; ALWAYS where the table says none
    last: np.ndarray  # (K,) datetime64[D], the last day as a member; NEVER where it still is one
    notes: tuple[str, ...]


def intervals(cells: Cells, exclusive: bool = False) -> Intervals:
    """The intervals that rows of symbol, start, end say; DataError for a row that cannot be, naming it.

    An empty start is always before, an empty end is still a member. `end` is the last day as a member, or with
    `exclusive` the first day as none.
    """
    named = [cells.symbol(k) for k in range(len(cells.columns["symbol"]))]
    if not named:
        raise DataError(f"{cells.where}: there are no rows below the header; expected at least one interval")
    symbols, code = np.unique(np.array(named, dtype=object), return_inverse=True)
    first, last = _days(cells, "start", ALWAYS), _days(cells, "end", NEVER)
    ended = last != NEVER
    notes = () if exclusive else _first_day_out(cells.where, first, last[ended])
    if exclusive:
        last = np.where(ended, last - np.timedelta64(1, "D"), last)
    _in_order(cells, named, first, last, exclusive)
    _no_overlap(cells, named, np.asarray(code, np.int64), first, last)
    return Intervals(
        cells.where, tuple(str(name) for name in symbols), np.asarray(code, np.int64), first, last, tuple(notes)
    )


def _days(cells: Cells, word: str, otherwise: np.datetime64) -> np.ndarray:
    """(K,) datetime64[D] of a column of dates, `otherwise` where a cell is empty."""
    column = cells.columns[word]
    return np.array(
        [otherwise if is_empty(value) else _day(cells, word, k, value) for k, value in enumerate(column)],
        dtype="datetime64[D]",
    )


def _day(cells: Cells, word: str, k: int, value: Any) -> np.datetime64:
    """The date that a cell says; ISO only, since 1/2/2009 has two meanings."""
    found = DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    text = found.group(1) if found else value.isoformat()[:10] if hasattr(value, "isoformat") else ""
    try:
        return np.datetime64(datetime.date.fromisoformat(text), "D")
    except ValueError:
        raise DataError(
            f"{cells.place(k)}: {word} is {value!r}; expected an ISO date such as 2024-12-31, or an empty cell. "
            f"Correct it"
        ) from None


def _in_order(cells: Cells, named: list[str], first: np.ndarray, last: np.ndarray, exclusive: bool) -> None:
    """DataError for the first row that ends before it starts."""
    wrong = np.flatnonzero(first > last)
    if len(wrong):
        k = int(wrong[0])
        end = last[k] + np.timedelta64(1, "D") if exclusive else last[k]
        said = f"is not before end {end}, which is the first day out" if exclusive else f"comes after end {end}"
        raise DataError(f"{cells.place(k)}: {named[k]}: start {first[k]} {said}; turn them round, or drop the row")


def _no_overlap(cells: Cells, named: list[str], code: Ints, first: np.ndarray, last: np.ndarray) -> None:
    """DataError for two rows of one symbol that share a day, naming both."""
    order = np.lexsort((first, code))
    before, after = order[:-1], order[1:]
    wrong = np.flatnonzero((code[before] == code[after]) & (last[before] >= first[after]))
    if not len(wrong):
        return
    one, other = sorted((int(before[wrong[0]]), int(after[wrong[0]])))
    touching = last[before[wrong[0]]] == first[after[wrong[0]]]
    way = "; if the file's end is the first day out, say members_end: exclusive" if touching else ""
    raise DataError(
        f"{cells.place(other)}: {named[other]} {_span(first[other], last[other])} overlaps {cells.row(one)}, "
        f"{_span(first[one], last[one])}; intervals of one symbol must share no day. Correct one of them{way}"
    )


def _span(first: np.datetime64, last: np.datetime64) -> str:
    """An interval in words."""
    if first == ALWAYS:
        return "always" if last == NEVER else f"until {last}"
    return f"from {first} on" if last == NEVER else f"from {first} to {last}"


def _first_day_out(where: str, first: np.ndarray, ends: np.ndarray) -> tuple[str, ...]:
    """A warning when most days on which somebody leaves are days on which others come: a list of changes says so."""
    same = int(np.isin(ends, first).sum())
    if len(ends) < FEW or 2 * same <= len(ends):
        return ()
    said = (
        f"{where}: {same:,} of {len(ends):,} ends are days on which others start, so end may be the first day out; it is "
        f"read as the last day in. If so, say universe.members_end: exclusive"
    )
    return (said,)
