"""Intervals laid over a panel: who is a member at which slice, and what of the universe the data does not hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.data.cells import of_frame
from engine.data.intervals import ALWAYS, NEVER, WORDS, Intervals, intervals
from engine.data.words import some
from engine.errors import DataError
from engine.types import Bools, Floats, Ints


def given(
    members: Any, symbols: tuple[str, ...], sessions: np.ndarray, close: Floats, where: str
) -> tuple[Bools, list[str]]:
    """(T, N) members and warnings from what somebody gave in Python: a bool array of that shape, or a frame of intervals.

    A frame has symbol (or ticker), start and end (or start_date, end_date); both days inside, an empty one is open.
    """
    import pandas as pd

    if isinstance(members, pd.DataFrame):
        told = intervals(of_frame(members, f"{where}: members", WORDS))
        return laid(told, symbols, sessions, close)
    array, shape = np.array(members), close.shape
    if array.shape != shape or array.dtype != np.bool_:
        raise DataError(
            f"{where}: members has shape {array.shape} of {array.dtype}; expected bool {shape}, or intervals"
        )
    return array, []


def laid(told: Intervals, symbols: tuple[str, ...], sessions: np.ndarray, close: Floats) -> tuple[Bools, list[str]]:
    """(T, N) who is a member at each slice by its session's date, and warnings; DataError when that is nobody.

    Warnings: members without a bar (survivorship), symbols that are never members, and how `end` was read.
    """
    column = _columns(told, symbols)
    begin, stop = rows(told, sessions)
    change = np.zeros((len(sessions) + 1, len(symbols)), np.int8)  # +1 and -1; intervals of a symbol share no slice
    mine = (column >= 0) & (begin < stop)
    np.add.at(change, (begin[mine], column[mine]), 1)
    np.add.at(change, (stop[mine], column[mine]), -1)
    member = np.cumsum(change[:-1], axis=0, dtype=np.int8) > 0
    barred = ~np.isnan(close)
    if not (member & barred).any():
        raise DataError(_nobody(told, symbols, sessions, column))
    notes = [*_without_data(told, column, sessions, member, barred), *_never(told, symbols, member)]
    return member, [*notes, *told.notes]


def rows(told: Intervals, sessions: np.ndarray) -> tuple[Ints, Ints]:
    """(K,) the first slice of every interval, and the first one after it."""
    begin = np.searchsorted(sessions, told.first).astype(np.int64)
    return begin, np.searchsorted(sessions, told.last, side="right").astype(np.int64)


def by_session(sessions: np.ndarray, grid: Bools) -> Bools:
    """(D, N) whether any slice of a session says so."""
    starts = np.flatnonzero(np.concatenate(([True], sessions[1:] != sessions[:-1])))
    return grid if len(starts) == len(sessions) else np.logical_or.reduceat(grid, starts, axis=0)


def per_year(told: Intervals, symbols: tuple[str, ...], sessions: np.ndarray, close: Floats) -> list[dict[str, int]]:
    """A dict per year: how many are members on its last session, and how many of these have a bar."""
    days, barred = np.unique(sessions), by_session(sessions, ~np.isnan(close))
    years = days.astype("datetime64[Y]")
    final = np.flatnonzero(np.concatenate((years[1:] != years[:-1], [True])))
    inside = (told.first <= days[final, None]) & (days[final, None] <= told.last)  # (Y, K)
    column = _columns(told, symbols)
    seen = barred[final][:, column] & (column >= 0)
    return [
        {"year": int(years[row].astype(int)) + 1970, "members": int(here.sum()), "with_bars": int((here & bar).sum())}
        for row, here, bar in zip(final, inside, seen, strict=True)
    ]


def _columns(told: Intervals, symbols: tuple[str, ...]) -> Ints:
    """(K,) column of every interval, -1 for a symbol without one."""
    place = {symbol: k for k, symbol in enumerate(symbols)}
    return np.array([place.get(symbol, -1) for symbol in told.symbols], np.int64)[told.code]


def _nobody(told: Intervals, symbols: tuple[str, ...], sessions: np.ndarray, column: Ints) -> str:
    """Why no slice has a member."""
    if (column < 0).all():
        return (
            f"{told.where}: none of its {len(told.symbols):,} symbols ({some(told.symbols, 3)}) is in the data "
            f"({some(symbols, 3)}); expected the same names. Correct one of them"
        )
    starts, ends = told.first[told.first != ALWAYS], told.last[told.last != NEVER]
    span = f"{starts.min() if len(starts) else 'always'} to {ends.max() if len(ends) else 'today'}"
    return (
        f"{told.where}: nobody with a bar is a member from {sessions[0]} to {sessions[-1]}, the dates of the data; its "
        f"intervals of these symbols lie outside (all of them: {span}). Correct the dates"
    )


def _without_data(told: Intervals, column: Ints, sessions: np.ndarray, member: Bools, barred: Bools) -> list[str]:
    """The survivorship figure: members that the data never shows while they were members, and their share of days."""
    days = np.unique(sessions)
    begin, stop = rows(told, days)
    spent = np.zeros(len(told.symbols), np.int64)
    np.add.at(spent, told.code, stop - begin)
    shown = by_session(sessions, member & barred).sum(axis=0)  # (N,) member-days with a bar
    seen = np.zeros(len(told.symbols), np.int64)
    mine = column >= 0
    seen[told.code[mine]] = shown[column[mine]]
    total, missing = int(spent.sum()), int(spent.sum() - seen.sum())
    if not missing:
        return []
    gone = [told.symbols[k] for k in np.flatnonzero((spent > 0) & (seen == 0))]
    names = f" ({some(gone, 3)})" if gone else ""
    said = f"{len(gone):,} of {int((spent > 0).sum()):,} names{names}, {100.0 * missing / total:.1f} % of member-days"
    return [f"survivorship: members without data: {said}"]


def _never(told: Intervals, symbols: tuple[str, ...], member: Bools) -> list[str]:
    """One warning for the symbols of the data that are members at no slice."""
    never = [symbols[k] for k in np.flatnonzero(~member.any(axis=0))]
    if not never:
        return []
    unknown = set(never) - set(told.symbols)
    other = f"; {len(never) - len(unknown)} of them only on other dates" if len(unknown) < len(never) else ""
    count = f"{len(never):,} of {len(symbols):,} symbols of the data"
    return [f"{count} are never members by {told.where}: {some(never)}{other}"]
