"""Increases: what opens or grows positions. All of one moment share one factor if they do not fit buying power."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.shapes import CASH, KIND_LIMIT, KIND_STOP, KIND_STOP_LIMIT, Desk
from engine.step.levels import arm
from engine.step.money import allowed, book, fee_of, floor_lot, slipped
from engine.types import Floats

BISECTIONS = 40
BY_LIMIT, BY_STOP = 1, 2


@inner()
def want(i: int, quantity: float, price: float, slips: bool, k: int, growing: int, d: Desk) -> int:
    """`growing`, one more if volume allows any of an increase of signed `quantity` at `price`; `k` is its explicit order.

    An explicit order takes its volume now, since another of the same instrument may want some in the same moment.
    """
    scratch = d.scratch
    size = allowed(i, abs(quantity), d)
    if size < abs(quantity):
        d.codes[i] |= np.uint32(c.PARTICIPATION)
    if size <= 0.0:
        return growing
    scratch.grow_instrument[growing] = i
    scratch.grow_quantity[growing] = size if quantity > 0.0 else -size
    scratch.grow_price[growing] = price
    scratch.grow_slips[growing] = slips
    scratch.grow_order[growing] = k
    if k >= 0:
        scratch.used[i] += size
    return growing + 1


@inner()
def buying_power(prices: Floats, d: Desk) -> float:
    """max_gross x equity - gross exposure, at these prices where there are any, else at the last mark. May be negative."""
    account = d.account
    equity = account.money[CASH]
    gross = 0.0
    for i in range(account.quantity.shape[0]):
        if account.quantity[i] != 0.0:
            price = prices[i]
            if math.isnan(price):
                price = account.mark[i]
            value = account.quantity[i] * price * d.specs.multiplier[i]
            equity += value
            gross += abs(value)
    return d.rules.max_gross * equity - gross


@inner()
def price_of(g: int, quantity: float, d: Desk) -> float:
    """What increase `g` pays for signed `quantity`: a stop-limit no more than its limit, limits no slippage."""
    scratch = d.scratch
    i, price, k = scratch.grow_instrument[g], scratch.grow_price[g], scratch.grow_order[g]
    if not scratch.grow_slips[g]:
        return price
    paid = slipped(i, quantity, price, d)
    if k >= 0 and d.explicit.kind[k] == KIND_STOP_LIMIT:
        paid = min(paid, d.explicit.limit[k]) if quantity > 0.0 else max(paid, d.explicit.limit[k])
    return paid


@inner(forceinline=False)
def cost_of(factor: float, growing: int, d: Desk) -> float:
    """Fill value plus fees of all increases scaled by `factor`, before their quantities are floored to lots."""
    specs, rules, scratch = d.specs, d.rules, d.scratch
    total = 0.0
    for g in range(growing):
        i = scratch.grow_instrument[g]
        quantity = scratch.grow_quantity[g] * factor
        paid = price_of(g, quantity, d)
        total += abs(quantity) * paid * specs.multiplier[i] + fee_of(quantity, paid, specs.multiplier[i], rules)
    return total


@inner(forceinline=False)
def common_factor(power: float, growing: int, d: Desk) -> float:
    """The one factor, 0 to 1, by which all increases must shrink to fit `power`; closed form when costs are linear."""
    rules = d.rules
    cost = cost_of(1.0, growing, d)
    if cost <= power:
        return 1.0
    if power <= 0.0:
        return 0.0
    if rules.per_order == 0.0 and rules.min_fee == 0.0 and rules.impact == 0.0:
        return power / cost
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if cost_of(middle, growing, d) <= power:
            low = middle
        else:
            high = middle
    return low


@inner(forceinline=False)
def how_it_grew(k: int, d: Desk) -> int:
    """By a limit or by a stop; a stop-limit counts as a limit."""
    if d.explicit.kind[k] == KIND_LIMIT or d.explicit.kind[k] == KIND_STOP_LIMIT:
        return BY_LIMIT
    return BY_STOP if d.explicit.kind[k] == KIND_STOP else 0


@inner()
def grow(g: int, quantity: float, late: bool, d: Desk) -> None:
    """Fill signed `quantity` of increase `g`, which does not flip a position."""
    scratch, account = d.scratch, d.account
    i, k = scratch.grow_instrument[g], scratch.grow_order[g]
    paid = price_of(g, quantity, d)
    fee = fee_of(quantity, paid, d.specs.multiplier[i], d.rules)
    held = account.quantity[i]
    book(i, quantity, paid, scratch.grow_price[g], fee, c.REASON_ORDER if k < 0 else c.REASON_EXPLICIT, d)
    if held == 0.0:
        scratch.late[i] = late
    if d.rules.levels != 0.0 and held * quantity >= 0.0:
        arm(i, k, d.t % d.orders.quantity.shape[0], held == 0.0, d)


@inner()
def increase(late: bool, growing: int, power: float, d: Desk) -> None:
    """Fill the first `growing` increases of scratch, all scaled by one factor if they cost more than `power`.

    `late`: inside the bar or at its close, so that a position opened now has not lived through the whole of it.
    """
    specs, scratch, account, codes = d.specs, d.scratch, d.account, d.codes
    factor = common_factor(power, growing, d)
    for g in range(growing):
        i, k, quantity = scratch.grow_instrument[g], scratch.grow_order[g], scratch.grow_quantity[g]
        scratch.grow_filled[g] = False
        if k >= 0:
            scratch.used[i] -= abs(quantity)
        if factor < 1.0:
            scaled = floor_lot(quantity * factor, specs.lot[i])
            if scaled == 0.0:
                codes[i] |= np.uint32(c.NO_POWER)
                continue
            if scaled != quantity:
                codes[i] |= np.uint32(c.SCALED)
            quantity = scaled
        held = account.quantity[i]
        if held * quantity < 0.0 and abs(quantity) > abs(held):  # an opposite increase of this very moment opened it
            grow(g, -held, late, d)
            quantity += held
        grow(g, quantity, late, d)
        scratch.grow_filled[g] = True
        if k >= 0 and late:
            scratch.how[i] |= how_it_grew(k, d)
