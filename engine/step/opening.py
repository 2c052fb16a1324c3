"""Paragraph 2: the open. Levels the open has passed, reductions, increases under one factor, levels again after entries."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.signatures import CASH, Account, Bars, Log, Orders, Rules, Scratch, Specs
from engine.step.levels import beyond_stop, beyond_target, stop_side, target_side
from engine.step.money import allowed, book, fee_of, floor_lot, leave, slipped, stand_again
from engine.types import Codes, Floats

BISECTIONS = 40


@njit(forceinline=True)
def protect_at_open(
    t: int,
    i: int,
    bars: Bars,
    specs: Specs,
    rules: Rules,
    account: Account,
    orders: Orders,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> None:
    """Fill a protective level that the open has reached, at the open: stops with slippage, targets without."""
    price = bars.open[i]
    long = account.quantity[i] > 0.0
    stop, reason = stop_side(i, specs, rules, account)
    if beyond_stop(price, stop, long):
        leave(t, i, price, True, reason, bars, specs, rules, account, orders, log, scratch, codes)
    elif beyond_target(price, target_side(i, specs, rules, account), long):
        leave(t, i, price, False, c.REASON_TARGET, bars, specs, rules, account, orders, log, scratch, codes)


@njit(forceinline=True)
def has_levels(rules: Rules) -> bool:
    """Whether any position can have a protective level."""
    off = math.isnan(rules.stop_loss) and math.isnan(rules.take_profit)
    return not (off and math.isnan(rules.trailing_stop) and math.isnan(rules.break_even))


@njit(forceinline=True)
def protection(t: int, i: int, rules: Rules, account: Account, scratch: Scratch) -> bool:
    """Whether the levels of what is held of `i` are in force: a level acts once per slice."""
    if account.quantity[i] == 0.0 or scratch.acted[i]:
        return False
    return rules.entry_bar_protection != 0.0 or account.entry_t[i] != t


@njit(forceinline=True)
def reduce(
    t: int,
    at_close: bool,
    bars: Bars,
    specs: Specs,
    rules: Rules,
    account: Account,
    orders: Orders,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> tuple[int, int]:
    """(increases that wait in scratch, orders left for the close), after filling the reducing parts that meet this price.

    An order for an open that is not known waits for the close. An order that meets no bar lapses, except what was ordered
    by a level, a switch or maintenance: that stands again. Only ordinary orders follow `fill: close`; those meet the open.
    What is cut from a full exit stands again.
    """
    row = t % orders.quantity.shape[0]
    growing, left = 0, 0
    for i in range(bars.close.shape[0]):
        wanted = orders.quantity[row, i]
        if math.isnan(wanted):
            continue
        if not scratch.has_bar[i]:
            orders.quantity[row, i] = np.nan
            codes[i] |= np.uint32(c.NO_BAR)
            if orders.reason[row, i] != c.REASON_ORDER and account.quantity[i] != 0.0:
                stand_again(t, i, wanted, orders.reason[row, i], orders)
            continue
        reason = orders.reason[row, i]
        at_open = reason != c.REASON_ORDER or rules.fill_at_close == 0.0
        if not at_close and (not at_open or math.isnan(bars.open[i])):
            left += 1
            continue
        orders.quantity[row, i] = np.nan
        held = account.quantity[i]
        price = bars.close[i] if at_close else bars.open[i]
        if held * wanted < 0.0:
            size = min(abs(held), abs(wanted))
            filled = allowed(i, size, bars, rules, specs, scratch)
            if filled > 0.0:
                quantity = filled if wanted > 0.0 else -filled
                paid = slipped(i, quantity, price, bars, rules)
                fee = fee_of(quantity, paid, specs.multiplier[i], rules)
                book(t, i, quantity, paid, price, fee, reason, specs, account, log, scratch, codes)
            if filled < size:
                codes[i] |= np.uint32(c.PARTICIPATION)
                if size == abs(held):
                    rest = size - filled
                    stand_again(t, i, rest if wanted > 0.0 else -rest, reason, orders)
                continue
            wanted = wanted - size if wanted > 0.0 else wanted + size
        if wanted == 0.0 or orders.reduce_only[row, i]:
            continue
        size = allowed(i, abs(wanted), bars, rules, specs, scratch)
        if size < abs(wanted):
            codes[i] |= np.uint32(c.PARTICIPATION)
        if size > 0.0:
            scratch.increase[i] = size if wanted > 0.0 else -size
            scratch.growing[growing] = i
            growing += 1
    return growing, left


@njit(forceinline=True)
def buying_power(at_close: bool, bars: Bars, specs: Specs, rules: Rules, account: Account) -> float:
    """max_gross x equity - gross exposure, at this price where there is one, else at the last mark. May be negative."""
    equity = account.money[CASH]
    gross = 0.0
    for i in range(account.quantity.shape[0]):
        if account.quantity[i] != 0.0:
            price = bars.close[i] if at_close else bars.open[i]
            if math.isnan(price):
                price = account.mark[i]
            value = account.quantity[i] * price * specs.multiplier[i]
            equity += value
            gross += abs(value)
    return rules.max_gross * equity - gross


@njit(forceinline=True)
def cost_of(
    factor: float, growing: int, prices: Floats, bars: Bars, specs: Specs, rules: Rules, scratch: Scratch
) -> float:
    """Fill value plus fees of all increases scaled by `factor`, before their quantities are floored to lots."""
    total = 0.0
    for k in range(growing):
        i = scratch.growing[k]
        quantity = scratch.increase[i] * factor
        paid = slipped(i, quantity, prices[i], bars, rules)
        total += abs(quantity) * paid * specs.multiplier[i] + fee_of(quantity, paid, specs.multiplier[i], rules)
    return total


@njit(forceinline=True)
def common_factor(
    power: float, growing: int, prices: Floats, bars: Bars, specs: Specs, rules: Rules, scratch: Scratch
) -> float:
    """The one factor, 0 to 1, by which all increases must shrink to fit `power`; closed form when costs are linear."""
    cost = cost_of(1.0, growing, prices, bars, specs, rules, scratch)
    if cost <= power:
        return 1.0
    if power <= 0.0:
        return 0.0
    if rules.per_order == 0.0 and rules.min_fee == 0.0 and rules.impact == 0.0:
        return power / cost
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if cost_of(middle, growing, prices, bars, specs, rules, scratch) <= power:
            low = middle
        else:
            high = middle
    return low


@njit(forceinline=True)
def increase(
    t: int,
    at_close: bool,
    growing: int,
    bars: Bars,
    specs: Specs,
    rules: Rules,
    account: Account,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> None:
    """Fill the `growing` increases of scratch at the open or the close, all scaled by one factor if they do not fit buying power."""
    prices = bars.close if at_close else bars.open
    power = buying_power(at_close, bars, specs, rules, account)
    factor = common_factor(power, growing, prices, bars, specs, rules, scratch)
    for k in range(growing):
        i = scratch.growing[k]
        quantity = scratch.increase[i]
        if factor < 1.0:
            scaled = floor_lot(quantity * factor, specs.lot[i])
            if scaled == 0.0:
                codes[i] |= np.uint32(c.NO_POWER)
                continue
            if scaled != quantity:
                codes[i] |= np.uint32(c.SCALED)
            quantity = scaled
        paid = slipped(i, quantity, prices[i], bars, rules)
        fee = fee_of(quantity, paid, specs.multiplier[i], rules)
        scratch.late[i] = at_close and account.quantity[i] == 0.0
        scratch.grown[i] = not at_close
        book(t, i, quantity, paid, prices[i], fee, c.REASON_ORDER, specs, account, log, scratch, codes)


@njit(forceinline=True)
def opening(
    t: int,
    bars: Bars,
    specs: Specs,
    rules: Rules,
    account: Account,
    orders: Orders,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> int:
    """How many orders wait for the close, after the open, (a) to (d)."""
    n, levels = bars.close.shape[0], has_levels(rules)
    for i in range(n):
        scratch.grown[i] = False
        scratch.late[i] = False
        if levels and account.quantity[i] != 0.0 and scratch.has_bar[i] and not math.isnan(bars.open[i]):
            protect_at_open(t, i, bars, specs, rules, account, orders, log, scratch, codes)
    growing, left = reduce(t, False, bars, specs, rules, account, orders, log, scratch, codes)
    if growing == 0:
        return left
    increase(t, False, growing, bars, specs, rules, account, log, scratch, codes)
    for k in range(growing):
        i = scratch.growing[k]
        if scratch.grown[i] and protection(t, i, rules, account, scratch):
            protect_at_open(t, i, bars, specs, rules, account, orders, log, scratch, codes)
    return left
