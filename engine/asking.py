"""Asking a Python strategy, and checking its answer before anything is done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.contracts import Orderer, Snapshot, Strategy
from engine.errors import PluginError, first_line
from engine.numbers import floats, in_order
from engine.orders import plan_of
from engine.shapes import Plan
from engine.types import Floats, Order


def ask(strategy: Strategy, now: Snapshot) -> Floats:
    """What a Python strategy wants, checked: (N,) finite weights or NaN. PluginError names the strategy and the slice."""
    name, n = type(strategy).__name__, len(now.symbols)
    target: Floats = _call(strategy, "target", lambda: floats(in_order(strategy.target(now), now.symbols)), now)
    if target.shape != (n,):
        raise PluginError(
            f"strategy {name}: target must have shape ({n},), one weight per instrument; it was {target.shape} at slice {now.t}"
        )
    if np.isinf(target).any():
        who = now.symbols[int(np.flatnonzero(np.isinf(target))[0])]
        raise PluginError(
            f"strategy {name}: the target of {who} is infinite at slice {now.t}; return NaN to leave it alone"
        )
    return target


def ask_orders(strategy: Orderer, now: Snapshot) -> Plan:
    """The orders of a Python strategy, checked, as a plan of one slice. PluginError names the strategy and the slice."""
    name = type(strategy).__name__
    given = _call(strategy, "orders", lambda: list(strategy.orders(now) or ()), now)
    for order in given:
        if not isinstance(order, Order):
            raise PluginError(
                f"strategy {name}: orders(now) must return engine.Order objects; there was a {type(order).__name__} at slice {now.t}"
            )
    try:
        columns = {symbol: i for i, symbol in enumerate(now.symbols)}
        return plan_of(given, np.array([0, len(given)], np.int64), columns)
    except (ValueError, TypeError) as error:
        raise PluginError(f"strategy {name}: an order at slice {now.t}: {error}") from error


def _call(strategy: object, method: str, question: Callable[[], Any], now: Snapshot) -> Any:
    try:
        return question()
    except (Exception, SystemExit) as error:
        told = first_line(error)
        raise PluginError(
            f"strategy {type(strategy).__name__}: {method}(now) failed at slice {now.t}: {told}"
        ) from error
