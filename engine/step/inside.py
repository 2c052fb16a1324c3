"""Paragraph 3: inside the bar. Levels its range touches, and what happens when it touches both.

Instruments without explicit orders are done in `inside`; those with some go through the three rounds of rounds.py.
"""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.shapes import EXPLICIT_DUE, NEAREST, OPTIMISTIC, Desk
from engine.step.levels import beyond_stop, beyond_target, protection, stop_side, target_side
from engine.step.money import leave


@inner()
def stop_first(i: int, long: bool, d: Desk) -> bool:
    """Of a bar that touches both levels, whether the stop is taken to come first under the run's policy."""
    bars, rules = d.bars, d.rules
    if rules.intrabar == OPTIMISTIC:
        return False
    if rules.intrabar == NEAREST and not math.isnan(bars.open[i]):
        up, down = bars.high[i] - bars.open[i], bars.open[i] - bars.low[i]
        return down <= up if long else up <= down
    return True


@inner()
def act_on(i: int, stopped: bool, stop: float, reason: int, target: float, low: float, high: float, d: Desk) -> None:
    """Fill the stop or the target of `i` at its level, held within the range."""
    if stopped:
        price = min(max(stop, low), high)
        leave(i, price, True, reason, d)
    else:
        price = min(max(target, low), high)
        leave(i, price, False, c.REASON_TARGET, d)


@inner()
def protect_inside(i: int, d: Desk) -> None:
    """Fill the level of `i` that the bar touches; of both, the one that the policy takes to come first.

    Without a known high and low only a level that the close has reached fills, at the close. Without a known open a stop
    fills no better, and a target no worse, than the bar's range allows.
    """
    bars = d.bars
    long = d.account.quantity[i] > 0.0
    stop, reason = stop_side(i, d)
    target = target_side(i, d)
    high, low = bars.high[i], bars.low[i]
    blind = math.isnan(high) or math.isnan(low)
    if blind:
        high = low = bars.close[i]
    worst, best = (low, high) if long else (high, low)
    stopped, reached = beyond_stop(worst, stop, long), beyond_target(best, target, long)
    if not stopped and not reached:
        return
    if stopped and reached and not blind:
        d.codes[i] |= np.uint32(c.AMBIGUOUS)
        stopped = stop_first(i, long, d)
    act_on(i, stopped, stop, reason, target, low, high, d)


@inner()
def inside(d: Desk) -> None:
    """Fill the levels inside each bar: stops at their level with slippage, targets at theirs without."""
    if d.rules.levels == 0.0:
        return
    busy = d.scratch.counts[EXPLICIT_DUE] > 0
    for i in range(d.bars.close.shape[0]):
        if d.account.quantity[i] == 0.0 or not d.scratch.has_bar[i] or not protection(i, d):
            continue
        if not busy or d.scratch.first[i] < 0:
            protect_inside(i, d)
