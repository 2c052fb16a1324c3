"""From a panel and a configuration to an Engine ready for its first slice: the last place where objects become arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine import plugins
from engine.account import read_only
from engine.contracts import Guard, Rule, Shaper, Strategy
from engine.errors import ConfigError, PluginError, first_line
from engine.loop import Engine
from engine.signatures import NEAREST, OPTIMISTIC, PESSIMISTIC, Market, Rules, Specs
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.config import Config
    from engine.panel import Panel
    from engine.types import Universe

VOLATILITY_BARS = 20
POLICY = {"pessimistic": PESSIMISTIC, "optimistic": OPTIMISTIC, "nearest": NEAREST}


def off(value: float | None) -> float:
    """NaN for a rule that is not set."""
    return float("nan") if value is None else float(value)


def rules_of(config: Config, warmup: int) -> Rules:
    """The execution rules and exits of `config` as the kernels read them."""
    execution, exits = config.execution, config.exits
    return Rules(
        capital=float(config.capital),
        commission=execution.commission,
        per_share=execution.per_share,
        per_order=execution.per_order,
        min_fee=execution.min_fee,
        slippage=execution.slippage,
        impact=execution.impact,
        max_participation=off(execution.max_participation),
        borrow=execution.borrow,
        interest=execution.interest,
        maintenance=off(execution.maintenance),
        delisting_after=float("inf") if config.data.delisting_after is None else float(config.data.delisting_after),
        delisting_haircut=config.data.delisting_haircut,
        max_gross=config.caps.max_gross,
        no_trade_band=config.sizing.no_trade_band,
        stop_loss=off(exits.stop_loss),
        take_profit=off(exits.take_profit),
        trailing_stop=off(exits.trailing_stop),
        break_even=off(exits.break_even),
        time_stop=off(exits.time_stop),
        intrabar=POLICY[execution.intrabar],
        entry_bar_protection=float(execution.entry_bar_protection),
        fill_at_close=float(execution.fill == "close"),
        delay=float(execution.delay),
        warmup=float(warmup),
    )


def past_volatility(returns: Floats, length: int = VOLATILITY_BARS) -> Floats:
    """(T, N) std (ddof 1) of the `length` bars' returns before each bar; 0 before there are that many.

    Only bars that exist count: a gap neither adds a return nor breaks the window.
    """
    out = np.zeros(returns.shape)
    for i in range(returns.shape[1]):
        rows = np.flatnonzero(~np.isnan(returns[:, i]))
        if len(rows) > length:
            windows = np.lib.stride_tricks.sliding_window_view(returns[rows, i], length)[:-1]
            out[rows[length:], i] = windows.std(axis=1, ddof=1)
    return out


def bar_returns(close: Floats) -> Floats:
    """(T, N) return of each bar over the instrument's previous bar; NaN where there is no bar or none before it."""
    out = np.full(close.shape, np.nan)
    for i in range(close.shape[1]):
        rows = np.flatnonzero(~np.isnan(close[:, i]))
        out[rows[1:], i] = close[rows[1:], i] / close[rows[:-1], i] - 1.0
    return out


def market_of(panel: Panel, impact: bool) -> Market:
    """The panel as the kernels read it; past volatility is only worked out when impact needs it."""
    n = len(panel.universe)
    actions = panel.actions
    member = np.ones((1, n), np.bool_) if panel.member is None else panel.member
    volatility = past_volatility(bar_returns(panel.adjusted.close)) if impact else np.zeros((1, n))
    return Market(
        times=read_only(panel.times),
        day=read_only(panel.days),
        last_of_day=read_only(panel.last_of_day.astype(np.int64)),
        last_of_week=read_only(panel.last_of_week.astype(np.int64)),
        last_of_month=read_only(panel.last_of_month.astype(np.int64)),
        open=read_only(panel.open),
        high=read_only(panel.high),
        low=read_only(panel.low),
        close=read_only(panel.close),
        volume=read_only(panel.volume),
        volatility=read_only(volatility),
        member=read_only(np.ascontiguousarray(member)),
        action_first=read_only(actions.first),
        action_instrument=read_only(actions.instrument),
        action_split=read_only(actions.split),
        action_dividend=read_only(actions.dividend),
    )


def specs_of(universe: Universe, delisted_row: Ints) -> Specs:
    """What the instruments carry, as the kernels read it."""
    rank = np.argsort(np.argsort(np.array(universe.symbols))).astype(np.int64)
    return Specs(
        lot=read_only(universe.lot),
        tick=read_only(universe.tick),
        multiplier=read_only(universe.multiplier),
        terminal_value=read_only(universe.terminal_value),
        delisted_row=read_only(delisted_row),
        sector=read_only(universe.sector),
        symbol_rank=read_only(rank),
    )


def strategy_of(config: Config, n: int, unit: str) -> Rule | Strategy:
    """The strategy that `config` names: a compiled rule from a builder, or a Python strategy from a class."""
    factory = plugins.get("barcast.strategies", config.strategy.rule)
    if not isinstance(factory, type):
        rule: Rule = factory(config, n, unit)
        return rule
    params = getattr(config.strategy, "params", {})
    try:
        strategy = factory(**params)
    except Exception as error:
        raise PluginError(
            f"strategy {config.strategy.rule}: it refuses its arguments: {first_line(error, typed=False)}"
        ) from error
    if not isinstance(strategy, Strategy):
        raise PluginError(f"strategy {config.strategy.rule}: it needs a method target(now)")
    return strategy


def assemble(
    config: Config,
    panel: Panel,
    forecasts: dict[str, Floats],
    units: dict[str, str],
    warmup: int,
    strategy: Rule | Strategy | None = None,
    market: Market | None = None,
) -> Engine:
    """An engine for one run. `forecasts` are (T, N) by signal name, in the order a Python strategy sees them.

    `market` may be that of another engine over the same panel, unless one of the two has impact and the other has not.
    """
    universe = panel.universe
    if config.caps.max_sector is not None and (universe.sector < 0).all():
        raise ConfigError(
            "caps.max_sector: the data names no sectors; add a column `sector`, name universe.sectors, or leave the cap out"
        )
    main = getattr(config.strategy, "signal", None)
    order = (main, *(name for name in forecasts if name != main)) if main in forecasts else tuple(forecasts)
    rows, n = panel.close.shape
    if len(order) == 1:
        stacked = forecasts[order[0]].reshape(rows, 1, n)
    elif order:
        stacked = np.stack([forecasts[name] for name in order], axis=1)
    else:
        stacked = np.full((rows, 1, n), np.nan)
    unit = units.get(order[0], "return") if order else "return"
    shaper: Shaper = plugins.get("barcast.risk", "shape")(config, universe, panel.bars_per_year)
    guard: Guard = plugins.get("barcast.risk", "guard")(config)
    return Engine.build(
        symbols=universe.symbols,
        market=market if market is not None else market_of(panel, config.execution.impact > 0.0),
        specs=specs_of(universe, panel.delisted_row),
        rules=rules_of(config, warmup),
        signals=order,
        forecasts=read_only(np.ascontiguousarray(stacked)),
        strategy=strategy if strategy is not None else strategy_of(config, n, unit),
        shaper=shaper,
        guard=guard,
    )
