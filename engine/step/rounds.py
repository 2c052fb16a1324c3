"""Paragraph 3 where explicit orders wait: exits, then increases under one factor, then the levels of what was increased."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.shapes import KIND_LIMIT, OPTIMISTIC, PESSIMISTIC, Desk
from engine.step.explicit import lessen, price_inside, rebounds, slips_inside, touched
from engine.step.growing import BY_LIMIT, BY_STOP, increase, want
from engine.step.inside import act_on, stop_first
from engine.step.levels import TOUCH, beyond_stop, beyond_target, protection, stop_side, target_side

ADVERSE, FAVOURABLE = 0, 1


@inner(forceinline=False)
def range_of(i: int, d: Desk) -> tuple[float, float, bool]:
    """(low, high, blind): the bar's range; without a known high and low the close alone, and blind."""
    low, high = d.bars.low[i], d.bars.high[i]
    if math.isnan(low) or math.isnan(high):
        return d.bars.close[i], d.bars.close[i], True
    return low, high, False


@inner(forceinline=False)
def begun(i: int, d: Desk) -> float:
    """Where the bar began: its open, or the last mark where that is not known."""
    return d.account.mark[i] if math.isnan(d.bars.open[i]) else d.bars.open[i]


@inner(forceinline=False)
def side_of(k: int, d: Desk) -> int:
    """On which side of a position a reducing order lies: stops are adverse, limits favourable."""
    return FAVOURABLE if d.explicit.kind[k] == KIND_LIMIT else ADVERSE


@inner(forceinline=False)
def lies_at(k: int, d: Desk) -> float:
    """The price at which order `k` is first met: its trigger, or the limit of a limit order."""
    return d.explicit.limit[k] if d.explicit.kind[k] == KIND_LIMIT else d.explicit.stop[k]


@inner(forceinline=False)
def reduces(k: int, i: int, low: float, high: float, d: Desk) -> bool:
    """Whether order `k` waits, is touched, and would shrink what is held now."""
    explicit = d.explicit
    if explicit.due[k] != d.t or d.account.quantity[i] * explicit.quantity[k] >= 0.0:
        return False
    return touched(k, low, high, d.bars.close[i], d)


@inner(forceinline=False)
def nearer(price: float, level: float, start: float) -> bool:
    """Whether `price` lies nearer to `start` than `level` does, by more than a bit of rounding."""
    return abs(price - start) < abs(level - start) - TOUCH * abs(level)


@inner(forceinline=False)
def comes_before(i: int, stop: float, low: float, high: float, d: Desk) -> bool:
    """Whether an increasing limit order of `i` lies between the open and its stop level, both touched."""
    long, start, k = d.account.quantity[i] > 0.0, begun(i, d), d.scratch.first[i]
    while k >= 0:
        grows = d.account.quantity[i] * d.explicit.quantity[k] > 0.0 and not d.explicit.reduce_only[k]
        waits = grows and d.explicit.due[k] == d.t and d.explicit.kind[k] == KIND_LIMIT
        if waits and touched(k, low, high, d.bars.close[i], d):
            level = d.explicit.limit[k]
            if (level > stop if long else level < stop) and nearer(level, stop, start):
                return True
        k = d.explicit.after[k]
    return False


@inner(forceinline=False)
def any_order(i: int, side: int, low: float, high: float, d: Desk) -> bool:
    """Whether a reducing order on this side of the position is touched."""
    k = d.scratch.first[i]
    while k >= 0:
        if side_of(k, d) == side and reduces(k, i, low, high, d):
            return True
        k = d.explicit.after[k]
    return False


@inner(forceinline=False)
def nearest_order(i: int, side: int, low: float, high: float, d: Desk) -> int:
    """The touched reducing order on this side that lies nearest to the open, the first given of equals; -1: none.

    One that must come back from its trigger to its limit acts after all others.
    """
    best, last, near, start = -1, True, np.inf, begun(i, d)
    k = d.scratch.first[i]
    while k >= 0:
        if side_of(k, d) == side and reduces(k, i, low, high, d):
            late, distance = rebounds(k, d), abs(lies_at(k, d) - start)
            if best < 0 or (last and not late) or (late == last and distance < near):
                best, last, near = k, late, distance
        k = d.explicit.after[k]
    return best


