"""What bars may not be, and what they may be with a warning. Grids are (T, N); warnings are counted sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.actions import Actions, bar_after
from engine.errors import DataError
from engine.types import Bools, Floats

ROUNDING = 1e-6  # relative: vendors' adjusted prices are rounded, which is no defect
SAME_OPEN = 0.10  # share of opens equal to the previous close from which it is told
FEW = 20  # opens below which a share means nothing
JUMP = 3.0  # times the closes on either side, or a third of them
MISSING_OPEN = ("refuse", "previous_close", "close_fills")


@dataclass(slots=True)
class Grid:
    """Bars on slices by instruments, still writable, with the words to name a cell."""

    where: str
    symbols: tuple[str, ...]
    dates: np.ndarray  # (T,) session labels or times, to name a row
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def cell(self, bad: Bools) -> str:
        """The first bad cell in words, by instrument and then by time."""
        column = int(np.argmax(bad.any(axis=0)))
        row = int(np.argmax(bad[:, column]))
        return f"{self.where}: {self.symbols[column]} on {self.dates[row]}"

    def value(self, name: str, bad: Bools) -> float:
        """The number in the first bad cell."""
        column = int(np.argmax(bad.any(axis=0)))
        return float(getattr(self, name)[int(np.argmax(bad[:, column])), column])


def vet(grid: Grid, missing_open: str) -> list[str]:
    """Data warnings of the bars; DataError for what is refused. Zeros that `missing_open` allows become NaN here."""
    notes: list[str] = []
    _finite_and_positive(grid, missing_open, notes)
    exists = ~np.isnan(grid.close)
    _ranges(grid, exists, notes)
    _jumps(grid, notes)
    _same_opens(grid, notes)
    _missing(grid, exists, missing_open, notes)
    return notes


def _finite_and_positive(grid: Grid, missing_open: str, notes: list[str]) -> None:
    for name in ("close", "open", "high", "low", "volume"):
        values = getattr(grid, name)
        if np.isinf(values).any():
            raise DataError(f"{grid.cell(np.isinf(values))}: {name} is infinite; leave it empty where it is not known")
        low = np.nanmin(values, initial=np.inf)
        if low >= 0.0 and (low > 0.0 or name == "volume"):
            continue
        if low < 0.0:
            bad = values < 0.0
            raise DataError(
                f"{grid.cell(bad)}: {name} is {grid.value(name, bad):g} (in {int(bad.sum())} bars); expected above 0. "
                f"Correct or drop the bar"
            )
        bad = values == 0.0
        if name == "close":
            raise DataError(
                f"{grid.cell(bad)}: close is 0 (in {int(bad.sum())} bars); expected above 0. Drop bars without a close"
            )
        if missing_open == "refuse":
            raise DataError(
                f"{grid.cell(bad)}: {name} is 0 (in {int(bad.sum())} bars); expected above 0. If the vendor writes 0 "
                f"for unknown, say missing_open: previous_close or close_fills"
            )
        values[bad] = np.nan
        notes.append(f"{name} is 0 and read as missing in {int(bad.sum())} bars")


def _ranges(grid: Grid, exists: Bools, notes: list[str]) -> None:
    crossed = grid.high < grid.low
    if crossed.any():
        raise DataError(
            f"{grid.cell(crossed)}: high {grid.value('high', crossed):g} is below low {grid.value('low', crossed):g} "
            f"(in {int(crossed.sum())} bars); swap them, or leave both empty"
        )
    for name in ("open", "close"):
        values = getattr(grid, name)
        outside = (values > grid.high * (1.0 + ROUNDING)) | (values < grid.low * (1.0 - ROUNDING))
        if outside.any():
            notes.append(f"{name} lies outside low to high in {int(outside.sum())} bars, first {_short(grid, outside)}")
    unknown = exists & (np.isnan(grid.high) | np.isnan(grid.low))
    if unknown.any():
        count, bars = int(unknown.sum()), int(exists.sum())
        notes.append(f"high or low is missing in {count} of {bars} bars: those act on open and close only")


def _short(grid: Grid, bad: Bools) -> str:
    return grid.cell(bad)[len(grid.where) + 2 :]


def _jumps(grid: Grid, notes: list[str]) -> None:
    """Closes far above or far below both those before and after them: mostly a slip of the vendor, and it trades."""
    close = grid.close
    if len(close) < 3:
        return
    with np.errstate(invalid="ignore"):
        high, low = np.fmax(close[:-2], close[2:]), np.fmin(close[:-2], close[2:])
        beside = ~np.isnan(close[:-2]) & ~np.isnan(close[2:])
        odd = beside & ((close[1:-1] >= JUMP * high) | (close[1:-1] * JUMP <= low))
    if not odd.any():
        return
    bad = np.zeros(close.shape, np.bool_)
    bad[1:-1] = odd
    count = int(bad.sum())
    column = int(np.argmax(bad.any(axis=0)))
    row = int(np.argmax(bad[:, column]))
    three = ", ".join(f"{value:g}" for value in close[row - 1 : row + 2, column])
    said = "1 close jumps and comes back" if count == 1 else f"{count} closes jump and come back"
    notes.append(
        f"{said}, first {grid.symbols[column]} on {grid.dates[row]}: {three}; barcast data fix masks such closes"
    )


def _same_opens(grid: Grid, notes: list[str]) -> None:
    """Opens that only repeat the previous close: a vendor without opens, and overnight gaps that no test can see."""
    before, now = grid.close[:-1], grid.open[1:]
    same, both = (now == before).sum(axis=0), (~np.isnan(now) & ~np.isnan(before)).sum(axis=0)
    many = np.flatnonzero((both >= FEW) & (same > SAME_OPEN * both))
    if 0 < len(many) <= 3:
        notes.extend(f"{grid.symbols[i]}: {same[i]} of {both[i]} opens equal the previous close" for i in many)
    elif len(many):
        worst = many[np.argmax(same[many] / both[many])]
        notes.append(
            f"{len(many)} of {len(grid.symbols)} instruments: more than {SAME_OPEN:.0%} of opens equal the previous "
            f"close (worst {grid.symbols[worst]}: {same[worst]} of {both[worst]})"
        )


def _missing(grid: Grid, exists: Bools, missing_open: str, notes: list[str]) -> None:
    missing = exists & np.isnan(grid.open)
    count, bars = int(missing.sum()), int(exists.sum())
    if not count:
        return
    if missing_open == "refuse":
        raise DataError(
            f"{grid.cell(missing)}: no open (in {count} of {bars} bars); expected one in every bar. Say missing_open: "
            f"previous_close to use the close before, or close_fills to trade such bars at their close"
        )
    what = "the previous close stands in" if missing_open == "previous_close" else "such bars trade at their close"
    notes.append(f"open is missing in {count} of {bars} bars: {what}")


def fill_opens(open_: Floats, close: Floats, actions: Actions) -> None:
    """Write the instrument's previous close, per new share, into the opens of bars that have none.

    The first bar of an instrument has no close before it and stays without an open.
    """
    exists = ~np.isnan(close)
    missing = exists & np.isnan(open_)
    columns = np.flatnonzero(missing.any(axis=0))
    if not len(columns):
        return
    rows = np.arange(len(close))[:, None]
    last = np.maximum.accumulate(np.where(exists[:, columns], rows, -1), axis=0)
    before = np.vstack((np.full((1, len(columns)), -1), last[:-1]))
    past = np.where(before >= 0, np.take_along_axis(close[:, columns], np.maximum(before, 0), axis=0), np.nan)
    slot = np.full(close.shape[1], -1)
    slot[columns] = np.arange(len(columns))
    bar, _ = bar_after(actions, exists)
    for k in np.flatnonzero((actions.split != 1.0) & (bar >= 0) & (slot[actions.instrument] >= 0)):
        past[bar[k], slot[actions.instrument[k]]] /= actions.split[k]
    open_[:, columns] = np.where(missing[:, columns], past, open_[:, columns])
