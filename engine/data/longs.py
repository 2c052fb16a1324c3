"""From a long table to a panel's parts: choose rows, scatter them on slices by instruments, gather the actions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.data import calendars, limits, membership
from engine.data.building import Declared, finish
from engine.data.carried import universe_of
from engine.data.columns import BARS, Long, original
from engine.data.gathering import Timed, gathered
from engine.data.vetting import Grid
from engine.data.words import nearest, some
from engine.errors import DataError
from engine.types import DAY_NS, Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a table: symbols (None all) and the first and last date (None open)."""

    symbols: tuple[str, ...] | None
    start: np.datetime64 | None
    end: np.datetime64 | None

    @classmethod
    def of(cls, symbols: Any, start: Any, end: Any, where: str) -> Wanted:
        named = [symbols] if isinstance(symbols, str) else symbols
        if named is not None and not isinstance(named, Iterable):
            raise DataError(f"{where}: symbols is {symbols!r:.60}; expected a list of names such as ['AA', 'BB']")
        chosen = None if named is None else tuple(dict.fromkeys(map(str, named)))
        if chosen == ():
            raise DataError(f"{where}: symbols is empty; name at least one, or leave it out for all")
        first, last = (day_of(value, key, where) for key, value in (("start", start), ("end", end)))
        if first is not None and last is not None and first > last:
            raise DataError(f"{where}: start {first} is after end {last}; swap them")
        return cls(chosen, first, last)


def day_of(value: Any, key: str, where: str) -> Any:
    """A date from whatever names one; None stays None."""
    if value is None:
        return None
    try:
        if isinstance(value, int | float):
            raise ValueError("a number names no date")
        if hasattr(value, "isoformat"):
            value = value.isoformat()[:10]
        day = np.datetime64(str(value)).astype("datetime64[D]")
    except ValueError as error:
        raise DataError(f"{where}: {key} is {value!r}; expected a date such as 2015-01-31") from error
    if np.isnat(day):
        raise DataError(f"{where}: {key} is {value!r}; expected a date such as 2015-01-31")
    return day


def pick(asked: tuple[str, ...] | None, there: tuple[str, ...], where: str) -> Ints:
    """Places of `asked` in `there`, ascending; all when nothing is asked; DataError with the nearest name."""
    if asked is None:
        return np.arange(len(there))
    known = {symbol: k for k, symbol in enumerate(there)}
    for symbol in asked:
        if symbol not in known:
            raise DataError(
                f"{where}: symbol {symbol!r} is not there{nearest(symbol, there)} "
                f"({len(there)} symbols: {some(sorted(there))}). Correct it or drop it"
            )
    return np.array(sorted(known[symbol] for symbol in asked), np.int64)


