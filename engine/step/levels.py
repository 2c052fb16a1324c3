"""Protective levels: where the stop side and the target of a position stand, from account state alone."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.shapes import Account, Desk

TOUCH = 1e-12  # relative: 100 x 1.1 is a bit above 110 in floats, and a high of 110 has touched it
STOP, TARGET, TRAIL, IN_MONEY = 0, 1, 2, 3  # rows of account.reach; the same in money three rows further down


@inner()
def on_tick(price: float, tick: float, up: bool) -> float:
    """`price` rounded to its tick, up or down; unchanged where there is no tick."""
    if math.isnan(tick):
        return price
    steps = price / tick
    return (np.ceil(steps - 1e-9) if up else np.floor(steps + 1e-9)) * tick


@inner()
def away(base: float, which: int, side: float, i: int, account: Account) -> float:
    """The price that lies one distance below `base` (side 1) or above it (side -1); NaN where there is no distance."""
    fraction = account.reach[which, i]
    if math.isnan(fraction):
        return base - side * account.reach[which + IN_MONEY, i]
    return base * (1.0 - side * fraction)


@inner()
def stop_side(i: int, d: Desk) -> tuple[float, int]:
    """(level, reason) of the tightest of stop, trailing and break-even; the level is NaN where none is set.

    Rounded to the tick away from the position. Of equal levels the stop is named first, then trailing, then break-even.
    """
    account, tick = d.account, d.specs.tick[i]
    long = account.quantity[i] > 0.0
    side = 1.0 if long else -1.0
    level, reason = on_tick(away(account.basis[i], STOP, side, i, account), tick, not long), c.REASON_STOP
    trail = on_tick(away(account.extreme[i], TRAIL, side, i, account), tick, not long)
    if side * trail > side * level or (math.isnan(level) and not math.isnan(trail)):
        level, reason = trail, c.REASON_TRAIL
    if account.armed[i]:
        even = on_tick(account.basis[i], tick, not long)
        if math.isnan(level) or side * even > side * level:
            level, reason = even, c.REASON_BREAK_EVEN
    return level, reason


@inner()
def target_side(i: int, d: Desk) -> float:
    """The take-profit level, rounded to the tick away from the position; NaN where none is set."""
    long = d.account.quantity[i] > 0.0
    side = 1.0 if long else -1.0
    return on_tick(away(d.account.basis[i], TARGET, -side, i, d.account), d.specs.tick[i], long)


@inner()
def beyond_stop(price: float, level: float, long: bool) -> bool:
    """Whether `price` has reached a stop level; touch counts, an unknown level is never reached."""
    return price <= level * (1.0 + TOUCH) if long else price >= level * (1.0 - TOUCH)


@inner()
def beyond_target(price: float, level: float, long: bool) -> bool:
    """Whether `price` has reached a target level; touch counts, an unknown level is never reached."""
    return price >= level * (1.0 - TOUCH) if long else price <= level * (1.0 + TOUCH)


@inner()
def protection(i: int, d: Desk) -> bool:
    """Whether the levels of what is held of `i` are in force: a level acts once per slice."""
    if d.account.quantity[i] == 0.0 or d.scratch.acted[i]:
        return False
    return d.rules.entry_bar_protection != 0.0 or d.account.entry_t[i] != d.t


@inner()
def arm(i: int, k: int, row: int, opened: bool, d: Desk) -> None:
    """Write the distances of a position opened by explicit order `k` (-1: by the ring's order in `row`).

    A bracket that grows an older position replaces the distances it gives and leaves the others.
    """
    reach, rules = d.account.reach, d.rules
    if opened:
        reach[STOP, i], reach[TARGET, i], reach[TRAIL, i] = rules.stop_loss, rules.take_profit, rules.trailing_stop
        for which in range(IN_MONEY):
            reach[IN_MONEY + which, i] = d.orders.money[which, row, i] if k < 0 else d.explicit.money[which, k]
    if k < 0:
        return
    for which in range(IN_MONEY):
        given = d.explicit.bracket[which, k]
        if not math.isnan(given):
            reach[which, i] = given
            reach[IN_MONEY + which, i] = np.nan
