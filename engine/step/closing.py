"""Paragraph 4: the close. Orders that fill there, then time stops."""

from __future__ import annotations

import math

from engine import codes as c
from engine.compiled import inner
from engine.shapes import EXPLICIT_DUE, Desk
from engine.step.explicit import meet, put_away
from engine.step.growing import buying_power, increase
from engine.step.money import leave
from engine.step.opening import reduce


@inner()
def closing(d: Desk) -> None:
    """Orders at the close, reductions first; then positions whose time is up, with slippage."""
    bars, account = d.bars, d.account
    growing = reduce(True, d)
    if d.scratch.counts[EXPLICIT_DUE] > 0:
        growing = meet(True, growing, d)
    if growing > 0:
        increase(True, growing, buying_power(bars.close, d), d)
    if d.explicit.count[0] > 0:
        put_away(d)
    if not math.isnan(d.rules.time_stop):
        for i in range(bars.close.shape[0]):
            if account.quantity[i] != 0.0 and d.scratch.has_bar[i] and account.held[i] + 1 >= d.rules.time_stop:
                leave(i, bars.close[i], True, c.REASON_TIME, d)
