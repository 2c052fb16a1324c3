"""What an audit speaks of: kinds of defects and what each means, one finding, one instrument's bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.types import DAY_NS, Bools, Floats, Ints


class Kind(NamedTuple):
    """A kind of defect: how it is said, what it means, harm per event and per percent of an instrument's rows."""

    label: str
    meaning: str
    event: float
    share: float


KINDS = {
    "unreadable": Kind("unreadable", "a cell that should hold a number does not", 0.0, 5.0),
    "unsorted": Kind("unsorted", "rows that come after a later one of the same instrument", 0.0, 0.0),
    "duplicate": Kind("duplicates", "a second row of the same time, equal to the first", 0.0, 1.0),
    "conflict": Kind("conflicts", "a second row of the same time with other numbers", 0.0, 1.5),
    "missing_session": Kind("missing", "sessions without a bar between the first and the last", 0.0, 1.0),
    "missing_cell": Kind("empty", "a row without open, high, low or close where the instrument has them", 0.0, 3.0),
    "zero_cell": Kind("zeros", "a price of zero or below", 0.0, 5.0),
    "range": Kind("OHLC", "high below low, or open or close outside the range", 0.0, 2.0),
    "stale": Kind("stale", "a bar repeated, or a close that stands still for longer than chance allows", 0.0, 1.0),
    "zero_volume": Kind("no volume", "rows that say nothing was traded", 0.0, 0.3),
    "unit": Kind("units", "prices a hundredfold too high or too low", 6.0, 5.0),
    "wrong_ticker": Kind("other level", "whole bars at a level that is not the instrument's: of another ticker", 4.0, 5.0),
    "split": Kind("splits", "a split that the prices show and nothing declares", 8.0, 0.0),
    "jump": Kind("jumps", "a move that neither volume, nor range, nor the market explains", 2.0, 0.0),
    "dividend": Kind("dividends", "a dividend the adjusted close leaves out, or one that cannot be", 2.0, 0.0),
    "adjusted": Kind("adjusted", "an adjusted close that cannot be: not positive, falling against the close, above it", 1.0, 3.0),
    "late": Kind("late", "the first bar comes long after the data's first", 0.0, 0.0),
    "dead": Kind("dead", "the last bar comes long before the data's last", 0.0, 0.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect: where it begins and ends (ns, the bars' stamps), how many rows or sessions, a ratio where it has one.

    `form` is how a kind comes, where a repair must know: see moves, units and adjusted.
    """

    kind: str
    first: int
    last: int
    rows: int
    ratio: float  # NaN: none
    text: str
    form: str = ""

    def days(self) -> tuple[str, str]:
        """First and last date."""
        first, last = (str(np.datetime64(stamp // DAY_NS, "D")) for stamp in (self.first, self.last))
        return first, last


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of one instrument, one a time, rising: (T,) each, NaN not known. Prices may be zero or absurd."""

    symbol: str
    stamp: Ints  # ns
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    adjusted: Floats
    split: Floats  # 1 none
    dividend: Floats  # 0 none
    market: Floats  # log level of the market at each time
    time: Ints  # the number of each bar's time among all times of the data

    def __len__(self) -> int:
        return len(self.stamp)

    @property
    def prices(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.open, self.high, self.low, self.close


def runs(mask: Bools) -> Iterator[tuple[int, int]]:
    """(first, end) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def stretches(kind: str, stamp: Ints, mask: Bools, text: str) -> list[Finding]:
    """One finding for each run of marked rows."""
    return [
        Finding(kind, int(stamp[first]), int(stamp[end - 1]), end - first, float("nan"), text)
        for first, end in runs(mask)
    ]


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """Rows or sessions per kind, in the order of KINDS."""
    total = dict.fromkeys(KINDS, 0)
    for one in findings:
        total[one.kind] += one.rows
    return total
