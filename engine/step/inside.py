"""Paragraph 3: inside the bar. Levels its range touches, and what happens when it touches both."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.signatures import NEAREST, OPTIMISTIC, Account, Bars, Log, Orders, Rules, Scratch, Specs
from engine.step.levels import beyond_stop, beyond_target, stop_side, target_side
from engine.step.money import leave
from engine.step.opening import has_levels, protection
from engine.types import Codes


@njit(forceinline=True)
def stop_first(i: int, long: bool, bars: Bars, rules: Rules) -> bool:
    """Of a bar that touches both levels, whether the stop is taken to come first under the run's policy."""
    if rules.intrabar == OPTIMISTIC:
        return False
    if rules.intrabar == NEAREST and not math.isnan(bars.open[i]):
        up, down = bars.high[i] - bars.open[i], bars.open[i] - bars.low[i]
        return down <= up if long else up <= down
    return True


@njit(forceinline=True)
def inside(
    t: int,
    bars: Bars,
    specs: Specs,
    rules: Rules,
    account: Account,
    orders: Orders,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> None:
    """Fill the levels inside each bar: stops at their level with slippage, targets at theirs without.

    Without a known high and low only a level that the close has reached fills, at the close. Without a known open a stop
    fills no better, and a target no worse, than the bar's range allows.
    """
    if not has_levels(rules):
        return
    for i in range(bars.close.shape[0]):
        if account.quantity[i] == 0.0 or not scratch.has_bar[i] or not protection(t, i, rules, account, scratch):
            continue
        long = account.quantity[i] > 0.0
        stop, reason = stop_side(i, specs, rules, account)
        target = target_side(i, specs, rules, account)
        high, low = bars.high[i], bars.low[i]
        blind = math.isnan(high) or math.isnan(low)
        if blind:
            high = low = bars.close[i]
        worst, best = (low, high) if long else (high, low)
        stopped, reached = beyond_stop(worst, stop, long), beyond_target(best, target, long)
        if not stopped and not reached:
            continue
        if stopped and reached and not blind:
            codes[i] |= np.uint32(c.AMBIGUOUS)
            stopped = stop_first(i, long, bars, rules)
        if stopped:
            price = min(max(stop, low), high)
            leave(t, i, price, True, reason, bars, specs, rules, account, orders, log, scratch, codes)
        else:
            price = min(max(target, low), high)
            leave(t, i, price, False, c.REASON_TARGET, bars, specs, rules, account, orders, log, scratch, codes)
