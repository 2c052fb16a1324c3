"""Orders of a file in a session: each is handed to the step on the slice its stamp names, and on no other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.contracts import Rule
from engine.data.sources import find
from engine.errors import DataError
from engine.live.feed import Arrived, Facts
from engine.orderfile import OrderTable, read_orders
from engine.orders import empty_plan, mistake, plan_of
from engine.shapes import Plan
from engine.types import DAY_NS, Order, Universe

if TYPE_CHECKING:
    from engine.config import Config


def planner(
    config: Config, universe: Universe, facts: Facts, strategy: Any, latest: Callable[[], Arrived]
) -> Callable[[int], Plan]:
    """What gives the explicit orders of a slice as a plan of that slice alone; DataError for an order that makes no sense."""
    none = empty_plan(1)
    if not isinstance(strategy, Rule) or strategy.orders is None:
        return lambda t: none
    columns = {symbol: i for i, symbol in enumerate(universe.symbols)}
    table = read_orders(find(strategy.orders, config.base))
    for k, order in enumerate(table.orders):
        if wrong := mistake(order, columns):
            raise DataError(f"{table.where}: row {k}: {wrong}")
    by_session, waiting = _by_stamp(table, facts)

    def plan(t: int) -> Plan:
        now = latest()
        orders = waiting.get(now.session if by_session else now.time, ())
        return plan_of(orders, np.array([0, len(orders)], np.int64), columns) if orders else none

    return plan


def _by_stamp(table: OrderTable, facts: Facts) -> tuple[bool, dict[int, list[Order]]]:
    """Whether stamps name sessions (else closes), and the orders of each in the order of the file."""
    import pandas as pd

    from engine.data.stamps import stamps

    out: dict[int, list[Order]] = defaultdict(list)
    if not table.orders:
        return False, out
    given, dates_only, _ = stamps(pd.Series(table.stamps).reset_index(drop=True), str(table.stamps.name), table.where)
    by_session = dates_only and facts.daily
    for stamp, order in zip(given, table.orders, strict=True):
        out[int(stamp) // DAY_NS if by_session else int(stamp)].append(order)
    return by_session, out