@inner(forceinline=False)
def exits_on(i: int, side: int, level: float, reason: int, low: float, high: float, d: Desk) -> None:
    """Fill the exits on one side, nearest to the open first, the level (NaN: not touched) before its equals.

    What of an order goes beyond the position stays in it, for round two.
    """
    explicit, start = d.explicit, begun(i, d)
    while d.account.quantity[i] != 0.0 and not d.scratch.acted[i]:
        k = nearest_order(i, side, low, high, d)
        if not math.isnan(level) and (k < 0 or rebounds(k, d) or not nearer(lies_at(k, d), level, start)):
            act_on(i, side == ADVERSE, level, reason, level, low, high, d)
            break
        if k < 0:
            break
        lessen(k, price_inside(k, low, high, d), slips_inside(k, d), d)
        if explicit.quantity[k] == 0.0:
            explicit.due[k] = -1


@inner(forceinline=False)
def exits(i: int, d: Desk) -> None:
    """Round one of `i`: its levels and reducing orders."""
    low, high, blind = range_of(i, d)
    long = d.account.quantity[i] > 0.0
    stop, target, reason = np.nan, np.nan, 0
    if protection(i, d):
        stop, reason = stop_side(i, d)
        target = target_side(i, d)
    worst, best = (low, high) if long else (high, low)
    if not beyond_stop(worst, stop, long):
        stop = np.nan
    if not beyond_target(best, target, long):
        target = np.nan
    if not math.isnan(stop) and not blind and comes_before(i, stop, low, high, d):
        d.scratch.waits[i] = True
        stop = target = np.nan
    adverse = not math.isnan(stop) or any_order(i, ADVERSE, low, high, d)
    favourable = not math.isnan(target) or any_order(i, FAVOURABLE, low, high, d)
    first = True
    if adverse and favourable and not blind:
        d.codes[i] |= np.uint32(c.AMBIGUOUS)
        first = stop_first(i, long, d)
    for turn in range(2):
        if (turn == 0) == first:
            exits_on(i, ADVERSE, stop, reason, low, high, d)
        else:
            exits_on(i, FAVOURABLE, target, reason, low, high, d)


@inner(forceinline=False)
def increases(i: int, growing: int, d: Desk) -> int:
    """`growing` and the touched orders of `i` that open or grow a position now."""
    explicit = d.explicit
    low, high, _ = range_of(i, d)
    k = d.scratch.first[i]
    while k >= 0:
        if explicit.due[k] == d.t and touched(k, low, high, d.bars.close[i], d):
            explicit.due[k] = -1
            grows = d.account.quantity[i] * explicit.quantity[k] >= 0.0
            if grows and not explicit.reduce_only[k]:
                price, slips = price_inside(k, low, high, d), slips_inside(k, d)
                growing = want(i, explicit.quantity[k], price, slips, k, growing, d)
        k = explicit.after[k]
    return growing


@inner(forceinline=False)
def levels_after(i: int, d: Desk) -> None:
    """Round three of `i`: its levels after an increase inside this bar, as far as they can be known to come later."""
    low, high, blind = range_of(i, d)
    if blind or not protection(i, d):
        return
    long, close, how = d.account.quantity[i] > 0.0, d.bars.close[i], d.scratch.how[i]
    stop, reason = stop_side(i, d)
    target = target_side(i, d)
    worst, best = (low, high) if long else (high, low)
    stopped, reached = beyond_stop(worst, stop, long), beyond_target(best, target, long)
    sure_stop = how == 0 or how == BY_LIMIT or beyond_stop(close, stop, long)
    sure_target = how == 0 or how == BY_STOP or beyond_target(close, target, long)
    if (stopped and not sure_stop) or (reached and not sure_target):
        d.codes[i] |= np.uint32(c.AMBIGUOUS)
    stopped = stopped and (sure_stop or d.rules.intrabar == PESSIMISTIC)
    reached = reached and (sure_target or d.rules.intrabar == OPTIMISTIC)
    if not stopped and not reached:
        return
    if stopped and reached:
        d.codes[i] |= np.uint32(c.AMBIGUOUS)
        stopped = stop_first(i, long, d)
    act_on(i, stopped, stop, reason, target, low, high, d)


@inner(forceinline=False)
def rounds(power: float, d: Desk) -> None:
    """The bar of every instrument for which explicit orders wait; `power` is the buying power at the open."""
    growing = 0
    for i in range(d.bars.close.shape[0]):
        if d.scratch.first[i] >= 0 and d.scratch.has_bar[i] and d.account.quantity[i] != 0.0:
            exits(i, d)
    for i in range(d.bars.close.shape[0]):
        if d.scratch.first[i] >= 0 and d.scratch.has_bar[i] and not d.scratch.acted[i]:
            growing = increases(i, growing, d)
    if growing > 0:
        increase(True, growing, power, d)
    for i in range(d.bars.close.shape[0]):
        if d.scratch.waits[i] or d.scratch.how[i] != 0:
            levels_after(i, d)
