"""Paragraph 5: value the book at the close, accrue, move trailing levels, and see whether the account is still alive."""

from __future__ import annotations

import math

from engine import codes as c
from engine.compiled import inner
from engine.shapes import (
    ACCRUED,
    CASH,
    ENDED,
    EQUITY,
    HELD,
    LAST_CASH,
    LAST_TIME_SET,
    LIQUIDATE,
    LONG_VALUE,
    SHORT_VALUE,
    Account,
    Desk,
    Rules,
    Specs,
)
from engine.step.levels import beyond_target, stop_side, target_side
from engine.step.money import book, fee_of, slipped
from engine.types import YEAR_NS


@inner()
def accrue(elapsed: float, rules: Rules, account: Account) -> None:
    """Charge borrow and credit interest for the time since the last slice, on what was held then. ACT/365.

    The balances are those left by the previous slice: they are what was borrowed or lent in between.
    """
    account.money[ACCRUED] = 0.0
    if (rules.borrow == 0.0 and rules.interest == 0.0) or account.money[LAST_TIME_SET] == 0.0:
        return
    years = elapsed / YEAR_NS
    earned = account.money[LAST_CASH] * rules.interest * years + account.money[SHORT_VALUE] * rules.borrow * years
    account.money[ACCRUED] = earned
    account.money[CASH] += earned


@inner()
def trail(i: int, d: Desk) -> None:
    """Move a position's extreme with this bar (only its close after an entry inside it or at its close) and arm break-even."""
    bars, rules, account, scratch = d.bars, d.rules, d.account, d.scratch
    long = account.quantity[i] > 0.0
    best = bars.high[i] if long else bars.low[i]
    if scratch.late[i]:
        best = bars.close[i]
    elif math.isnan(bars.high[i]) or math.isnan(bars.low[i]):
        best = bars.close[i]
        if not math.isnan(bars.open[i]):
            best = max(best, bars.open[i]) if long else min(best, bars.open[i])
    account.extreme[i] = max(account.extreme[i], best) if long else min(account.extreme[i], best)
    if not math.isnan(rules.break_even) and not account.armed[i]:
        gain = account.basis[i] * (1.0 + rules.break_even if long else 1.0 - rules.break_even)
        account.armed[i] = beyond_target(account.extreme[i], gain, long)
    account.held[i] += 1
    if rules.levels != 0.0:
        account.stop[i] = stop_side(i, d)[0]
        account.take_profit[i] = target_side(i, d)


@inner()
def value(specs: Specs, account: Account) -> None:
    """Write long value, short value, equity and the number of positions from the marks."""
    longs, shorts, held = 0.0, 0.0, 0
    for i in range(account.quantity.shape[0]):
        if account.quantity[i] != 0.0:
            held += 1
            worth = account.quantity[i] * account.mark[i] * specs.multiplier[i]
            if worth > 0.0:
                longs += worth
            else:
                shorts += worth
    account.money[LONG_VALUE] = longs
    account.money[SHORT_VALUE] = shorts
    account.money[EQUITY] = account.money[CASH] + longs + shorts
    account.money[HELD] = held


@inner(forceinline=False)
def ruin(d: Desk) -> None:
    """Close everything at the marks with costs, participation ignored, and end the run."""
    account = d.account
    for i in range(account.quantity.shape[0]):
        held = account.quantity[i]
        if held != 0.0:
            price = slipped(i, -held, account.mark[i], d)
            fee = fee_of(held, price, d.specs.multiplier[i], d.rules)
            book(i, -held, price, account.mark[i], fee, c.REASON_RUIN, d)
    value(d.specs, account)
    account.money[ENDED] = 1.0


@inner()
def marking(d: Desk) -> None:
    """Mark, accrue, trail, and test maintenance and ruin."""
    account = d.account
    for i in range(d.bars.close.shape[0]):
        if d.scratch.has_bar[i]:
            account.mark[i] = d.bars.close[i]
            if account.quantity[i] != 0.0:
                trail(i, d)
    accrue(d.elapsed, d.rules, account)
    value(d.specs, account)
    account.money[LAST_TIME_SET] = 1.0
    account.money[LAST_CASH] = account.money[CASH]
    gross = account.money[LONG_VALUE] - account.money[SHORT_VALUE]
    if account.money[EQUITY] <= 0.0:
        ruin(d)
        return
    called = gross > 0.0 and account.money[EQUITY] / gross < d.rules.maintenance
    account.money[LIQUIDATE] = 1.0 if called else 0.0
