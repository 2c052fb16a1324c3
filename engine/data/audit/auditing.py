"""audit(): one pass over a table, instrument by instrument, and what was found in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from engine.data import calendars
from engine.data.audit import adjusted, cells, rows
from engine.data.audit.kinds import Bars, Finding, counted
from engine.data.audit.market import market
from engine.data.audit.moves import moves
from engine.data.audit.reading import Table, read
from engine.data.audit.twins import twins
from engine.types import DAY_NS, Bools, Floats, Ints

Prices = Literal["guess", "as_traded", "split_adjusted"]
NAN = float("nan")
SHOWS = 0.2  # log: a declared split shows in the prices where they move by its ratio within this
FEW = 5  # declared splits that say what the prices are; below, an adjusted close beside them does


@dataclass(frozen=True, slots=True)
class Line:
    """One instrument: how much there is of it, and what is wrong."""

    symbol: str
    rows: int
    bars: int  # times with a close
    first: str
    last: str
    sessions: int
    turnover: float  # median close x volume; NaN if not known
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        return counted(self.findings)


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found: a line per instrument, and what holds for the whole."""

    where: str
    rows: int
    first: str
    last: str
    sessions: int
    calendar: str
    prices: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the whole table says about each instrument of it; (R,) arrays are by row."""

    day: Ints  # (R,) number of the date
    sessions: Ints  # days on which anything has a bar
    known: Ints | None  # the sessions there should be; None not known
    moved: Floats  # (R,) log level of the market
    time: Ints  # (R,) number of the time
    same: dict[int, int]  # row -> the row of another instrument whose bar it is
    prices: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One instrument as the detectors saw it: its bars, the table's row of each, and what was found."""

    bars: Bars
    place: Ints  # (T,)
    explained: Bools  # (T,) by moves
    odd: Bools  # (T,) of the adjusted closes
    findings: tuple[Finding, ...]


