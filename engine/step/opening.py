"""Paragraph 2: the open. Levels the open has passed, reductions, increases under one factor, levels again after entries."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.shapes import DUE, EXPLICIT_DUE, Desk
from engine.step.explicit import meet
from engine.step.growing import buying_power, increase, want
from engine.step.levels import beyond_stop, beyond_target, protection, stop_side, target_side
from engine.step.money import allowed, book, fee_of, leave, slipped, stand_again


@inner()
def protect_at_open(i: int, d: Desk) -> None:
    """Fill a protective level that the open has reached, at the open: stops with slippage, targets without."""
    price = d.bars.open[i]
    long = d.account.quantity[i] > 0.0
    stop, reason = stop_side(i, d)
    if beyond_stop(price, stop, long):
        leave(i, price, True, reason, d)
    elif beyond_target(price, target_side(i, d), long):
        leave(i, price, False, c.REASON_TARGET, d)


@inner()
def reduce(at_close: bool, d: Desk) -> int:
    """How many increases wait in scratch, after filling the reducing part of the ring's orders that meet this price.

    An order for an open that is not known waits for the close. An order that meets no bar lapses, except what was ordered
    by a level, a switch or maintenance: that stands again. Only ordinary orders follow `fill: close`; those meet the open.
    What is cut from a full exit stands again.
    """
    bars, rules, account, orders, scratch, codes = d.bars, d.rules, d.account, d.orders, d.scratch, d.codes
    row = d.t % orders.quantity.shape[0]
    growing = 0
    for place in range(scratch.counts[DUE]):
        i = scratch.due[place]
        wanted = orders.quantity[row, i]
        if math.isnan(wanted):
            continue
        if not scratch.has_bar[i]:
            orders.quantity[row, i] = np.nan
            codes[i] |= np.uint32(c.NO_BAR)
            reason = orders.reason[row, i]
            if reason != c.REASON_ORDER and reason != c.REASON_EXPLICIT and account.quantity[i] != 0.0:
                stand_again(i, wanted, reason, d)
            continue
        reason = orders.reason[row, i]
        ordinary = reason == c.REASON_ORDER or reason == c.REASON_EXPLICIT
        at_open = not ordinary or rules.fill_at_close == 0.0
        if not at_close and (not at_open or math.isnan(bars.open[i])):
            continue
        orders.quantity[row, i] = np.nan
        held = account.quantity[i]
        price = bars.close[i] if at_close else bars.open[i]
        if held * wanted < 0.0:
            size = min(abs(held), abs(wanted))
            filled = allowed(i, size, d)
            if filled > 0.0:
                quantity = filled if wanted > 0.0 else -filled
                paid = slipped(i, quantity, price, d)
                book(i, quantity, paid, price, fee_of(quantity, paid, d.specs.multiplier[i], rules), reason, d)
            if filled < size:
                codes[i] |= np.uint32(c.PARTICIPATION)
                if size == abs(held):
                    rest = size - filled
                    stand_again(i, rest if wanted > 0.0 else -rest, reason, d)
                continue
            wanted = wanted - size if wanted > 0.0 else wanted + size
        if wanted != 0.0 and not orders.reduce_only[row, i]:
            growing = want(i, wanted, price, True, -1, growing, d)
    return growing


@inner()
def opening(d: Desk) -> None:
    """The open, (a) to (d)."""
    bars, account, scratch = d.bars, d.account, d.scratch
    if d.rules.levels != 0.0:
        for i in range(bars.close.shape[0]):
            if account.quantity[i] != 0.0 and not math.isnan(bars.open[i]) and scratch.has_bar[i]:
                protect_at_open(i, d)
    growing = reduce(False, d)
    if scratch.counts[EXPLICIT_DUE] > 0:
        growing = meet(False, growing, d)
    if growing == 0:
        return
    increase(False, growing, buying_power(bars.open, d), d)
    if d.rules.levels != 0.0:
        for g in range(growing):
            i = scratch.grow_instrument[g]
            if scratch.grow_filled[g] and protection(i, d):
                protect_at_open(i, d)
