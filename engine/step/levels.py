"""Protective levels: where the stop side and the target of a position stand, from account state alone."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.signatures import Account, Rules, Specs

TOUCH = 1e-12  # relative: 100 x 1.1 is a bit above 110 in floats, and a high of 110 has touched it


@njit(forceinline=True)
def on_tick(price: float, tick: float, up: bool) -> float:
    """`price` rounded to its tick, up or down; unchanged where there is no tick."""
    if math.isnan(tick):
        return price
    steps = price / tick
    return (np.ceil(steps - 1e-9) if up else np.floor(steps + 1e-9)) * tick


@njit(forceinline=True)
def stop_side(i: int, specs: Specs, rules: Rules, account: Account) -> tuple[float, int]:
    """(level, reason) of the tightest of stop, trailing and break-even; the level is NaN where none is set.

    Rounded to the tick away from the position. Of equal levels the stop is named first, then trailing, then break-even.
    """
    long = account.quantity[i] > 0.0
    side = 1.0 if long else -1.0
    level, reason = np.nan, 0
    if not math.isnan(rules.stop_loss):
        level = on_tick(account.basis[i] * (1.0 - side * rules.stop_loss), specs.tick[i], not long)
        reason = c.REASON_STOP
    if not math.isnan(rules.trailing_stop):
        trail = on_tick(account.extreme[i] * (1.0 - side * rules.trailing_stop), specs.tick[i], not long)
        if math.isnan(level) or side * trail > side * level:
            level, reason = trail, c.REASON_TRAIL
    if account.armed[i]:
        even = on_tick(account.basis[i], specs.tick[i], not long)
        if math.isnan(level) or side * even > side * level:
            level, reason = even, c.REASON_BREAK_EVEN
    return level, reason


@njit(forceinline=True)
def target_side(i: int, specs: Specs, rules: Rules, account: Account) -> float:
    """The take-profit level, rounded to the tick away from the position; NaN where none is set."""
    if math.isnan(rules.take_profit):
        return np.nan
    long = account.quantity[i] > 0.0
    side = 1.0 if long else -1.0
    return on_tick(account.basis[i] * (1.0 + side * rules.take_profit), specs.tick[i], long)


@njit(forceinline=True)
def beyond_stop(price: float, level: float, long: bool) -> bool:
    """Whether `price` has reached a stop level; touch counts, an unknown level is never reached."""
    return price <= level * (1.0 + TOUCH) if long else price >= level * (1.0 - TOUCH)


@njit(forceinline=True)
def beyond_target(price: float, level: float, long: bool) -> bool:
    """Whether `price` has reached a target level; touch counts, an unknown level is never reached."""
    return price >= level * (1.0 - TOUCH) if long else price <= level * (1.0 + TOUCH)