def audit(
    path: str | Path,
    calendar: str = calendars.INFERRED,
    prices: Prices = "guess",
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Audit:
    """Everything odd about the bars at `path`; DataError only where there are none to speak of, or too many for memory."""
    table = read(path, say)
    around = surroundings(table, calendar, prices, say)
    lines = []
    for k in range(len(table.symbols)):
        progress(k, len(table.symbols))
        lines.append(_line(table, k, around))
    progress(len(table.symbols), len(table.symbols))
    first, last = (str(np.datetime64(int(one), "D")) for one in (around.day.min(), around.day.max()))
    return Audit(
        table.where, len(table), first, last, len(around.sessions), calendar, around.prices, tuple(lines),
        tuple(_notes(table, lines)),
    )  # fmt: skip


def surroundings(
    table: Table, calendar: str, prices: Prices, say: Callable[[str], None] = lambda text: None
) -> Surroundings:
    """What all instruments of a table say about each of them."""
    say("looking at sessions")
    day = table.stamp // DAY_NS if table.dated else (table.stamp - 1) // DAY_NS
    sessions, known = _sessions(table, day, calendar)
    say("looking at the market")
    moved, time = market(table.bounds, table.stamp, table.columns["close"])
    same = twins(table.bounds, table.stamp, table.columns)
    return Surroundings(day, sessions, known, moved, time, same, _meant(table) if prices == "guess" else prices)


def _spans(table: Table) -> Iterator[tuple[int, int]]:
    yield from zip(table.bounds[:-1].tolist(), table.bounds[1:].tolist(), strict=True)


def _sessions(table: Table, day: Ints, calendar: str) -> tuple[Ints, Ints | None]:
    """Days on which anything has a bar, and the sessions there should be (None: not known)."""
    fresh = np.ones(len(day), np.bool_)
    fresh[1:] = day[1:] != day[:-1]
    fresh[table.bounds[:-1][table.bounds[:-1] < len(day)]] = True
    here = np.unique(day[fresh])
    edges = np.array([day[[a, b - 1]] for a, b in _spans(table) if b > a])
    if calendar == calendars.ALWAYS:
        return here, np.arange(here[0], here[-1] + 1)
    exchange = calendars.sessions_of(calendar, *(np.datetime64(int(one), "D") for one in (here[0], here[-1])))
    if exchange is not None:
        label = exchange.label.astype(np.int64)
        return here, label[(label >= here[0]) & (label <= here[-1])]
    return here, rows.sessions_in(day[fresh], edges[:, 0], edges[:, 1], int(here[-1] - here[0]) + 1)


def _line(table: Table, k: int, around: Surroundings) -> Line:
    """One instrument, summed up."""
    seen = look(table, k, around)
    days = _distinct(around.day[table.bounds[k] : table.bounds[k + 1]])
    return _summed(table.symbols[k], seen.bars, int(np.diff(table.bounds)[k]), days, seen.findings)


def look(table: Table, k: int, around: Surroundings) -> Seen:
    """One instrument, seen by every detector."""
    first, end = int(table.bounds[k]), int(table.bounds[k + 1])
    part = slice(first, end)
    stamp = table.stamp[part]
    keep, findings = rows.duplicates(stamp, {name: values[part] for name, values in table.columns.items()})
    if table.unreadable is not None:
        findings += cells.unreadable(stamp, table.unreadable[part])
    if table.unsorted[k]:
        findings.append(Finding("unsorted", int(stamp[0]), int(stamp[-1]), int(table.unsorted[k]), NAN, "not in order"))
    bars = _bars(table, table.symbols[k], part, keep, around.moved, around.time)
    days = _distinct(around.day[part])
    findings += rows.missing(days, around.known) + rows.ends(days, around.sessions)
    place = first + np.flatnonzero(keep)
    twin = {}
    if around.same:
        twin = {j: _owner(table, around.same[row]) for j, row in enumerate(place.tolist()) if row in around.same}
    moved_by, explained = moves(bars, twin, around.prices == "split_adjusted")
    findings += moved_by
    findings += cells.empty(bars) + cells.zero(bars) + cells.outside(bars, explained)
    findings += cells.untraded(bars) + cells.stale(bars)
    wrong, odd = adjusted.impossible(bars, explained)
    findings += wrong + adjusted.dividends(bars, explained | odd)
    return Seen(bars, place, explained, odd, tuple(sorted(findings, key=lambda one: (one.first, one.kind))))


def _summed(symbol: str, bars: Bars, count: int, days: Ints, findings: tuple[Finding, ...]) -> Line:
    worth = (bars.close * bars.volume)[(bars.close > 0.0) & ~np.isnan(bars.volume)]
    first, last = (str(np.datetime64(int(one), "D")) for one in (days[0], days[-1]))
    turnover = float(np.median(worth)) if len(worth) else NAN
    return Line(symbol, count, int((bars.close > 0.0).sum()), first, last, len(days), turnover, findings)


def _distinct(rising: Ints) -> Ints:
    return np.asarray(rising[np.concatenate(([True], rising[1:] != rising[:-1]))])


def _owner(table: Table, row: int) -> str:
    return table.symbols[int(np.searchsorted(table.bounds, row, side="right")) - 1]


def _bars(table: Table, symbol: str, part: slice, keep: Bools, moved: Floats, time: Ints) -> Bars:
    """The kept rows of one instrument; an adjusted close is made of its factor where the table has that instead."""

    def column(name: str, nothing: float = NAN) -> Floats:
        found = table.columns.get(name)
        return np.full(int(keep.sum()), nothing) if found is None else found[part][keep]

    close = column("close")
    adjusted_close = column("adj_close")
    if "adj_close" not in table.columns:
        adjusted_close = close * column("adj_factor")
    split = column("split", 1.0)
    split = np.where(np.isnan(split) | (split <= 0.0), 1.0, split)
    dividend = np.nan_to_num(column("dividend", 0.0))
    return Bars(
        symbol, table.stamp[part][keep], column("open"), column("high"), column("low"), close, column("volume"),
        adjusted_close, split, dividend,
        moved[part][keep], time[part][keep],
    )  # fmt: skip


def _meant(table: Table) -> str:
    """What the prices seem to be: as traded where most declared splits show in them; Yahoo's adjusted close stands beside
    prices adjusted for splits.
    """
    if "split" not in table.columns:
        return "as_traded"
    split, close = table.columns["split"], table.columns["close"]
    at = np.flatnonzero((split > 0.0) & (split != 1.0))
    at = at[(at > 0) & ~np.isin(at, table.bounds)]
    at = at[(close[at] > 0.0) & (close[at - 1] > 0.0)]
    if len(at) < FEW and "adj_close" in table.columns:
        return "split_adjusted"
    shows = np.abs(np.log(close[at] / close[at - 1]) + np.log(split[at])) < np.minimum(
        SHOWS, 0.5 * np.abs(np.log(split[at]))
    )
    return "as_traded" if 2 * int(shows.sum()) >= len(at) else "split_adjusted"


def _notes(table: Table, lines: list[Line]) -> Iterator[str]:
    yield from table.notes
    lasting = [line for line in lines if not line.counts["dead"]]
    if len(lines) >= 20 and len(lasting) == len(lines):
        yield (
            f"survivorship: none of the {len(lines)} instruments ends before the data does, so those that failed were "
            f"left out; what is trained or tested here never meets a death"
        )
