"""Explicit orders between objects and arrays: plans of them going in, refusals coming out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from engine import codes as c
from engine.account import read_only
from engine.shapes import KIND_CLOSE, KIND_LIMIT, KIND_MARKET, KIND_STOP, KIND_STOP_LIMIT, Plan, RefusalLog
from engine.types import Ints, Order, Refused

KINDS = {
    "market": KIND_MARKET,
    "close": KIND_CLOSE,
    "limit": KIND_LIMIT,
    "stop": KIND_STOP,
    "stop_limit": KIND_STOP_LIMIT,
}
NEEDS = {"limit": ("limit",), "stop": ("stop",), "stop_limit": ("limit", "stop")}
BRACKET = ("stop_loss", "take_profit", "trailing_stop")
CAPS = {
    c.OVER_ORDER_VALUE: "max_order_value",
    c.OVER_WEIGHT: "max_weight",
    c.OVER_SECTOR: "max_sector",
    c.OVER_NET: "max_net",
    c.OVER_CASH: "min_cash",
    c.OVER_GROSS: "max_gross",
}


def plan_of(orders: Sequence[Order], first: Ints, columns: Mapping[str, int]) -> Plan:
    """The plan that `orders` make, those of slice t from first[t] to first[t + 1]; ValueError if one makes no sense."""
    for order in orders:
        if wrong := mistake(order, columns):
            raise ValueError(wrong)
    place = [columns[order.instrument] if isinstance(order.instrument, str) else order.instrument for order in orders]
    nan = float("nan")
    prices = [[nan if (v := getattr(o, key)) is None else float(v) for o in orders] for key in ("limit", "stop")]
    bracket = [[nan if (v := getattr(o, key)) is None else float(v) for o in orders] for key in BRACKET]
    return Plan(
        read_only(first),
        read_only(np.array(place, np.int64)),
        read_only(np.array([float(order.quantity) for order in orders])),
        read_only(np.array([KINDS[order.kind] for order in orders], np.int64)),
        read_only(np.array(prices[0], np.float64)),
        read_only(np.array(prices[1], np.float64)),
        read_only(np.array([bool(order.reduce_only) for order in orders], np.bool_)),
        read_only(np.array(bracket, np.float64).reshape(3, len(orders))),
    )


def mistake(order: Order, columns: Mapping[str, int]) -> str:
    """What is wrong with an order, in words that say what to do; empty if nothing is."""
    who = order.instrument
    if isinstance(who, str) and who not in columns:
        return f"there is no instrument {who!r}; it must be one of the data's symbols"
    if not isinstance(who, str) and not 0 <= who < len(columns):
        return f"there is no instrument {who}; columns go from 0 to {len(columns) - 1}"
    if order.kind not in KINDS:
        return f"{who}: kind must be one of {', '.join(KINDS)}, got {order.kind!r}"
    if not math.isfinite(order.quantity):
        return f"{who}: quantity must be a finite number, got {order.quantity}"
    for key in ("limit", "stop"):
        value, needed = getattr(order, key), key in NEEDS.get(order.kind, ())
        if needed and (value is None or not math.isfinite(value) or value <= 0.0):
            return f"{who}: a {order.kind} order needs {key}, a price above 0, got {value}"
        if not needed and value is not None and not math.isnan(value):
            return f"{who}: a {order.kind} order takes no {key}, got {value}; leave it out or choose another kind"
    for key in BRACKET:
        value, most = getattr(order, key), math.inf if key == "take_profit" else 1.0
        if value is not None and not math.isnan(value) and not 0.0 < value <= most:
            return f"{who}: {key} must be a fraction of the entry above 0, such as 0.02 for 2 %, got {value}"
    return ""


def empty_plan(rows: int) -> Plan:
    """A plan of no orders over `rows` slices."""
    return plan_of((), np.zeros(rows + 1, np.int64), {})


def new_refusals(room: int) -> RefusalLog:
    """Room for so many refusals, none filled in."""
    ints, floats = [np.zeros(room, np.int64) for _ in range(3)], [np.zeros(room) for _ in range(3)]
    return RefusalLog(ints[0], ints[1], floats[0], ints[2], floats[1], floats[2], np.zeros(1, np.int64))


def more_refusals(old: RefusalLog, more: int) -> RefusalLog:
    """The same refusals with room for at least `more`."""
    count = int(old.count[0])
    new = new_refusals(2 * (count + more))
    for fresh, kept in zip(new[:-1], old[:-1], strict=True):
        fresh[:count] = kept[:count]
    new.count[0] = count
    return new


def rule_of(decision: int) -> str:
    """What refused an order, as the configuration calls it."""
    return CAPS.get(decision, c.DECISIONS[decision])


def refused_at(k: int, refusals: RefusalLog, symbols: tuple[str, ...]) -> Refused:
    """The k-th refusal as a value."""
    decision = int(refusals.decision[k])
    return Refused(
        int(refusals.t[k]),
        symbols[int(refusals.instrument[k])],
        float(refusals.quantity[k]),
        rule_of(decision),
        float(refusals.value[k]),
        float(refusals.limit[k]),
    )
