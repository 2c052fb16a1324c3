"""Explicit orders outside the bar's range: how they are written or refused, restated by splits, and met at open and close.

What happens inside the bar is in rounds.py."""

from __future__ import annotations

import math

from engine import codes
from tests.reference import interface
from tests.reference.account import (
    TINY,
    Distance,
    Exits,
    Explicit,
    State,
    Wish,
    floor_to_lot,
    reaches_down,
    reaches_up,
)
from tests.reference.interface import NAN, Refused
from tests.reference.levels import NAMES, exits_of_file

SLACK = 1e-12  # a cap refuses when it is exceeded by more than this
PRICED = ("limit", "stop", "stop_limit")


# --- writing --------------------------------------------------------------------------------------------------------
def write_explicit(state: State) -> None:
    """Nothing; takes what orders(now) returned: writes or refuses each, and gives every name its decision."""
    decisions: dict[int, int] = {}
    for order in state.market.orders.get(state.t, []):
        i = order.i
        quantity = floor_to_lot(order.quantity, state.market.lot[i])
        if abs(quantity) <= TINY:
            state.flag(i, codes.BELOW_LOT)
            continue
        decision, value, limit = refusal(state, order, quantity)
        if decision:
            state.refused.append(Refused(state.t, i, quantity, decision, value, limit))
            decisions[i] = decision
        else:
            state.explicit.setdefault(state.t + 1 + state.config.delay, []).append(written(state, order, quantity))
            decisions.setdefault(i, codes.ORDERED)
    for i in range(len(state.holdings)):
        state.flag(i, decisions.get(i, without_order(state, i)))


def without_order(state: State, i: int) -> int:
    """The decision for a name that no order was given for."""
    if not state.has_bar(i):
        return codes.NO_BAR_NOW
    return codes.UNDECIDED if is_member(state, i) else codes.NOT_MEMBER


def is_member(state: State, i: int) -> bool:
    """Whether instrument i belongs to the universe now."""
    return state.market.member is None or state.market.member[state.t][i]


def written(state: State, order: interface.Order, quantity: float) -> Explicit:
    """The order as it waits: its bracket laid over the exits of the file, frozen now; reduce-only under a halt."""
    given: Exits = {}
    for name in NAMES:
        if not math.isnan(getattr(order, name)):
            given[name] = Distance(getattr(order, name), False)
    return Explicit(
        quantity=quantity,
        reason=codes.REASON_EXPLICIT,
        at_close=order.kind == "close" or (order.kind == "market" and state.config.fill == "close"),
        closes=order.reduce_only or state.halted(),
        exits={**exits_of_file(state, order.i), **given},
        i=order.i,
        kind=order.kind,
        limit=order.limit,
        stop=order.stop,
        given=given,
    )


def refusal(state: State, order: interface.Order, quantity: float) -> tuple[int, float, float]:
    """(the decision that refuses the order or 0, what it would have been, the limit it breaks)."""
    config, market, i = state.config, state.market, order.i
    positions = [holding.quantity + state.waiting_for(k) for k, holding in enumerate(state.holdings)]
    before, after = positions[i], positions[i] + quantity
    if order.reduce_only or abs(after) <= abs(before) + TINY:
        return 0, NAN, NAN
    if not state.has_bar(i):
        return codes.NO_BAR_NOW, NAN, NAN
    if not is_member(state, i):
        return codes.NOT_MEMBER, NAN, NAN
    if state.halted():
        return codes.HALTED, NAN, NAN
    value = abs(quantity) * state.holdings[i].mark * market.multiplier[i]
    if config.max_order_value is not None and value > config.max_order_value + SLACK:
        return codes.OVER_ORDER_VALUE, value, config.max_order_value
    positions[i] = after
    weights = [
        position * state.holdings[k].mark * market.multiplier[k] / state.equity if position else 0.0
        for k, position in enumerate(positions)
    ]
    in_sector = [weight for k, weight in enumerate(weights) if market.sector[k] == market.sector[i]]
    checks: list[tuple[int, float, float | None]] = [
        (codes.OVER_WEIGHT, abs(weights[i]), config.max_weight),
        (codes.OVER_SECTOR, sum(abs(w) for w in in_sector), config.max_sector if market.sector[i] >= 0 else None),
        (codes.OVER_NET, abs(sum(weights)), config.max_net),
        (codes.OVER_CASH, sum(w for w in weights if w > 0), 1 - config.min_cash if config.min_cash > 0 else None),
        (codes.OVER_GROSS, sum(abs(w) for w in weights), config.max_gross),
    ]
    for decision, size, limit in checks:
        if limit is not None and size > limit + SLACK:
            return decision, size, limit
    return 0, NAN, NAN


# --- actions --------------------------------------------------------------------------------------------------------
def split_explicit(state: State, i: int, ratio: float) -> None:
    """Nothing; restates quantity, prices and frozen distances of all that waits; nothing left: dropped."""
    for lines in [state.lines, *state.explicit.values()]:
        for line in lines:
            if line.i == i:
                state.flag(i, codes.ACTION)
                line.quantity = floor_to_lot(line.quantity * ratio, state.market.lot[i])
                line.limit /= ratio
                line.stop /= ratio
                line.exits = {name: distance.after_split(ratio) for name, distance in line.exits.items()}
        lines[:] = [line for line in lines if line.quantity]


# --- open and close -------------------------------------------------------------------------------------------------
def lapse_without_bar(state: State) -> None:
    """Nothing; the explicit orders that meet no bar are gone."""
    for line in state.lines:
        if not state.has_bar(line.i):
            state.flag(line.i, codes.NO_BAR)
    state.lines = [line for line in state.lines if state.has_bar(line.i)]


def wishes_at_open(state: State) -> list[Wish]:
    """The explicit orders that fill at the open, taken off the list; triggered stop-limits become limit orders."""
    wishes = []
    for line in list(state.lines):
        if line.at_close or not state.has_open(line.i):
            continue
        price = state.market.open[state.t][line.i]
        buys = line.quantity > 0
        stop_reached = reaches_up(price, line.stop) if buys else reaches_down(price, line.stop)
        if line.kind == "stop_limit" and stop_reached:
            line.kind = "limit"
        limit_reached = reaches_down(price, line.limit) if buys else reaches_up(price, line.limit)
        if {"market": True, "limit": limit_reached, "stop": stop_reached, "stop_limit": False}[line.kind]:
            wishes.append(Wish(line.i, line.quantity, line, price, line.kind != "limit"))
            state.lines.remove(line)
    return wishes


def wishes_at_close(state: State) -> list[Wish]:
    """The explicit orders that fill at the close; the others have not been reached and expire."""
    wishes = []
    for line in state.lines:
        if line.kind in PRICED:
            state.flag(line.i, codes.EXPIRED)
        else:
            wishes.append(Wish(line.i, line.quantity, line, state.market.close[state.t][line.i], True))
    state.lines = []
    return wishes
