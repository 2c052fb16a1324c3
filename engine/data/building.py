"""A panel's parts from grids: the one road on which bars are vetted, clocked and declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.data import calendars, vetting
from engine.data.actions import Dated, check_dividends, check_splits, convert, place
from engine.data.vetting import Grid
from engine.data.words import nearest
from engine.errors import DataError
from engine.types import Bools, Ints, Universe

UNITS = {
    "prices": ("as_traded", "split_adjusted", "total_return"),
    "dividends": ("as_traded", "split_adjusted", "none"),
}


@dataclass(frozen=True, slots=True)
class Declared:
    """What the data is said to be. Checked when made: total returns hold the dividends already."""

    where: str
    prices: str
    dividends: str
    calendar: str
    missing_open: str

    def __post_init__(self) -> None:
        for key, known in (*UNITS.items(), ("missing_open", vetting.MISSING_OPEN)):
            value = getattr(self, key)
            if value not in known:
                raise DataError(
                    f"{self.where}: {key}: expected {' | '.join(known)}; it was {value!r}{nearest(str(value), known)}"
                )
        if self.prices == "total_return" and self.dividends != "none":
            raise DataError(
                f"{self.where}: prices: total_return holds the dividends already, but dividends is {self.dividends}; "
                f"say dividends: none, or declare the prices split_adjusted"
            )


def finish(
    grid: Grid,
    times: Ints,
    session: np.ndarray,
    universe: Universe,
    dated: Dated,
    declared: Declared,
    *,
    member: Bools | None = None,
    notes: list[str] | None = None,
    verify: bool = True,
) -> dict[str, Any]:
    """The parts of a Panel, read-only, from fresh grids on rising `times`; the grid's arrays become the panel's."""
    exchange = calendars.sessions_of(declared.calendar, session[0], session[-1])
    notes = [*(notes or ()), *vetting.vet(grid, declared.missing_open)]
    exists = ~np.isnan(grid.close)
    _check_actions(grid.where, dated, grid.symbols)
    if declared.prices == "total_return":
        _no_dividends(grid, dated)
    if verify:
        notes += _check_splits(grid, dated, times, exists, declared)
    actions = place(convert(dated, declared.prices, declared.dividends), times, exists)
    notes += _unit_notes(dated, declared) + check_dividends(actions, grid.close, grid.symbols, grid.dates)
    if declared.missing_open == "previous_close":
        vetting.fill_opens(grid.open, grid.close, actions)
    clock = calendars.clock(times, session, declared.calendar, exchange)
    bars = {name: frozen(getattr(grid, name)) for name in ("open", "high", "low", "close", "volume")}
    return {
        "universe": universe,
        "times": frozen(times),
        "days": frozen(clock.days),
        "sessions": frozen(clock.session),
        "last_of_day": frozen(clock.last_of_day),
        "last_of_week": frozen(clock.last_of_week),
        "last_of_month": frozen(clock.last_of_month),
        **bars,
        "actions": actions,
        "bars_per_year": clock.bars_per_year,
        "bars_per_year_source": clock.source,
        "prices": declared.prices,
        "dividends": declared.dividends,
        "calendar": declared.calendar,
        "missing_open": declared.missing_open,
        "member": None if member is None else frozen(member),
        "warnings": tuple(notes),
        "name": grid.where,
    }


def frozen(array: np.ndarray) -> Any:
    """`array`, contiguous and read-only for good: its memory is lent as such, so that no flag can be turned back."""
    whole = np.ascontiguousarray(array)
    if not whole.size:
        whole.flags.writeable = False
        return whole
    lent = whole.reshape(-1).view(np.uint8).data.toreadonly()
    return np.frombuffer(lent, dtype=whole.dtype).reshape(whole.shape)


def _check_actions(where: str, dated: Dated, symbols: tuple[str, ...]) -> None:
    """DataError for ratios and amounts that cannot be."""
    for name, values, bad, expected in (
        (
            "split",
            dated.split,
            (dated.split <= 0.0) | np.isinf(dated.split),
            "new shares per old, above 0, 1 or empty where none",
        ),
        ("dividend", dated.dividend, (dated.dividend < 0.0) | np.isinf(dated.dividend), "cash per share, 0 or more"),
    ):
        if bad.any():
            k = int(np.argmax(bad))
            day = np.datetime64(int(dated.stamp[k]) - 1, "ns").astype("datetime64[D]")
            raise DataError(
                f"{where}: {symbols[dated.instrument[k]]} on {day}: {name} is {values[k]:g}; expected "
                f"{expected}. Correct it"
            )


def _no_dividends(grid: Grid, dated: Dated) -> None:
    paid = int((dated.dividend > 0.0).sum())
    if paid:
        raise DataError(
            f"{grid.where}: prices: total_return holds the dividends already, but {paid} dividends are given; "
            f"drop that column, or declare the prices split_adjusted"
        )


def _check_splits(grid: Grid, dated: Dated, times: Ints, exists: Bools, declared: Declared) -> list[str]:
    """Warnings about splits that show, or do not, where the declaration says otherwise."""
    given = (dated.split > 0.0) & (dated.split != 1.0)
    splits = Dated(dated.stamp[given], dated.instrument[given], dated.split[given], np.zeros(int(given.sum())))
    placed = place(splits, times, exists)
    return check_splits(grid.where, placed, grid.close, declared.prices, grid.symbols, grid.dates)


def _unit_notes(dated: Dated, declared: Declared) -> list[str]:
    """A warning when dividends would have to be restated and no split says by how much."""
    mixed = {declared.prices, declared.dividends} == {"as_traded", "split_adjusted"}
    ratios = (dated.split != 1.0) & ~np.isnan(dated.split)
    if mixed and (dated.dividend > 0.0).any() and not ratios.any():
        return [
            f"dividends are {declared.dividends} on {declared.prices} prices, and no split says how to restate them"
        ]
    return []
