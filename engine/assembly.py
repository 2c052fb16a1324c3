"""From a panel and a configuration to an Engine ready for its first slice: the last place where objects become arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine import plugins
from engine.account import read_only
from engine.contracts import Guard, Orderer, Rule, Shaper, Strategy
from engine.data.sources import find
from engine.errors import ConfigError, PluginError, first_line
from engine.loop import Engine
from engine.measures import Measures
from engine.orderfile import line_up, read_orders
from engine.shapes import NEAREST, OPTIMISTIC, PESSIMISTIC, Market, Rules, Specs
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.config import Config
    from engine.panel import Panel
    from engine.types import Universe

VOLATILITY_BARS = 20
POLICY = {"pessimistic": PESSIMISTIC, "optimistic": OPTIMISTIC, "nearest": NEAREST}


def limit(value: float | None) -> float:
    """Infinity for a cap that is not set."""
    return float("inf") if value is None else float(value)


def off(value: float | None) -> float:
    """NaN for a rule that is not set."""
    return float("nan") if value is None else float(value)


def in_atr(distance: Any, measures: Measures) -> tuple[float, float, float]:
    """(fraction, multiple of the ATR, which measure that is) of an exit of the file; NaN is off."""
    if hasattr(distance, "atr"):
        return float("nan"), float(distance.atr), measures.place("atr", distance.window)
    return off(distance), float("nan"), float("nan")


def rules_of(config: Config, warmup: int, measures: Measures, explicit: bool) -> Rules:
    """The execution rules and exits of `config` as the kernels read them; what they need is asked of `measures`."""
    execution, exits, caps = config.execution, config.exits, config.caps
    stop = in_atr(exits.stop_loss, measures)
    target = in_atr(exits.take_profit, measures)
    trail = in_atr(exits.trailing_stop, measures)
    any_level = explicit or exits.break_even is not None
    any_level |= any(e is not None for e in (exits.stop_loss, exits.take_profit, exits.trailing_stop))
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
        stop_loss=stop[0],
        take_profit=target[0],
        trailing_stop=trail[0],
        break_even=off(exits.break_even),
        time_stop=off(exits.time_stop),
        intrabar=POLICY[execution.intrabar],
        entry_bar_protection=float(execution.entry_bar_protection),
        fill_at_close=float(execution.fill == "close"),
        delay=float(execution.delay),
        warmup=float(warmup),
        stop_atr=stop[1],
        target_atr=target[1],
        trail_atr=trail[1],
        stop_measure=stop[2],
        target_measure=target[2],
        trail_measure=trail[2],
        max_weight=config.max_weight(),
        max_sector=limit(caps.max_sector),
        max_net=limit(caps.max_net),
        min_cash=caps.min_cash,
        max_order_value=limit(caps.max_order_value),
        levels=float(any_level),
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
            out[rows[length:], i] = deviation_of_past(windows.T)
    return out


def deviation_of_past(returns: Floats) -> Floats:
    """(1, ...) std (ddof 1) over the first axis, summed from the oldest on: the same bits for one column and for many."""
    count = len(returns)
    mean, total = np.zeros((1, *returns.shape[1:])), np.zeros((1, *returns.shape[1:]))
    for row in returns:
        mean += row / count
    for row in returns:
        total += (row - mean) * (row - mean)
    return np.sqrt(total / (count - 1))


def bar_returns(close: Floats) -> Floats:
    """(T, N) return of each bar over the instrument's previous bar; NaN where there is no bar or none before it."""
    out = np.full(close.shape, np.nan)
    for i in range(close.shape[1]):
        rows = np.flatnonzero(~np.isnan(close[:, i]))
        out[rows[1:], i] = close[rows[1:], i] / close[rows[:-1], i] - 1.0
    return out


def market_of(panel: Panel, impact: bool, measures: Measures) -> Market:
    """The panel as the kernels read it; past volatility only when impact needs it, and the measures that were asked for."""
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
        measures=read_only(measures.work_out(panel.adjusted)),
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


def strategy_of(config: Config, n: int, unit: str) -> Rule | Strategy | Orderer:
    """The strategy that `config` names: a compiled rule from a builder, or a Python strategy from a class."""
    factory = plugins.get("barcast.strategies", config.strategy.rule)
    if not isinstance(factory, type):
        rule: Rule = factory(config, n, unit)
        return rule
    params = getattr(config.strategy, "params", {})
    try:
        strategy: Strategy | Orderer = factory(**params)
    except Exception as error:
        raise PluginError(
            f"strategy {config.strategy.rule}: it refuses its arguments: {first_line(error, typed=False)}"
        ) from error
    if isinstance(strategy, Strategy) == isinstance(strategy, Orderer):
        raise PluginError(
            f"strategy {config.strategy.rule}: it needs a method target(now) or orders(now), and not both"
        )
    return strategy


def assemble(
    config: Config,
    panel: Panel,
    forecasts: dict[str, Floats],
    units: dict[str, str],
    warmup: int,
    strategy: Rule | Strategy | Orderer | None = None,
    market: Market | None = None,
    measures: Measures | None = None,
    orders: bool = True,
) -> Engine:
    """An engine for one run. `forecasts` are (T, N) by signal name, in the order a Python strategy sees them.

    `market` may be that of another engine over the same panel whose configuration `needs` the same of it. `measures` is told
    what the run asks for. Without `orders` a file of them is not lined up with the panel: a session does that by slice.
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
    measures = Measures() if measures is None else measures
    strategy = strategy if strategy is not None else strategy_of(config, n, unit)
    plan = None
    if isinstance(strategy, Rule) and strategy.orders is not None:
        plan = line_up(read_orders(find(strategy.orders, config.base)), panel) if orders else None
    explicit = isinstance(strategy, Orderer) or (isinstance(strategy, Rule) and strategy.orders is not None)
    rules = rules_of(config, warmup, measures, explicit)
    shaper: Shaper = plugins.get("barcast.risk", "shape")(config, universe, panel.bars_per_year, measures)
    guard: Guard = plugins.get("barcast.risk", "guard")(config, panel.bars_per_year)
    return Engine.build(
        symbols=universe.symbols,
        market=market if market is not None else market_of(panel, config.execution.impact > 0.0, measures),
        specs=specs_of(universe, panel.delisted_row),
        rules=rules,
        signals=order,
        forecasts=read_only(np.ascontiguousarray(stacked)),
        strategy=strategy,
        shaper=shaper,
        guard=guard,
        plan=plan,
    )


def needs(config: Config) -> tuple[object, ...]:
    """What `config` needs of a market beside its bars; two that need the same may share one."""
    exits, sizing = config.exits, config.sizing
    windows = (exits.stop_loss, exits.take_profit, exits.trailing_stop, sizing.inverse_volatility, sizing.atr)
    return (config.execution.impact > 0.0, *(getattr(told, "window", None) for told in windows))
