"""Round trips from fills: flat to flat per instrument, with splits, dividends and excursions (engine.statistics.fold).

A flip closes one trade and opens the next. Quantity and prices of a trade are in the units of its entry: 10 bought at
500, split 4 for 1 and sold at 130 leave at 520; the fills tell what was traded. `split` is the ratio in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.record import Record
from engine.statistics import given
from engine.statistics.fold import FillColumns, Held, Legs, Tape, fold
from engine.types import Bools, Fills, Floats, Ints


@dataclass(frozen=True, slots=True)
class Trades:
    """Round trips as columns of one length, in the order of their entries; open ones are valued at the last mark."""

    instrument: Ints
    side: Ints  # 1 long, -1 short
    quantity: Floats  # the largest held, units at entry
    entry_row: Ints
    entry_price: Floats  # average of the increases, slippage included
    exit_row: Ints  # -1: open
    exit_price: Floats  # average of the reductions, and of the mark for what is still held
    bars_held: Ints  # bars that exist, the entry's and the exit's included, as a time stop counts them
    fees: Floats
    slippage: Floats  # money lost against the reference prices; it is already in the prices
    dividends: Floats  # received (+) or owed (-)
    pnl: Floats  # net: price P&L + dividends - fees
    returns: Floats  # pnl / money paid in (short: taken in) by all increases; NaN where that is nothing
    reason: Ints  # engine.codes.REASON_* of the last reduction, 0 while open
    mae: Floats  # worst price seen while held, as a fraction of the average entry at the time, 0 or less
    mfe: Floats  # the best, 0 or more
    split: Floats
    is_open: Bools

    def __len__(self) -> int:
        return len(self.instrument)


def fill_columns(fills: Fills) -> FillColumns:
    """`fills` by ascending row, contiguous; they are so already when a run made them."""
    columns: list[Any] = [getattr(fills, name) for name in FillColumns._fields]
    if len(fills) and (np.diff(fills.t) < 0).any():
        order = np.argsort(fills.t, kind="stable")
        columns = [column[order] for column in columns]
    return FillColumns(*(given(column) for column in columns))


def tape_of(record: Record) -> Tape:
    """What the fold reads of a record's panel."""
    panel = record.panel
    actions, universe = panel.actions, panel.universe
    parts = (panel.open, panel.high, panel.low, panel.close, actions.row, actions.instrument, actions.split)
    columns: tuple[Any, ...] = (*parts, actions.dividend, universe.lot, universe.multiplier)
    return Tape(*(given(column) for column in columns))


def round_trips(record: Record) -> Trades:
    """Every round trip of a run, the open ones valued at the run's last marks.

    The P&L of all of them plus what was accrued is the final equity less the capital.
    """
    tape, fills, n = tape_of(record), fill_columns(record.fills), len(record.panel.universe)
    capacity = len(fills.t)
    held = Held(
        np.full(n, -1, np.int64), np.zeros(n), np.full(n, np.nan), np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    )
    integers = {"instrument", "side", "entry_row", "exit_row", "bars", "reason"}
    # Untouched pages of an empty array cost nothing, so room for one trade per fill is free.
    room: list[Any] = [np.empty(capacity, np.int64 if name in integers else np.float64) for name in Legs._fields]
    count = fold(len(record.equity), fills, tape, held, Legs(*room))
    return dress(record, Legs(*(column[:count].copy() for column in room)), held)


def dress(record: Record, legs: Legs, held: Held) -> Trades:
    """Averages, P&L and returns from the sums that the fold left."""
    still = held.trade >= 0
    is_open = np.zeros(len(legs.instrument), np.bool_)
    is_open[held.trade[still]] = True
    multiplier = record.panel.universe.multiplier
    units, value = legs.exited.copy(), legs.exit_value.copy()
    who, trade = np.flatnonzero(still), held.trade[still]
    units[trade] += np.abs(record.quantity[who]) / legs.split[trade]
    value[trade] += np.abs(record.quantity[who]) * record.mark[who] * multiplier[who]
    unit = multiplier[legs.instrument]
    pnl = legs.side * (value - legs.entry_value) + legs.dividends - legs.fees
    paid_in = np.where(legs.entry_value > 0.0, legs.entry_value, np.nan)  # a slippage of 100 % sells for nothing
    return Trades(
        instrument=legs.instrument,
        side=legs.side,
        quantity=legs.largest,
        entry_row=legs.entry_row,
        entry_price=legs.entry_value / (legs.entered * unit),
        exit_row=np.where(is_open, -1, legs.exit_row),
        exit_price=value / (units * unit),
        bars_held=legs.bars,
        fees=legs.fees,
        slippage=legs.slippage,
        dividends=legs.dividends,
        pnl=pnl,
        returns=pnl / paid_in,
        reason=np.where(is_open, 0, legs.reason),
        mae=legs.mae,
        mfe=legs.mfe,
        split=legs.split,
        is_open=is_open,
    )
