"""Paragraph 6: from targets to the orders of the next slice. The rule and the caps have spoken; this writes."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.signatures import (
    EQUITY,
    FLATTEN_ALL,
    HALT,
    LIQUIDATE,
    REDUCE_SHIFT,
    REDUCE_UNIT,
    Account,
    Bars,
    Orders,
    Rules,
    Scratch,
    Specs,
)
from engine.step.money import dust, floor_lot
from engine.types import Codes, Floats


@njit(forceinline=True)
def wants_out(brake: int, account: Account) -> bool:
    """Whether everything must be closed at the next open: a switch's flatten, or maintenance."""
    return (brake & FLATTEN_ALL) != 0 or account.money[LIQUIDATE] != 0.0


@njit(forceinline=True)
def brake_targets(brake: int, target: Floats, codes: Codes) -> None:
    """Scale the targets by a switch's `reduce` factor; first of all sizing."""
    factor = (brake >> REDUCE_SHIFT) / REDUCE_UNIT
    if factor == 0.0:
        return
    for i in range(target.shape[0]):
        if not math.isnan(target[i]) and target[i] != 0.0:
            target[i] *= factor
            codes[i] |= np.uint32(c.REDUCED)


@njit(forceinline=True)
def flatten(t: int, brake: int, account: Account, orders: Orders, codes: Codes) -> None:
    """Replace every waiting order by one that closes what is held at the next open."""
    row = (t + 1) % orders.quantity.shape[0]
    reason = c.REASON_MAINTENANCE if account.money[LIQUIDATE] != 0.0 else c.REASON_FLATTEN
    orders.quantity[:] = np.nan
    for i in range(codes.shape[0]):
        codes[i] |= np.uint32(c.FLATTEN)
        if account.quantity[i] != 0.0:
            orders.quantity[row, i] = -account.quantity[i]
            orders.reason[row, i] = reason
            orders.reduce_only[row, i] = True


@njit(forceinline=True)
def waiting_for(i: int, orders: Orders) -> float:
    """Signed quantity of `i` already ordered and not yet met."""
    total = 0.0
    for row in range(orders.quantity.shape[0]):
        if not math.isnan(orders.quantity[row, i]):
            total += orders.quantity[row, i]
    return total


@njit(forceinline=True)
def stop_growth(orders: Orders) -> None:
    """While a switch halts, what waits may shrink positions and no more."""
    orders.reduce_only[:] = True


@njit(forceinline=True)
def decided(codes: Codes, i: int, decision: int) -> None:
    """Replace the decision of `i`, keeping its fate and notes."""
    codes[i] = np.uint32((codes[i] & ~np.uint32(c.DECISION_MASK)) | np.uint32(decision))


@njit(forceinline=True)
def write_orders(
    t: int,
    brake: int,
    bars: Bars,
    specs: Specs,
    rules: Rules,
    account: Account,
    orders: Orders,
    scratch: Scratch,
    codes: Codes,
) -> None:
    """Turn scratch.target into orders for slice t + 1 + delay: wanted quantity less what is held and already ordered.

    Counting what waits is what keeps a delayed run from ordering the same shares again every slice.
    """
    equity = account.money[EQUITY]
    if (brake & HALT) != 0:
        stop_growth(orders)
    rows = orders.quantity.shape[0]
    row, banded = (t + rows - 1) % rows, rules.no_trade_band > 0.0
    for i in range(bars.close.shape[0]):
        weight = scratch.target[i]
        if math.isnan(weight) or not scratch.has_bar[i]:
            continue
        have = account.quantity[i] + waiting_for(i, orders)
        if weight == 0.0 and have == 0.0:
            continue
        unit = bars.close[i] * specs.multiplier[i]
        wanted = floor_lot(weight * equity / unit, specs.lot[i])
        order = wanted - have
        small = dust(max(abs(wanted), abs(have)), specs.lot[i])
        if weight != 0.0 and banded and abs(weight - have * unit / equity) < rules.no_trade_band:
            codes[i] |= np.uint32(c.BAND)
            continue
        if abs(order) <= small:
            if abs(weight * equity / unit - have) > small:
                codes[i] |= np.uint32(c.BELOW_LOT)
            continue
        if (brake & HALT) != 0:
            if order * have >= 0.0:
                decided(codes, i, c.HALTED)
                continue
            if abs(order) > abs(have):
                order = -have
                decided(codes, i, c.HALTED)
        shrinks = have * order < 0.0 and abs(order) <= abs(have)
        if not math.isnan(orders.quantity[row, i]):  # the rest of an exit stands there: the decision replaces it
            order += orders.quantity[row, i]
            have = account.quantity[i]
            shrinks = have * order < 0.0 and abs(order) <= abs(have)
        orders.quantity[row, i] = order if abs(order) > small else np.nan
        orders.reason[row, i] = c.REASON_ORDER
        orders.reduce_only[row, i] = shrinks


@njit(forceinline=True)
def begin_look(t: int, warmup: int, scratch: Scratch, member: np.ndarray) -> None:
    """Set targets to NaN and say what is tradable."""
    for i in range(scratch.target.shape[0]):
        scratch.target[i] = np.nan
        scratch.tradable[i] = scratch.has_bar[i] and member[i]


@njit(forceinline=True)
def name_warmup(codes: Codes) -> None:
    """Before the signals' windows are full, 'no forecast' is called warming up."""
    for i in range(codes.shape[0]):
        if codes[i] & np.uint32(c.DECISION_MASK) == np.uint32(c.NO_FORECAST):
            decided(codes, i, c.WARMING_UP)
