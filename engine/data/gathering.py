"""The actions that tables name, in columns beside the bars or in a table of their own; nothing is counted twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.actions import Dated
from engine.data.columns import Long
from engine.data.words import nearest, some
from engine.errors import DataError
from engine.types import Bools, Floats, Ints

SAME = 1e-6  # relative: one amount, whatever width the two tables keep it in


@dataclass(slots=True)
class Timed:
    """The distinct stamps of a long table: which rows they are, when they close, to which session they belong."""

    inverse: Ints  # (R,) place in the three below
    close: Ints  # (U,) ns, rising
    session: np.ndarray  # (U,) datetime64[D]
    strangers: int  # dates that are no session of the calendar


@dataclass(slots=True)
class Part:
    """The actions of one table, as the table names them."""

    row: Ints  # (A,) of the table
    stamp: Ints  # ns, comparable with the slices' times
    day: Ints  # ns, what two tables must share to mean the same: the date where one of them has dates only
    instrument: Ints
    split: Floats
    dividend: Floats


def gathered(
    long: Long, clock: Timed, column_of: Ints, extra: Long | None, symbols: tuple[str, ...]
) -> tuple[Dated, list[str]]:
    """All actions of the panel's instruments, also those after its last slice (they restate earlier dividends), and
    warnings; DataError for one that is given twice.
    """
    own = _beside(long, clock, column_of, extra is None or not extra.dated)
    told: list[str] = []
    if extra is None:
        parts = [own]
    else:
        told = _vetted(extra, long)
        parts = [own, _apart(extra, symbols)]
        _not_in_both(long, extra, *parts)
    notes = [*told, *_not_twice(long, own)]
    if extra is not None:
        notes += _not_twice(extra, parts[1])
    names = ("stamp", "instrument", "split", "dividend")
    return Dated(*(np.concatenate([getattr(part, name) for part in parts]) for name in names)), notes


def _vetted(extra: Long, long: Long) -> list[str]:
    """Warnings about columns and symbols of a table of actions that nothing reads; DataError where it has no actions."""
    if not {"split", "dividend"} & extra.columns.keys():
        hints = (nearest(name, ("split", "dividend")) for name in extra.unused)
        raise DataError(
            f"{extra.where}: expected a column split or dividend; there are {some(extra.unused, 8) or 'neither'}"
            f"{next((hint for hint in hints if hint), '')}. Rename a column"
        )
    notes = [f"actions: {note}" for note in extra.notes]
    if others := [name for name in extra.columns if name not in ("split", "dividend")]:
        notes.append(f"actions: columns not used: {some(others, 8)}; they belong into the table of bars")
    here = {*long.symbols, *long.absent}
    if strangers := sorted(set(extra.symbols) - here):
        near = nearest(strangers[0], sorted(here))
        notes.append(f"actions: {len(strangers)} symbols have no bars and are left out: {some(strangers)}{near}")
    return notes


def _beside(long: Long, clock: Timed, column_of: Ints, exact: bool) -> Part:
    """The actions in the table of bars; `exact` where days are told apart by their times."""
    split, dividend = _action_columns(long)
    busy = np.flatnonzero(_says(split, 1.0) | _says(dividend, 0.0))
    busy = busy[column_of[long.code[busy]] >= 0]
    at = clock.inverse[busy]
    day = clock.close[at] if exact else clock.session[at].astype("datetime64[ns]").astype(np.int64)
    return Part(busy, clock.close[at], day, column_of[long.code[busy]], split[busy], dividend[busy])


def _apart(extra: Long, symbols: tuple[str, ...]) -> Part:
    """The actions in a table of their own."""
    split, dividend = _action_columns(extra)
    place = {symbol: k for k, symbol in enumerate(symbols)}
    column = np.array([place.get(symbol, -1) for symbol in extra.symbols], np.int64)[extra.code]
    busy = np.flatnonzero((_says(split, 1.0) | _says(dividend, 0.0)) & (column >= 0))
    # The first slice that closes after the date began is the first of that date.
    stamp = extra.stamp[busy] + (1 if extra.dated else 0)
    return Part(busy, stamp, extra.stamp[busy], column[busy], split[busy], dividend[busy])


def _not_twice(long: Long, part: Part) -> list[str]:
    """A warning about days with several dividends; DataError where a table gives one action twice."""
    sums = 0
    for name in ("split", "dividend"):
        pairs = _pairs(part, name)
        values = getattr(part, name)
        for one, other in pairs:
            if _same(values[one], values[other]):
                raise DataError(
                    f"{long.where}: {long.row(int(part.row[other]))}: {name} {values[other]:g} is given twice, first "
                    f"{long.row(int(part.row[one]))}; expected once. Drop one, or give the sum of two payments"
                )
        sums += len(pairs) if name == "dividend" else 0
    if not sums:
        return []
    return [f"{sums} dividends fall on the time of another of the same symbol: they are added up"]


def _pairs(part: Part, name: str) -> list[tuple[int, int]]:
    """Places of actions of one kind that share instrument and time, each with the next larger."""
    values = getattr(part, name)
    there = np.flatnonzero(_says(values, 1.0 if name == "split" else 0.0))
    order = there[np.lexsort((values[there], part.stamp[there], part.instrument[there]))]
    one, other = order[:-1], order[1:]
    shared = (part.instrument[one] == part.instrument[other]) & (part.stamp[one] == part.stamp[other])
    return [(min(a, b), max(a, b)) for a, b in zip(one[shared].tolist(), other[shared].tolist(), strict=True)]


def _not_in_both(long: Long, extra: Long, own: Part, apart: Part) -> None:
    """DataError where both tables give the same action."""
    for name in ("split", "dividend"):
        nothing = 1.0 if name == "split" else 0.0
        ours, theirs = getattr(own, name), getattr(apart, name)
        known = {
            (int(own.instrument[k]), int(own.day[k])): float(ours[k]) for k in np.flatnonzero(_says(ours, nothing))
        }
        for k in np.flatnonzero(_says(theirs, nothing)):
            told = known.get((int(apart.instrument[k]), int(apart.day[k])))
            if told is not None and _same(told, float(theirs[k])):
                raise DataError(
                    f"{extra.where}: {extra.row(int(apart.row[k]))}: {name} {theirs[k]:g} is given twice, also in column "
                    f"{name} of {long.where}; expected in one of them. Leave out the column or the row"
                )


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SAME * max(abs(one), abs(other))


def _action_columns(long: Long) -> tuple[Floats, Floats]:
    """Split and dividend of every row; NaN where the table has no such column."""
    nothing = np.full(len(long.code), np.nan)
    split, dividend = (long.columns.get(name, nothing) for name in ("split", "dividend"))
    return np.asarray(split, np.float64), np.asarray(dividend, np.float64)


def _says(values: Floats, nothing: float) -> Bools:
    return np.asarray(~np.isnan(values) & (values != nothing))
