"""Orders of a file in a session: each is handed to the step on the slice its stamp names, and on no other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.contracts import Rule
from engine.data.sources import find
from engine.errors import DataError
from engine.live.feed import Arrived, Facts
from engine.loop import CHUNK, Engine, new_log
from engine.orderfile import OrderTable, read_orders
from engine.orders import empty_plan, mistake, new_refusals, plan_of
from engine.shapes import Plan
from engine.step.fused import FILLS_PER_NAME, FILLS_PER_ORDER
from engine.types import DAY_NS, Order, Universe

if TYPE_CHECKING:
    from engine.config import Config


def whole(engine: Engine, config: Config, universe: Universe, facts: Facts, slices: Sequence[Arrived]) -> Engine:
    """The same engine with the orders of its file lined up with slices that are all known: the plan of a compiled run."""
    if not isinstance(engine.strategy, Rule) or engine.strategy.orders is None:
        return engine
    columns = {symbol: i for i, symbol in enumerate(universe.symbols)}
    by_session, waiting = _by_stamp(read_orders(find(engine.strategy.orders, config.base)), facts)
    told = [waiting.get(s.session if by_session else s.time, []) for s in slices]
    first = np.cumsum([0, *map(len, told)]).astype(np.int64)
    engine.plan = plan_of([order for orders in told for order in orders], first, columns)
    engine.refused = new_refusals(len(engine.plan.instrument))
    most = int(np.diff(first).max(initial=0)) * (1 + int(engine.rules.delay))
    engine.book = engine.book.with_room(max(most, 1))
    engine.log = new_log(max(CHUNK, 2 * (FILLS_PER_NAME * len(columns) + FILLS_PER_ORDER * max(most, 1))))
    return engine


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
