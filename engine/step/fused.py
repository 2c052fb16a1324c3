"""Both halves of the step in one compiled loop: what a backtest of compiled strategies runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.compiled import inner, njit
from engine.shapes import (
    ACCRUED,
    CASH,
    EQUITY,
    HELD,
    LONG_VALUE,
    SHORT_VALUE,
    Account,
    Actions,
    Bars,
    Curve,
    Day,
    Desk,
    Explicit,
    Log,
    Market,
    Orders,
    Plan,
    RefusalLog,
    Rules,
    Scratch,
    Specs,
    View,
)
from engine.signatures import FUSED
from engine.step.admitting import admit
from engine.step.looking import begin_look, factor_of, flatten, name_warmup, wants_out, write_orders
from engine.step.trade import trade
from engine.types import Codes, Floats

FILLS_PER_NAME = 10  # more than one slice can ever write for one instrument
FILLS_PER_ORDER = 2  # and for one explicit order


@njit(forceinline=True)
def note(t: int, account: Account, curve: Curve) -> None:
    """Write what is remembered of slice `t`."""
    curve.equity[t] = account.money[EQUITY]
    curve.cash[t] = account.money[CASH]
    curve.long_value[t] = account.money[LONG_VALUE]
    curve.short_value[t] = account.money[SHORT_VALUE]
    curve.accrued[t] = account.money[ACCRUED]
    curve.positions[t] = int(account.money[HELD])


def bars_at(t: int, market: Market) -> Bars:
    """The rows of slice `t`."""
    row = t if market.volatility.shape[0] > 1 else 0
    return Bars(
        market.open[t], market.high[t], market.low[t], market.close[t], market.volume[t], market.volatility[row]
    )


def actions_at(t: int, market: Market) -> Actions:
    """The splits and dividends of slice `t`."""
    first, last = market.action_first[t], market.action_first[t + 1]
    return Actions(
        market.action_instrument[first:last], market.action_split[first:last], market.action_dividend[first:last]
    )


def day_at(t: int, market: Market) -> Day:
    """Where slice `t` stands in the calendar."""
    return Day(market.day[t], market.last_of_day[t], market.last_of_week[t], market.last_of_month[t])


def room_for(log: Log, names: int, explicit: Explicit) -> bool:
    """Whether the log has room for whatever one slice can fill."""
    most = FILLS_PER_NAME * names + FILLS_PER_ORDER * explicit.due.shape[0]
    return bool(log.count[0] + most <= log.t.shape[0])


# The compiled twins never leave compiled code: without reference counting an array cannot be handed back to Python.
slice_bars = inner()(bars_at)
slice_actions = inner()(actions_at)
slice_day = inner()(day_at)
has_room = inner()(room_for)


@njit(FUSED, nogil=True)
def fused(
    start: int,
    stop: int,
    market: Market,
    specs: Specs,
    rules: Rules,
    account: Account,
    view: View,
    orders: Orders,
    explicit: Explicit,
    plan: Plan,
    refused: RefusalLog,
    log: Log,
    scratch: Scratch,
    curve: Curve,
    codes: Codes,
    forecasts: Floats,
    decide: Any,
    decide_params: Floats,
    decide_state: Floats,
    shape: Any,
    shape_params: Floats,
    shape_state: Floats,
    guard: Any,
    guard_params: Floats,
    guard_state: Floats,
) -> int:
    """The first slice not run: `stop`, or earlier because the fill log is full (call again) or the account is ruined."""
    for t in range(start, stop):
        if not has_room(log, specs.lot.shape[0], explicit):
            return t
        day = slice_day(t, market)
        measures = market.measures[t if market.measures.shape[0] > 1 else 0]
        elapsed = float(market.times[t] - market.times[t - 1]) if t > 0 else 0.0
        bars, actions = slice_bars(t, market), slice_actions(t, market)
        d = Desk(
            t, elapsed, bars, measures, actions, day, specs, rules, account, orders, explicit, log, scratch, codes[t]
        )
        alive = trade(d)
        note(t, account, curve)
        if not alive:
            return t + 1
        equity, cash = account.money[EQUITY], account.money[CASH]
        brake = 0
        if guard_params.shape[0] > 0:
            brake = guard(t, day, equity, cash, view, guard_params, guard_state)
        out = wants_out(brake, account)
        if not out or rules.listens != 0.0:
            member = market.member[t if market.member.shape[0] > 1 else 0]
            begin_look(scratch, member, not out)
            decide(
                t, day, equity, cash, view, scratch.has_bar, member, scratch.tradable, specs.sector, specs.symbol_rank,
                forecasts[t], decide_params, decide_state, scratch.target, codes[t],
            )  # fmt: skip
        if out:
            flatten(t, brake, account, orders, explicit, codes[t])
            scratch.target[:] = np.nan
        elif t < rules.warmup:
            name_warmup(codes[t])
        shape(
            t, day, equity, cash, view, scratch.has_bar, specs.sector, measures, factor_of(brake), shape_params,
            shape_state, scratch.target, codes[t],
        )  # fmt: skip
        if out:
            continue
        write_orders(brake, d)
        if plan.first[t] < plan.first[t + 1]:
            admit(plan.first[t], plan.first[t + 1], brake, member, plan, d, refused)
    return stop
