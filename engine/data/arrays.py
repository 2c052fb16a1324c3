"""What Panel.from_arrays is given, read and vetted: symbols, times, grids, members, actions, the step of quantity and price."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.data import calendars
from engine.data.actions import Dated
from engine.data.building import frozen
from engine.data.stamps import stamps
from engine.data.vetting import Grid
from engine.data.words import moment
from engine.errors import DataError
from engine.numbers import floats
from engine.types import DAY_NS, Bools, Floats, Ints

BARS = ("open", "high", "low", "close", "volume")


def names_of(symbols: Any, where: str) -> tuple[str, ...]:
    """The symbols as text without spaces around; DataError unless they ascend, differ and say something."""
    try:
        names = tuple(str(symbol).strip() for symbol in ([symbols] if isinstance(symbols, str) else symbols))
    except TypeError:
        raise DataError(f"{where}: symbols is {symbols!r:.60}; expected a list of names such as ['AA', 'BB']") from None
    if list(names) != sorted(set(names)) or not names or not all(names):
        raise DataError(
            f"{where}: symbols must ascend, differ and not be empty; they were {list(names)[:5]}. Sort the columns"
        )
    return names


def times_of(times: Any, calendar: str, where: str) -> tuple[Ints, np.ndarray]:
    """Closes in ns and session labels, from closes (ns, or datetimes) or dates that rise."""
    import pandas as pd

    try:
        given = np.asarray(times)
    except ValueError as error:
        raise DataError(f"{where}: times cannot be read ({error}); expected one date or time per slice") from error
    if given.ndim != 1 or not len(given):
        raise DataError(f"{where}: times has shape {given.shape}; expected one date or time per slice, at least one")
    if given.dtype.kind in "iu":
        closes, dated = given.astype(np.int64), False
    else:
        closes, dated, _ = stamps(pd.Series(times).reset_index(drop=True), "times", where)
    falls = np.flatnonzero(np.diff(closes) <= 0)
    if len(falls):
        here, before = (moment(closes[falls[0] + k]) for k in (1, 0))
        raise DataError(f"{where}: times must rise; row {falls[0] + 1} is {here}, after {before}. Sort the rows")
    if dated:
        session = (closes // DAY_NS).astype("datetime64[D]")
        closes = calendars.closes(session, calendars.sessions_of(calendar, session[0], session[-1]))[0]
    else:
        label = calendars.labels(closes, None)
        session = calendars.labels(closes, calendars.sessions_of(calendar, label[0], label[-1]))
    return frozen(closes.astype(np.int64)), session


def fresh(values: Any, shape: tuple[int, int], name: str, where: str) -> Floats:
    """A writable (T, N) float64 copy of `values`; DataError when it has another shape, or holds no numbers."""
    try:
        array = np.array(floats(values), dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: {name}: expected numbers; {str(error).splitlines()[0]}. Convert it first") from error
    if array.shape != shape:
        raise DataError(f"{where}: {name} has shape {array.shape}; expected {shape}, slices by instruments")
    return array


def member_of(values: Any, shape: tuple[int, int], where: str) -> Bools:
    """A (T, N) copy of who is a member when; DataError unless all are true or false (or 1 and 0)."""
    grid = fresh(values, shape, "member", where)
    odd = (grid != 0.0) & (grid != 1.0)
    if odd.any():
        t, i = (int(k[0]) for k in np.nonzero(odd))
        raise DataError(f"{where}: member is {grid[t, i]:g} in row {t}, column {i}; expected true or false throughout")
    return np.asarray(grid == 1.0)


def step(value: Any, name: str, where: str) -> float:
    """A lot or tick that holds for all instruments; DataError for what cannot be one. A tick of None is none (NaN)."""
    if value is None and name == "tick":
        return float("nan")
    try:
        number = float(floats(value).reshape(()))
    except (TypeError, ValueError):
        raise DataError(f"{where}: {name} is {value!r:.60}; expected one number, such as {name}=1") from None
    zero_may_be = name == "lot"
    if number < 0.0 or np.isinf(number) or (number == 0.0 and not zero_may_be) or (zero_may_be and np.isnan(number)):
        expected = "0 (any fraction) or more" if zero_may_be else "above 0, or None for no tick"
        raise DataError(f"{where}: {name} is {number:g}; expected {expected}. Correct it")
    return number


def without_close(grid: Grid) -> list[str]:
    """Blank what has no close, and say how much that was."""
    none = np.isnan(grid.close)
    lost = int((none & ~(np.isnan(grid.open) & np.isnan(grid.high) & np.isnan(grid.low))).sum())
    if none.any():
        for key in BARS:
            getattr(grid, key)[none] = np.nan
    return [f"{lost} rows have no close: no bar"] if lost else []


def dated_of(splits: Any, dividends: Any, closes: Ints, shape: tuple[int, int], where: str) -> Dated:
    """Actions of (T, N) arrays, as if they had come with dates."""
    split = np.ones(shape) if splits is None else fresh(splits, shape, "splits", where)
    cash = np.zeros(shape) if dividends is None else fresh(dividends, shape, "dividends", where)
    row, column = np.nonzero((~np.isnan(split) & (split != 1.0)) | (~np.isnan(cash) & (cash != 0.0)))
    return Dated(closes[row], column.astype(np.int64), split[row, column], cash[row, column])
