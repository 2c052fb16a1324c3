"""Both halves of the step in one compiled loop: what a backtest of compiled strategies runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.compiled import njit
from engine.signatures import (
    ACCRUED,
    CASH,
    EQUITY,
    FUSED,
    GO,
    LONG_VALUE,
    SHORT_VALUE,
    Account,
    Actions,
    Bars,
    Curve,
    Day,
    Log,
    Market,
    Orders,
    Rules,
    Scratch,
    Specs,
    View,
)
from engine.step.looking import begin_look, brake_targets, flatten, name_warmup, wants_out, write_orders
from engine.step.trade import trade
from engine.types import Codes, Floats

FILLS_PER_NAME = 10  # more than one slice can ever write for one instrument


@njit(forceinline=True)
def note(t: int, account: Account, curve: Curve) -> None:
    """Write what is remembered of slice `t`."""
    curve.equity[t] = account.money[EQUITY]
    curve.cash[t] = account.money[CASH]
    curve.long_value[t] = account.money[LONG_VALUE]
    curve.short_value[t] = account.money[SHORT_VALUE]
    curve.accrued[t] = account.money[ACCRUED]
    held = 0
    for i in range(account.quantity.shape[0]):
        held += account.quantity[i] != 0.0
    curve.positions[t] = held


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


# The compiled twins never leave compiled code: without reference counting an array cannot be handed back to Python.
slice_bars = njit(forceinline=True)(bars_at)
slice_actions = njit(forceinline=True)(actions_at)


@njit(FUSED)
def fused(
    start: int,
    stop: int,
    market: Market,
    specs: Specs,
    rules: Rules,
    account: Account,
    view: View,
    orders: Orders,
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
    room = log.t.shape[0] - FILLS_PER_NAME * specs.lot.shape[0]
    for t in range(start, stop):
        if log.count[0] > room:
            return t
        bars, actions = slice_bars(t, market), slice_actions(t, market)
        day = Day(market.day[t], market.last_of_day[t], market.last_of_week[t], market.last_of_month[t])
        elapsed = float(market.times[t] - market.times[t - 1]) if t > 0 else 0.0
        alive = trade(t, elapsed, bars, actions, day, specs, rules, account, orders, log, scratch, codes[t])
        note(t, account, curve)
        if not alive:
            return t + 1
        equity, cash = account.money[EQUITY], account.money[CASH]
        brake = GO
        if guard_params.shape[0] > 0:  # a run without switches has nothing to ask
            brake = guard(t, day, equity, cash, view, guard_params, guard_state)
        if wants_out(brake, account):
            flatten(t, brake, account, orders, codes[t])
            scratch.target[:] = np.nan
            shape(
                t,
                day,
                equity,
                cash,
                view,
                scratch.has_bar,
                specs.sector,
                shape_params,
                shape_state,
                scratch.target,
                codes[t],
            )
            continue
        member = market.member[t if market.member.shape[0] > 1 else 0]
        begin_look(t, int(rules.warmup), scratch, member)
        decide(
            t,
            day,
            equity,
            cash,
            view,
            scratch.has_bar,
            member,
            scratch.tradable,
            specs.sector,
            specs.symbol_rank,
            forecasts[t],
            decide_params,
            decide_state,
            scratch.target,
            codes[t],
        )
        if t < rules.warmup:
            name_warmup(codes[t])
        brake_targets(brake, scratch.target, codes[t])
        shape(
            t,
            day,
            equity,
            cash,
            view,
            scratch.has_bar,
            specs.sector,
            shape_params,
            shape_state,
            scratch.target,
            codes[t],
        )
        write_orders(t, brake, bars, specs, rules, account, orders, scratch, codes[t])
    return stop
