"""Paragraph 4: the close. Orders that fill there, then time stops."""

from __future__ import annotations

import math

from engine import codes as c
from engine.compiled import njit
from engine.signatures import Account, Bars, Log, Orders, Rules, Scratch, Specs
from engine.step.money import leave
from engine.step.opening import increase, reduce
from engine.types import Codes


@njit(forceinline=True)
def closing(
    t: int,
    waiting: int,
    bars: Bars,
    specs: Specs,
    rules: Rules,
    account: Account,
    orders: Orders,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> None:
    """Orders at the close, of which there are `waiting`, reductions first; then positions whose time is up, with slippage."""
    if waiting > 0:
        growing = reduce(t, True, bars, specs, rules, account, orders, log, scratch, codes)[0]
        if growing > 0:
            increase(t, True, growing, bars, specs, rules, account, log, scratch, codes)
    if math.isnan(rules.time_stop):
        return
    for i in range(bars.close.shape[0]):
        if account.quantity[i] != 0.0 and scratch.has_bar[i] and account.held[i] + 1 >= rules.time_stop:
            leave(
                t,
                i,
                bars.close[i],
                True,
                c.REASON_TIME,
                bars,
                specs,
                rules,
                account,
                orders,
                log,
                scratch,
                codes,
            )
