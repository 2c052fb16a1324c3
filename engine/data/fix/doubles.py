"""Rows of one time: equal ones go; of those that differ, the most complete stays, or what they disagree on is masked."""

from __future__ import annotations

import numpy as np

from engine.data.audit.reading import Table
from engine.data.audit.rows import SAME
from engine.data.fix.sheets import Sheet
from engine.types import Floats, Ints

FIXED = ("open", "close", "adj_close", "adj_factor", "split", "dividend")  # a finished day changes none of these
ROUNDED = 1e-4  # relative: as wide as the audit's for a bar's range


def doubles(sheet: Sheet, table: Table, k: int, on: frozenset[str]) -> bool:
    """Repair the rows of instrument k that share a time; whether anything changed."""
    part = slice(int(table.bounds[k]), int(table.bounds[k + 1]))
    stamp = table.stamp[part]
    again = np.flatnonzero(stamp[1:] == stamp[:-1]) + 1
    if not len(again) or table.row is None:
        return False
    rows = table.row[part]
    edges = np.flatnonzero(np.concatenate(([True], stamp[1:] != stamp[:-1], [True])))
    changed = False
    for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if end - first > 1:
            changed |= _group(sheet, rows[first:end], on)
    return changed


def _group(sheet: Sheet, rows: Ints, on: frozenset[str]) -> bool:
    """Rows of one time, in the order of the file."""
    left, equal = [int(rows[0])], list[int]()
    for row in rows[1:].tolist():
        (equal if any(_same(sheet, row, other) for other in left) else left).append(row)
    changed = False
    if equal and "duplicates" in on:
        changed = sheet.drop_whole(np.array(equal), "duplicate", "equal to the row before it")
    if len(left) > 1 and "conflicts" in on:
        changed |= _settle(sheet, np.array(left))
    return changed


def _same(sheet: Sheet, row: int, other: int) -> bool:
    return all(_near(values[[row, other]], SAME) for values in sheet.base.columns.values())


def _near(values: Floats, slack: float) -> bool:
    """Whether numbers are one number within `slack`, relative; of none known, yes, of some, no."""
    known = values[~np.isnan(values)]
    if len(known) < len(values):
        return not len(known)
    return bool(known.max() - known.min() <= slack * np.abs(known).max())


def _settle(sheet: Sheet, rows: Ints) -> bool:
    """Rows that differ become one."""
    sound = rows[[_sound(sheet, row) for row in rows.tolist()]]
    if 0 < len(sound) < len(rows):
        lost = rows[~np.isin(rows, sound)]
        changed = sheet.drop_whole(lost, "conflict", "it contradicts itself, another row of its time does not")
        return _settle(sheet, sound) or changed if len(sound) > 1 else changed
    whole = _most(sheet, rows)
    if whole is not None:
        why = "another row of its time has the same open and close, and no less range and volume"
        return sheet.drop_whole(rows[rows != whole], "conflict", why)
    for word, values in sheet.base.columns.items():
        told = values[rows]
        known = told[~np.isnan(told)]
        if len(known) and np.isnan(told[0]) and _near(known, ROUNDED):
            sheet.put(rows[:1], word, known[0], "conflict", "the other row of its time knows it")
        elif len(known) and not _near(known, ROUNDED):
            sheet.mask(rows[:1], word, "conflict", "two rows of one time differ")
    sheet.drop_whole(rows[1:], "conflict", "two rows of one time are one now, without what they differ in")
    if np.isnan(sheet.base.columns["close"][rows[0]]):
        sheet.drop(rows[:1], "conflict", "two rows of one time differ in their close")
    return True


def _sound(sheet: Sheet, row: int) -> bool:
    """Whether a row has a close, and prices inside their range."""
    bar = {name: float(sheet.base.columns[name][row]) for name in ("open", "high", "low", "close") if sheet.has(name)}
    if not bar["close"] > 0.0 or any(value <= 0.0 for value in bar.values()):
        return False
    high, low = bar.get("high", np.nan), bar.get("low", np.nan)
    slack = ROUNDED * bar["close"]
    outside = any(bar[name] > high + slack or bar[name] < low - slack for name in ("open", "close") if name in bar)
    return not (outside or high < low - slack)


def _most(sheet: Sheet, rows: Ints) -> int | None:
    """The row with the widest range and the most volume, where the rows agree in all that a finished day fixes."""
    columns = sheet.base.columns
    if not all(_near(columns[word][rows], ROUNDED) for word in FIXED if word in columns):
        return None
    for row in rows.tolist():
        more = [columns[word][rows] <= columns[word][row] for word in ("high", "volume") if word in columns]
        less = [columns["low"][rows] >= columns["low"][row]] if "low" in columns else []
        if all(bool(one.all()) for one in (*more, *less)):
            return int(row)
    return None
