"""Paragraph 6 for explicit orders: written if the caps allow them, refused with their numbers if not, never rescaled."""

from __future__ import annotations

import numpy as np

from engine import codes as c
from engine.compiled import inner, njit
from engine.shapes import EQUITY, HALT, Desk, Plan, RefusalLog
from engine.step.levels import STOP, TARGET, TRAIL
from engine.step.looking import decided, distance, waiting_for
from engine.step.money import EPSILON, floor_lot
from engine.types import Bools

SLACK = 1e-12  # a cap refuses when it is exceeded by more than this


@inner(forceinline=False)
def worth(i: int, d: Desk) -> float:
    """Money per share of `i` now: its close, which is the mark where there is no bar."""
    return d.account.mark[i] * d.specs.multiplier[i]


@inner(forceinline=False)
def moved(before: float, quantity: float, only: bool) -> float:
    """By how much an order would change a position of `before`; reduce-only ones no further than to nothing."""
    if not only:
        return quantity
    if before * quantity >= 0.0:
        return 0.0
    return quantity if abs(quantity) <= abs(before) else -before


@inner(forceinline=False)
def count_waiting(d: Desk) -> None:
    """Write into scratch.after what every instrument would hold if all that waits were filled."""
    for i in range(d.scratch.after.shape[0]):
        d.scratch.after[i] = d.account.quantity[i] + waiting_for(i, d.orders)
        d.scratch.barred[i] = False
    for k in range(d.explicit.count[0]):
        if d.explicit.due[k] >= 0:
            i = d.explicit.instrument[k]
            d.scratch.after[i] += moved(d.scratch.after[i], d.explicit.quantity[k], d.explicit.reduce_only[k])


@inner(forceinline=False)
def sums_after(i: int, quantity: float, d: Desk) -> tuple[float, float, float]:
    """(longs, shorts, the sector of `i`) as multiples of equity, all positive, if `quantity` of `i` were added."""
    longs, shorts, sector = 0.0, 0.0, 0.0
    for j in range(d.scratch.after.shape[0]):
        held = d.scratch.after[j] + (quantity if j == i else 0.0)
        if held == 0.0:
            continue
        value = held * worth(j, d) / d.account.money[EQUITY]
        if value > 0.0:
            longs += value
        else:
            shorts -= value
        if d.specs.sector[j] == d.specs.sector[i] and d.specs.sector[i] >= 0:
            sector += abs(value)
    return longs, shorts, sector


@inner(forceinline=False)
def judge(i: int, quantity: float, only: bool, brake: int, member: Bools, d: Desk) -> tuple[int, float, float]:
    """(ORDERED or why not, what it would come to, the limit); the numbers are NaN where there are none.

    What cannot grow a position is never refused: reduce-only orders (`only`) and those that leave it no larger.
    """
    rules, before = d.rules, d.scratch.after[i]
    after = before + quantity
    if only or abs(after) <= abs(before) + EPSILON * max(1.0, abs(before)):
        return c.ORDERED, np.nan, np.nan
    if not d.scratch.has_bar[i]:
        return c.NO_BAR_NOW, np.nan, np.nan
    if not member[i]:
        return c.NOT_MEMBER, np.nan, np.nan
    if (brake & HALT) != 0:
        return c.HALTED, np.nan, np.nan
    value, unit = abs(quantity) * worth(i, d), worth(i, d) / d.account.money[EQUITY]
    if value > rules.max_order_value * (1.0 + SLACK):
        return c.OVER_ORDER_VALUE, value, rules.max_order_value
    weight = abs(after) * unit
    if weight > rules.max_weight + SLACK:
        return c.OVER_WEIGHT, weight, rules.max_weight
    longs, shorts, sector = sums_after(i, quantity, d)
    if sector > rules.max_sector + SLACK:
        return c.OVER_SECTOR, sector, rules.max_sector
    net = abs(longs - shorts)
    if net > rules.max_net + SLACK:
        return c.OVER_NET, net, rules.max_net
    if rules.min_cash > 0.0 and longs > 1.0 - rules.min_cash + SLACK:
        return c.OVER_CASH, longs, 1.0 - rules.min_cash
    if longs + shorts > rules.max_gross + SLACK:
        return c.OVER_GROSS, longs + shorts, rules.max_gross
    return c.ORDERED, np.nan, np.nan


@inner(forceinline=False)
def refuse(i: int, quantity: float, decision: int, value: float, limit: float, d: Desk, refused: RefusalLog) -> None:
    """Note an order that is not written."""
    k = refused.count[0]
    refused.t[k], refused.instrument[k], refused.quantity[k] = d.t, i, quantity
    refused.decision[k], refused.value[k], refused.limit[k] = decision, value, limit
    refused.count[0] = k + 1
    d.scratch.barred[i] = True
    decided(d.codes, i, decision)


@inner(forceinline=False)
def enter(p: int, i: int, quantity: float, halted: bool, plan: Plan, d: Desk) -> None:
    """Write order `p` of the plan among those that wait; while a switch halts it may shrink and no more."""
    explicit, rules = d.explicit, d.rules
    k = explicit.count[0]
    explicit.due[k], explicit.instrument[k] = d.t + 1 + int(rules.delay), i
    explicit.quantity[k], explicit.kind[k] = quantity, plan.kind[p]
    explicit.limit[k], explicit.stop[k] = plan.limit[p], plan.stop[p]
    explicit.reduce_only[k] = plan.reduce_only[p] or halted
    for which in range(3):
        explicit.bracket[which, k] = plan.bracket[which, p]
    explicit.money[STOP, k] = distance(rules.stop_atr, rules.stop_measure, i, d)
    explicit.money[TARGET, k] = distance(rules.target_atr, rules.target_measure, i, d)
    explicit.money[TRAIL, k] = distance(rules.trail_atr, rules.trail_measure, i, d)
    explicit.after[k] = -1
    explicit.count[0] = k + 1
    d.scratch.after[i] += moved(d.scratch.after[i], quantity, explicit.reduce_only[k])


@njit()
def admit(first: int, last: int, brake: int, member: Bools, plan: Plan, d: Desk, refused: RefusalLog) -> None:
    """Write orders `first` to `last` of the plan for slice t + 1 + delay, in the order given, or refuse them."""
    if first == last:
        return
    count_waiting(d)
    for p in range(first, last):
        i = plan.instrument[p]
        quantity = floor_lot(plan.quantity[p], d.specs.lot[i])
        if quantity == 0.0:
            d.codes[i] |= np.uint32(c.BELOW_LOT)
            continue
        decision, value, limit = judge(i, quantity, plan.reduce_only[p], brake, member, d)
        if decision != c.ORDERED:
            refuse(i, quantity, decision, value, limit, d, refused)
            continue
        if not d.scratch.barred[i]:
            decided(d.codes, i, c.ORDERED)
        enter(p, i, quantity, (brake & HALT) != 0, plan, d)
