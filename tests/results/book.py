"""A small account in plain Python: plays literal fills on a panel and leaves the Record that a run would leave."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.panel import Panel
from engine.record import Record
from engine.types import Fills, Universe

NAN = float("nan")
DAY = np.datetime64("2024-01-01")


def grid(values) -> np.ndarray:
    """(T, N) from a list per slice, or (T, 1) from plain numbers."""
    array = np.array(values, dtype=np.float64)
    return array.reshape(len(array), -1)


def market(close, open=None, high=None, low=None, splits=None, dividends=None, lot=1.0, multiplier=None) -> Panel:
    """Daily bars from 2024-01-01 for symbols A, B, ...; open, high and low are the close where they are not given."""
    close = grid(close)
    names = [chr(65 + i) for i in range(close.shape[1])]
    bars = [close if part is None else grid(part) for part in (open, high, low)]
    universe = Universe.of(tuple(names), lot)
    if multiplier is not None:
        universe.multiplier[:] = multiplier
    return Panel.from_arrays(
        names,
        DAY + np.arange(len(close)),
        *bars,
        close,
        np.full(close.shape, 1e6),
        None if splits is None else grid(splits),
        None if dividends is None else grid(dividends),
        universe=universe,
        verify=False,
    )


def fill(t, quantity, price, reference=None, fee=0.0, reason=c.REASON_ORDER, i=0):
    return (t, i, float(quantity), float(price), float(price if reference is None else reference), float(fee), reason)


def play(panel: Panel, orders, capital=1000.0, accrued=None, codes=None, ended="complete", rows=None) -> Record:
    """The Record of an account that has exactly these fills, beside what splits cash."""
    n, unit, lot = len(panel.universe), panel.universe.multiplier, panel.universe.lot
    rows = len(panel) if rows is None else rows
    accrued = np.zeros(rows) if accrued is None else np.array(accrued, dtype=np.float64)
    held, mark, cash, fills, curve = np.zeros(n), np.full(n, NAN), capital, [], []
    entry, entry_t = np.full(n, NAN), np.full(n, -1)
    for t in range(rows):
        for k in range(panel.actions.first[t], panel.actions.first[t + 1]):
            i, ratio = panel.actions.instrument[k], panel.actions.split[k]
            held[i], mark[i], entry[i] = held[i] * ratio, mark[i] / ratio, entry[i] / ratio
            whole = math.copysign(math.floor(abs(held[i]) / lot[i] + 1e-9) * lot[i], held[i]) if lot[i] else held[i]
            if ratio != 1.0 and abs(held[i] - whole) > 1e-9 * lot[i]:
                price = mark[i] if np.isnan(panel.open[t, i]) else panel.open[t, i]
                fills.append(fill(t, whole - held[i], price, reason=c.REASON_SPLIT_CASH, i=i))
                cash += (held[i] - whole) * price * unit[i]
            held[i] = whole if ratio != 1.0 else held[i]
            cash += held[i] * panel.actions.dividend[k] * unit[i]
        for order in [order for order in orders if order[0] == t]:
            _, i, quantity, price, _, fee, _ = order
            cash -= quantity * price * unit[i] + fee
            after = held[i] + quantity
            after = 0.0 if abs(after) <= (1e-9 * lot[i] if lot[i] else 1e-12 * abs(held[i])) else after  # rounding
            if held[i] * after <= 0.0:
                entry[i], entry_t[i] = (price, t) if after != 0.0 else (NAN, -1)
            elif abs(after) > abs(held[i]):
                entry[i] = (entry[i] * held[i] + price * quantity) / after
            held[i] = after
            fills.append(order)
        mark = np.where(np.isnan(panel.close[t]), mark, panel.close[t])
        cash += accrued[t]
        worth = np.where(held != 0.0, held * np.nan_to_num(mark) * unit, 0.0)
        longs, shorts = worth[worth > 0.0].sum(), worth[worth < 0.0].sum()
        curve.append((cash + worth.sum(), cash, longs, shorts, (held != 0.0).sum()))
    columns = list(zip(*fills, strict=True)) or [()] * 7
    kinds = (np.int64, np.int64, float, float, float, float, np.int64)
    equity, money, longs, shorts, count = (np.array(column, dtype=np.float64) for column in zip(*curve, strict=True))
    return Record(
        panel=panel,
        capital=capital,
        equity=equity,
        cash=money,
        long_value=longs,
        short_value=shorts,
        positions=count.astype(np.int64),
        accrued=accrued,
        fills=Fills(*(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True))),
        codes=np.zeros((rows, n), np.uint32) if codes is None else np.array(codes, dtype=np.uint32).reshape(rows, n),
        ended=ended,
        quantity=held,
        entry=np.where(held != 0.0, entry, NAN),
        mark=mark,
        entry_t=np.where(held != 0.0, entry_t, -1).astype(np.int64),
        margin=NAN,
    )