def timed(long: Long, calendar: str) -> Timed:
    """The stamps of `long` on `calendar`."""
    import pandas as pd

    inverse, distinct = pd.factorize(long.stamp, sort=True)
    if not long.dated:
        session = calendars.labels(distinct, None)
        exchange = calendars.sessions_of(calendar, session[0], session[-1])
        return Timed(inverse, distinct, calendars.labels(distinct, exchange), 0)
    session = (distinct // DAY_NS).astype("datetime64[D]")
    close, strangers = calendars.closes(session, calendars.sessions_of(calendar, session[0], session[-1]))
    return Timed(inverse, close, session, strangers)


def build(
    long: Long, declared: Declared, wanted: Wanted, lot: float, tick: float, extra: Long | None, members: Any
) -> dict[str, Any]:
    """The parts of a Panel from the wanted rows of `long`; `extra` are actions from a table of their own."""
    clock = timed(long, declared.calendar)
    rows = _chosen(long, clock, wanted)
    notes = [*long.notes]
    used, inverse, code = _barred(long, clock, rows, notes)
    present = np.zeros(len(long.symbols), np.bool_)
    present[code] = True
    symbols, column_of = _columns(long, present, wanted, notes)
    alive = np.zeros(len(clock.close), np.bool_)
    alive[inverse] = True
    times, session = clock.close[alive], clock.session[alive]
    row = (np.cumsum(alive) - 1)[inverse]
    column = column_of[code]
    limits.grid(len(times), len(symbols), len(row), long.where)
    _one_bar_each(long, used, row, column, (len(times), len(symbols)))
    dates = session if long.dated else times.view("datetime64[ns]").astype("datetime64[s]")
    grid = Grid(
        long.where, symbols, dates, *_scatter(long, used, row, column, (len(times), len(symbols)), declared, notes)
    )
    if clock.strangers:
        notes.append(
            f"{clock.strangers} dates are no session of {declared.calendar}: their bars close at 00:00 UTC after them"
        )
    universe = universe_of(long, used, column, symbols, lot, tick)
    dated, told = gathered(long, clock, column_of, extra, symbols)
    notes += told
    member = None
    if members is not None:
        member, told = membership.given(members, symbols, session, grid.close, long.where)
        notes += told
    return finish(grid, times, session, universe, dated, declared, member=member, notes=notes)


def _chosen(long: Long, clock: Timed, wanted: Wanted) -> Ints | None:
    """Row numbers inside the wanted symbols and dates; None when that is all."""
    keep: Bools | None = None
    if wanted.start is not None or wanted.end is not None:
        inside = np.ones(len(clock.session), np.bool_)
        if wanted.start is not None:
            inside &= clock.session >= wanted.start
        if wanted.end is not None:
            inside &= clock.session <= wanted.end
        if not inside.any():
            raise DataError(
                f"{long.where}: no bars from {wanted.start or 'the first'} to {wanted.end or 'the last'}; the data has "
                f"{clock.session[0]} to {clock.session[-1]}. Widen start and end"
            )
        keep = inside[clock.inverse]
    if wanted.symbols is not None:
        there = tuple(symbol for symbol in wanted.symbols if symbol not in long.absent)
        asked = np.zeros(len(long.symbols), np.bool_)
        asked[pick(there, tuple(long.symbols), long.where)] = True
        keep = asked[long.code] if keep is None else keep & asked[long.code]
    return None if keep is None else np.flatnonzero(keep)


def _barred(long: Long, clock: Timed, rows: Ints | None, notes: list[str]) -> tuple[Ints | slice, Ints, Ints]:
    """The rows that hold a bar (all of them as a slice: that copies nothing), their place in time, their symbol."""
    close = long.columns["close"]
    empty = np.isnan(close if rows is None else close[rows])
    count, total = int(empty.sum()), len(empty)
    if count == total:
        raise DataError(
            f"{long.where}: no row has a close for these symbols and dates; expected at least one bar. Widen them"
        )
    if count:
        notes.append(f"{count} of {total} rows have no close: no bar")
        rows = np.flatnonzero(~empty) if rows is None else rows[~empty]
    used = slice(None) if rows is None else rows
    return used, clock.inverse[used], long.code[used]


def _columns(long: Long, present: Bools, wanted: Wanted, notes: list[str]) -> tuple[tuple[str, ...], Ints]:
    """The symbols with bars, ascending, and the column of each code (-1 none)."""
    asked = long.symbols if wanted.symbols is None else wanted.symbols
    without = sorted(set(asked) - {long.symbols[code] for code in np.flatnonzero(present)})
    if without:
        notes.append(f"{len(without)} symbols have no bar in the range and are left out: {some(without)}")
    order = sorted(np.flatnonzero(present), key=lambda code: long.symbols[code])
    column_of = np.full(len(long.symbols), -1, np.int64)
    column_of[order] = np.arange(len(order))
    return tuple(long.symbols[code] for code in order), column_of


def _one_bar_each(long: Long, used: Ints | slice, row: Ints, column: Ints, shape: tuple[int, int]) -> None:
    """DataError unless each instrument's bars rise in time in the order of the rows."""
    if not (row[1:] >= row[:-1]).all():
        order = None if (column[1:] >= column[:-1]).all() else np.argsort(_narrow(column), kind="stable")
        r, c = (row, column) if order is None else (row[order], column[order])
        falls = np.flatnonzero((c[1:] == c[:-1]) & (r[1:] < r[:-1]))
        if len(falls):
            k = falls[0] + 1
            here, before = (original(used, int(j if order is None else order[j])) for j in (k, k - 1))
            raise DataError(
                f"{long.where}: {long.row(here)}: bars of one symbol must rise in time; this one comes after "
                f"{long.row(before)} ({len(falls)} such rows). Sort the file by date, or correct the date"
            )
    seen = np.zeros(shape[0] * shape[1], np.bool_)
    flat = row * shape[1] + column
    seen[flat] = True
    if int(seen.sum()) == len(flat):
        return
    _, first = np.unique(flat, return_index=True)
    again = np.ones(len(flat), np.bool_)
    again[first] = False
    k = int(np.argmax(again))
    raise DataError(
        f"{long.where}: {long.row(original(used, k))}: a second bar for this symbol and time "
        f"({int(again.sum())} such rows); expected one. Drop the duplicates"
    )


def _narrow(codes: Ints) -> np.ndarray:
    """The codes in a width for which numpy's stable sort is a radix sort, where they fit."""
    return codes.astype(np.int16) if len(codes) and int(codes.max()) < 2**15 else codes


def _scatter(
    long: Long,
    used: Ints | slice,
    row: Ints,
    column: Ints,
    shape: tuple[int, int],
    declared: Declared,
    notes: list[str],
) -> list[Floats]:
    """open, high, low, close, volume as (T, N) float64, NaN where nothing is."""
    missing = [name for name in BARS if name not in long.columns]
    if "open" in missing and declared.missing_open == "refuse":
        raise DataError(
            f"{long.where}: there is no column open; expected one. To do without, say missing_open: "
            f"previous_close or close_fills"
        )
    if "volume" in missing:  # the others are told where missing prices are counted
        notes.append("there is no column volume: not known in any bar")
    flat = row * shape[1] + column
    grids = []
    for name in BARS:
        grid = np.full(shape, np.nan)
        if name not in missing:
            grid.reshape(-1)[flat] = long.columns[name][used]
            grid[np.isnan(grid)] = np.nan  # one bit pattern for "not known", so that equal bars hash equally
        grids.append(grid)
    return grids
