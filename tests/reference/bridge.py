"""The bridge that runs a reference market and configuration through the compiled step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

import engine.assembly as assembly
import risk.shaping
import risk.switches
import strategies.orders
import strategies.quintile
import strategies.threshold
from engine import types
from engine.contracts import Rule
from engine.loop import Engine
from engine.measures import Measures
from engine.orders import plan_of
from engine.shapes import Market as Arrays
from engine.types import Fills, Universe
from tests.reference.interface import NAN, Atr, Config, Market, Order

KINDS = ("max_drawdown", "daily_loss", "sigma_loss", "rolling_sharpe", "losing_streak")


@dataclass
class Weights:
    """The Python strategy of the messy markets: what the forecast says is the weight."""

    signal: str = "f"

    def target(self, now):
        return now.forecasts[self.signal]


@dataclass
class Says:
    """The Python strategy that gives the market's explicit orders one slice after the other."""

    market: Market

    def orders(self, now):
        return [order_of(order) for order in self.market.orders.get(now.t, [])]


def arrays_of(market: Market) -> Arrays:
    """The market as the kernels read it."""
    rows, n = len(market.times), len(market.symbols)

    def frozen(values, dtype=float):
        array = np.array(values, dtype=dtype)
        array.flags.writeable = False
        return array

    bars = [frozen(grid) for grid in (market.open, market.high, market.low, market.close, market.volume)]
    first = np.searchsorted([a[0] for a in market.actions], np.arange(rows + 1)).astype(np.int64)
    flags = (market.last_of_day, market.last_of_week, market.last_of_month)
    return Arrays(
        frozen(market.times, np.int64), frozen(market.day, np.int64), *(frozen(flag, np.int64) for flag in flags), *bars,
        volatility=frozen(np.zeros((1, n))), measures=frozen(np.zeros((1, 0, n))), member=frozen(market.member if market.member else [[True] * n], bool),
        action_first=frozen(first, np.int64), action_instrument=frozen([a[1] for a in market.actions], np.int64),
        action_split=frozen([a[2] for a in market.actions]), action_dividend=frozen([a[3] for a in market.actions]),
    )  # fmt: skip


def build(market: Market, config: Config, python_strategy: bool = False) -> Engine:
    """The compiled engine for a reference market and configuration."""
    n = len(market.symbols)
    universe = Universe(
        tuple(market.symbols), np.array(market.lot), np.array(market.tick), np.array(market.multiplier),
        np.array(market.sector, np.int64), ("a", "b"), np.zeros(n, np.int64), np.array(market.terminal_value),
    )  # fmt: skip
    named = {s.kind: s for s in config.switches}
    strategy = SimpleNamespace(**{**vars(config), "signal": "f"})
    full = SimpleNamespace(
        strategy=strategy, execution=config, exits=exits_of(config), caps=config, sizing=sizing_of(config), data=config,
        capital=config.capital, switches=SimpleNamespace(**{kind: named.get(kind) for kind in KINDS}),
        exposure=lambda: (config.exposure_long, config.exposure_short), max_weight=lambda: config.max_weight,
    )  # fmt: skip
    measures = Measures()
    shaper = risk.shaping.build(full, universe, config.bars_per_year, measures)
    rules = assembly.rules_of(full, config.warmup, measures, config.rule == "orders")
    arrays = arrays_of(market)
    if config.impact > 0.0 or measures.asked:
        factor = adjusted_closes(market) / np.array(market.close)
        high, low, close = (np.array(grid) * factor for grid in (market.high, market.low, market.close))
        arrays = arrays._replace(measures=fixed(measures.work_out(SimpleNamespace(high=high, low=low, close=close))))
        if config.impact > 0.0:
            arrays = arrays._replace(volatility=fixed(assembly.past_volatility(assembly.bar_returns(close))))
    forecasts = np.array(market.forecast, dtype=float).reshape(len(market.times), 1, n)
    rule, plan = rule_of(market, config, full, python_strategy)
    return Engine.build(
        tuple(market.symbols), arrays, assembly.specs_of(universe, np.array(market.delisted_t, np.int64)), rules, ("f",),
        forecasts, rule, shaper, risk.switches.build(full, config.bars_per_year), plan,
    )  # fmt: skip


def rule_of(market: Market, config: Config, full: Any, python_strategy: bool) -> tuple[Any, Any]:
    """(the strategy, the plan of its explicit orders or None)."""
    n = len(market.symbols)
    if config.rule == "orders" and python_strategy:
        return Says(market), None
    if config.rule == "orders":
        given = [market.orders.get(t, []) for t in range(len(market.times))]
        first = np.cumsum([0, *map(len, given)]).astype(np.int64)
        columns = {symbol: i for i, symbol in enumerate(market.symbols)}
        plan = plan_of([order_of(order) for orders in given for order in orders], first, columns)
        return Rule(strategies.orders.decide, np.zeros(1), np.full((1, 1), np.inf), ()), plan
    if config.rule == "targets":
        return Weights(), None
    builder = strategies.threshold if config.rule == "threshold" else strategies.quintile
    return builder.build(full, n, config.unit), None


def order_of(order: Order) -> types.Order:
    """An order of the reference as the engine's own."""
    values = {name: getattr(order, name) for name in ("limit", "stop", "stop_loss", "take_profit", "trailing_stop")}
    told = {name: None if math.isnan(value) else value for name, value in values.items()}
    return types.Order(order.i, order.quantity, order.kind, reduce_only=order.reduce_only, **told)


def exits_of(config: Config) -> SimpleNamespace:
    """The exits as the engine's configuration says them."""
    names = ("stop_loss", "take_profit", "trailing_stop")
    told = {name: getattr(config, name) for name in names}
    atr = {name: SimpleNamespace(atr=d.multiple, window=d.window) for name, d in told.items() if isinstance(d, Atr)}
    return SimpleNamespace(**{**told, **atr}, break_even=config.break_even, time_stop=config.time_stop)


def sizing_of(config: Config) -> SimpleNamespace:
    """The sizers as the engine's configuration says them."""
    window, atr = config.inverse_volatility, config.atr_sizing
    return SimpleNamespace(
        smoothing=config.smoothing, vol_target=config.vol_target, no_trade_band=config.no_trade_band,
        inverse_volatility=None if window is None else SimpleNamespace(window=window),
        atr=None if atr is None else SimpleNamespace(risk=atr[0], multiple=atr[1].multiple, window=atr[1].window),
    )  # fmt: skip


def fixed(array: np.ndarray) -> np.ndarray:
    """The array, read-only."""
    array.flags.writeable = False
    return array


def adjusted_closes(market: Market) -> np.ndarray:
    """(T, N) closes of the forward total-return index, for the volatility that impact uses."""
    close = np.array(market.close)
    out = np.full(close.shape, np.nan)
    for i in range(close.shape[1]):
        shares, cash, last, level = 1.0, 0.0, NAN, NAN
        events = {t: (split, dividend) for t, k, split, dividend in market.actions if k == i}
        for t in range(close.shape[0]):
            split, dividend = events.get(t, (1.0, 0.0))
            shares *= split
            cash = cash + shares * dividend
            if not math.isnan(close[t, i]):
                level = close[t, i] if math.isnan(last) else level * (shares * close[t, i] + cash) / last
                out[t, i], last, shares, cash = level, close[t, i], 1.0, 0.0
    return out


def fills_of(engine: Engine) -> Fills:
    return engine.fills()
