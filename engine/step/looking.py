"""Paragraph 6: from targets to the orders of the next slice. The rule and the caps have spoken; this writes."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner, njit
from engine.shapes import (
    EQUITY,
    FLATTEN_ALL,
    HALT,
    LIQUIDATE,
    REDUCE_SHIFT,
    REDUCE_UNIT,
    STOOD,
    Account,
    Desk,
    Explicit,
    Orders,
    Rules,
    Scratch,
)
from engine.step.levels import STOP, TARGET, TRAIL
from engine.step.money import dust, floor_lot
from engine.types import Codes


@njit(forceinline=True)
def wants_out(brake: int, account: Account) -> bool:
    """Whether everything must be closed at the next open: a switch's flatten, or maintenance."""
    return (brake & FLATTEN_ALL) != 0 or account.money[LIQUIDATE] != 0.0


@njit(forceinline=True)
def factor_of(brake: int) -> float:
    """What the switches' `reduce` leaves of every target; 1 without."""
    factor = (brake >> REDUCE_SHIFT) / REDUCE_UNIT
    return 1.0 if factor == 0.0 else factor


@inner()
def decided(codes: Codes, i: int, decision: int) -> None:
    """Replace the decision of `i`, keeping its fate and notes."""
    codes[i] = np.uint32((codes[i] & ~np.uint32(c.DECISION_MASK)) | np.uint32(decision))


@njit()
def flatten(t: int, brake: int, account: Account, orders: Orders, explicit: Explicit, codes: Codes) -> None:
    """Replace every waiting order by one that closes what is held at the next open."""
    row = (t + 1) % orders.quantity.shape[0]
    reason = c.REASON_MAINTENANCE if account.money[LIQUIDATE] != 0.0 else c.REASON_FLATTEN
    for k in range(orders.quantity.shape[0]):
        for i in range(codes.shape[0]):
            orders.quantity[k, i] = np.nan
    explicit.count[0] = 0
    for i in range(codes.shape[0]):
        decided(codes, i, c.FLATTEN)
        if account.quantity[i] != 0.0:
            orders.quantity[row, i] = -account.quantity[i]
            orders.reason[row, i] = reason
            orders.reduce_only[row, i] = True


@inner()
def waiting_for(i: int, orders: Orders) -> float:
    """Signed quantity of `i` already ordered by targets or standing again, and not yet met."""
    total = 0.0
    for row in range(orders.quantity.shape[0]):
        if not math.isnan(orders.quantity[row, i]):
            total += orders.quantity[row, i]
    return total


@inner(forceinline=False)
def stop_growth(orders: Orders, explicit: Explicit) -> None:
    """While a switch halts, what waits may shrink positions and no more."""
    for row in range(orders.quantity.shape[0]):
        for i in range(orders.quantity.shape[1]):
            orders.reduce_only[row, i] = True
    for k in range(explicit.count[0]):
        explicit.reduce_only[k] = True


@inner()
def distance(multiple: float, measure: float, i: int, d: Desk) -> float:
    """Money between a position and its level, of `multiple` ATRs now; NaN where the file gives none in ATR.

    Of a name without a bar now it is the ATR of its last one, at the mark.
    """
    if math.isnan(multiple):
        return np.nan
    return multiple * d.measures[int(measure), i] * d.account.mark[i]


@inner()
def freeze(i: int, row: int, d: Desk) -> None:
    """Keep with an order the distances in ATR of the moment it was decided."""
    rules, money = d.rules, d.orders.money
    money[STOP, row, i] = distance(rules.stop_atr, rules.stop_measure, i, d)
    money[TARGET, row, i] = distance(rules.target_atr, rules.target_measure, i, d)
    money[TRAIL, row, i] = distance(rules.trail_atr, rules.trail_measure, i, d)


@inner()
def has_atr(rules: Rules) -> bool:
    """Whether any exit is in ATR."""
    return not (math.isnan(rules.stop_atr) and math.isnan(rules.target_atr) and math.isnan(rules.trail_atr))


@inner()
def too_large(order: float, have: float, unit: float, rules: Rules) -> bool:
    """Whether an order that grows the position is worth more than max_order_value; NaN: never."""
    return abs(have + order) > abs(have) and abs(order) * unit > rules.max_order_value * (1.0 + 1e-12)


@njit(forceinline=True)
def write_orders(brake: int, d: Desk) -> None:
    """Turn scratch.target into orders for slice t + 1 + delay: wanted quantity less what is held and already ordered.

    Counting what waits is what keeps a delayed run from ordering the same shares again every slice.
    """
    bars, specs, rules, account, orders, codes = d.bars, d.specs, d.rules, d.account, d.orders, d.codes
    equity = account.money[EQUITY]
    if (brake & HALT) != 0:
        stop_growth(orders, d.explicit)
    rows = orders.quantity.shape[0]
    row, keep = (d.t + rows - 1) % rows, has_atr(rules)
    waiting = rules.delay > 0.0 or d.scratch.counts[STOOD] > 0
    for i in range(bars.close.shape[0]):
        weight = d.scratch.target[i]
        if math.isnan(weight) or not d.scratch.has_bar[i]:
            continue
        have = account.quantity[i]
        if waiting:
            have = account.quantity[i] + waiting_for(i, orders)
        if weight == 0.0 and have == 0.0:
            continue
        unit = bars.close[i] * specs.multiplier[i]
        wish = weight * equity / unit
        wanted = floor_lot(wish, specs.lot[i])
        order = wanted - have
        small = dust(max(abs(wanted), abs(have)), specs.lot[i])
        if weight != 0.0 and abs(weight - have * unit / equity) < rules.no_trade_band:
            codes[i] |= np.uint32(c.BAND)
            continue
        if abs(order) <= small:
            if abs(wish - have) > small:
                codes[i] |= np.uint32(c.BELOW_LOT)
            continue
        if (brake & HALT) != 0:
            if order * have >= 0.0:
                decided(codes, i, c.HALTED)
                continue
            if abs(order) > abs(have):
                order = -have
                decided(codes, i, c.HALTED)
        if too_large(order, have, unit, rules):
            decided(codes, i, c.OVER_ORDER_VALUE)
            continue
        shrinks = have * order < 0.0 and abs(order) <= abs(have)
        if waiting and not math.isnan(orders.quantity[row, i]):  # the rest of an exit stands there: this replaces it
            order += orders.quantity[row, i]
            have = account.quantity[i]
            shrinks = have * order < 0.0 and abs(order) <= abs(have)
        orders.quantity[row, i] = order if abs(order) > small else np.nan
        orders.reason[row, i] = c.REASON_ORDER
        orders.reduce_only[row, i] = shrinks
        if keep:
            freeze(i, row, d)


@njit(forceinline=True)
def begin_look(scratch: Scratch, member: np.ndarray, asked: bool) -> None:
    """Set targets to NaN and say what is tradable: nothing where the rule only listens."""
    for i in range(scratch.target.shape[0]):
        scratch.target[i] = np.nan
        scratch.tradable[i] = asked and scratch.has_bar[i] and member[i]


@njit()
def name_warmup(codes: Codes) -> None:
    """Before the signals' windows are full, 'no forecast' is called warming up."""
    for i in range(codes.shape[0]):
        if codes[i] & np.uint32(c.DECISION_MASK) == np.uint32(c.NO_FORECAST):
            decided(codes, i, c.WARMING_UP)
