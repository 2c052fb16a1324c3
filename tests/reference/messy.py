"""Random messy markets and configurations, and the bridge that runs one through the compiled step.

Messy: most movement inside bars, bars that touch both levels, gaps, equal forecasts, missing bars with and without
forecasts, splits and reverse splits with orders waiting, split and dividend on one day, deaths, zero volume.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

import engine.assembly as assembly
import risk.shaping
import risk.switches
import strategies.quintile
import strategies.threshold
from engine.loop import Engine
from engine.signatures import Market as Arrays
from engine.types import DAY_NS, Fills, Universe
from tests.reference.interface import NAN, Config, Market, Switch


def make_market(seed: int, n: int | None = None, length: int | None = None) -> Market:
    """A market whose every disease is likely to show somewhere in a hundred slices."""
    rng = random.Random(seed)
    n = rng.randint(1, 7) if n is None else n
    length = rng.randint(30, 90) if length is None else length
    per_day = rng.choice([1, 1, 1, 3])
    day = [t // per_day for t in range(length)]
    step = DAY_NS // per_day
    times = [1_600_000_000_000_000_000 + t * step for t in range(length)]
    last_day = [t == length - 1 or day[t + 1] != day[t] for t in range(length)]
    last_week = [last_day[t] and day[t] % 5 == 4 for t in range(length)]
    last_month = [last_day[t] and day[t] % 11 == 10 for t in range(length)]
    grids = [[[NAN] * n for _ in range(length)] for _ in range(6)]
    actions: list[tuple[int, int, float, float]] = []
    delisted_t, terminal = [-1] * n, [NAN] * n
    for i in range(n):
        walk_instrument(rng, i, length, grids, actions)
        if rng.random() < 0.12:
            delisted_t[i] = rng.randint(length // 3, length - 1)
            for t in range(delisted_t[i], length):
                for grid in grids[:5]:
                    grid[t][i] = NAN
            terminal[i] = rng.choice([NAN, 0.0, rng.uniform(1, 60)])
    actions.sort()
    member = None
    if rng.random() < 0.15:
        member = [[rng.random() < 0.9 for _ in range(n)] for _ in range(length)]
    lot = [rng.choice([1.0, 1.0, 1.0, 10.0, 0.1, 0.0]) for _ in range(n)] if rng.random() < 0.4 else [1.0] * n
    tick = [rng.choice([NAN, 0.01, 0.25]) for _ in range(n)] if rng.random() < 0.3 else [NAN] * n
    multiplier = [rng.choice([1.0, 1.0, 5.0]) for _ in range(n)] if rng.random() < 0.3 else [1.0] * n
    return Market(
        times, day, last_day, last_week, last_month, [f"S{i:02d}" for i in range(n)], *grids[:5],
        actions=actions, forecast=grids[5], lot=lot, tick=tick, multiplier=multiplier,
        sector=[rng.choice([-1, 0, 0, 1]) for _ in range(n)], delisted_t=delisted_t, terminal_value=terminal, member=member,
    )  # fmt: skip


def walk_instrument(rng: random.Random, i: int, length: int, grids: list, actions: list) -> None:
    """Write one instrument's bars, forecasts and actions."""
    opens, highs, lows, closes, volumes, forecasts = grids
    price, wild = rng.uniform(20, 60), rng.choice([0.02, 0.05, 0.1])
    gone_from = rng.randint(length // 2, length) if rng.random() < 0.15 else length
    back_at = gone_from + rng.randint(5, 25)
    coarse, sparse = rng.random() < 0.4, rng.choice([0.0, 0.05, 0.15])
    for t in range(length):
        forecasts[t][i] = NAN if rng.random() < 0.1 else rng.gauss(0, 1)
        if coarse and not math.isnan(forecasts[t][i]):
            forecasts[t][i] = round(forecasts[t][i])
        ratio = dividend = None
        if rng.random() < 0.03:
            ratio = rng.choice([2.0, 3.0, 1.5, 0.1, 0.5, 10.0, 0.01])
        if rng.random() < 0.03 or (ratio is not None and rng.random() < 0.3):
            dividend = price / (ratio or 1.0) * rng.choice([0.01, 0.05])
        if ratio is not None or dividend is not None:
            actions.append((t, i, ratio or 1.0, dividend or 0.0))
            price = price / (ratio or 1.0) - (dividend or 0.0)
        price = max(price, 0.2)
        if rng.random() < sparse or gone_from <= t < back_at:
            continue
        gap = rng.gauss(0, wild) if rng.random() < 0.3 else rng.gauss(0, 0.003)
        if rng.random() < 0.01:
            gap = rng.choice([-0.6, 1.5])
        opened = max(0.05, price * (1 + gap))
        closed = max(0.05, opened * (1 + rng.gauss(0, wild / 2)))
        high = max(opened, closed) * (1 + abs(rng.gauss(0, wild)))
        low = max(0.01, min(opened, closed) * (1 - min(0.9, abs(rng.gauss(0, wild)))))
        if rng.random() < 0.2:
            opened = price
            high, low = max(high, opened), min(low, opened)
        places = rng.choice([2, 2, 6])
        opened, high, low, closed = (round(x, places) for x in (opened, high, low, closed))
        low = max(low, 10.0**-places)
        opened, closed = max(opened, low), max(closed, low)
        opens[t][i] = NAN if rng.random() < 0.02 else opened
        known = rng.random() > 0.03
        highs[t][i], lows[t][i] = (high, low) if known else (NAN, rng.choice([NAN, low]))
        closes[t][i] = closed
        volumes[t][i] = rng.choice([NAN, 0.0, 50.0, 500.0, 5000.0, 50000.0, 50000.0])
        price = closed


def make_config(seed: int) -> Config:
    """Rules drawn so that every paragraph of the step has work to do."""
    rng = random.Random(seed * 7919 + 1)
    pick = rng.choice
    rule = pick(["threshold", "threshold", "quintile", "quintile", "targets"])
    side = pick(["long", "short", "long_short"])
    exposure = {"long": (1.0, 0.0), "short": (0.0, 1.0), "long_short": pick([(0.65, 0.35), (1.0, 1.0), (2.0, 2.0)])}[
        side
    ]
    if rule == "targets":
        exposure = pick([(1.0, 1.0), (0.5, 1.0)])
    switches = []
    if rng.random() < 0.25:
        switches.append(
            Switch("max_drawdown", pick([0.02, 0.1]), pick(["flatten", "halt", "reduce"]), 0.5, pick(["never", 5, 10]))
        )
    if rng.random() < 0.25:
        switches.append(Switch("daily_loss", pick([0.01, 0.03]), pick(["flatten", "halt", "reduce"]), 0.5, "next day"))
    return Config(
        rule=rule, unit=pick(["return", "probability"]) if rule == "threshold" else "return", warmup=pick([0, 0, 5]), side=side,
        cooldown=pick([0, 0, 3]), confidence=pick([0.3, 0.7]), exit_confidence=pick([-0.5, 0.0, 0.3]), size=pick([0.1, 0.3, 0.6, 1.5]),
        max_positions=pick([1, 2, 4]), quantile=pick([0.2, 0.34, 0.5, 1.0]), positive_only=pick([True, False]),
        negative_only=pick([True, False]), weight=pick(["equal", "slot"]), rebalance=pick(["daily", "daily", "weekly", "monthly", 4]),
        min_names=pick([1, 1, 3]), stop_loss=pick([None, 0.02, 0.05, 0.2]), take_profit=pick([None, 0.03, 0.08]),
        trailing_stop=pick([None, None, 0.04]), break_even=pick([None, None, 0.02]), time_stop=pick([None, None, 1, 4]),
        exposure_long=exposure[0], exposure_short=exposure[1], smoothing=pick([1.0, 1.0, 0.3]), vol_target=pick([None, None, 0.2]),
        no_trade_band=pick([0.0, 0.0, 0.05]), max_weight=pick([1.0, 0.4, 2.0]), max_gross=pick([1.0, 0.5, 2.0, 4.0]), max_net=pick([None, None, 0.3]),
        max_sector=pick([None, None, 0.4]), switches=switches, fill=pick(["open", "open", "open", "close"]), delay=pick([0, 0, 0, 1, 2]),
        commission=pick([0.0, 0.001]), per_share=pick([0.0, 0.01]), per_order=pick([0.0, 0.0, 1.0]), min_fee=pick([0.0, 0.0, 2.0]),
        slippage=pick([0.0, 0.0005, 0.01]), impact=pick([0.0, 0.0, 0.0, 0.5]), intrabar=pick(["pessimistic", "optimistic", "nearest"]),
        max_participation=pick([None, None, 0.1]), entry_bar_protection=pick([True, True, False]), borrow=pick([0.0, 0.05]),
        interest=pick([0.0, 0.03]), maintenance=pick([None, None, 0.6]), delisting_after=pick([None, 3, 20]),
        delisting_haircut=pick([0.0, 0.3]), capital=pick([100_000.0, 5_000.0]), bars_per_year=252.0,
    )  # fmt: skip


def make_case(seed: int, n: int | None = None, length: int | None = None) -> tuple[Market, Config]:
    """A market and a configuration that fit each other."""
    market, config = make_market(seed, n, length), make_config(seed)
    if config.rule == "targets":
        market.forecast = [[value / 4 for value in row] for row in market.forecast]
    else:
        market.forecast[: config.warmup] = [[NAN] * len(market.symbols) for _ in range(config.warmup)]
    return market, config


@dataclass
class Weights:
    """The Python strategy of the messy markets: what the forecast says is the weight."""

    signal: str = "f"

    def target(self, now):
        return now.forecasts[self.signal]


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
        volatility=frozen(np.zeros((1, n))), member=frozen(market.member if market.member else [[True] * n], bool),
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
        strategy=strategy, execution=config, exits=config, caps=config, sizing=config, data=config, capital=config.capital,
        switches=SimpleNamespace(max_drawdown=named.get("max_drawdown"), daily_loss=named.get("daily_loss")),
        exposure=lambda: (config.exposure_long, config.exposure_short), max_weight=lambda: config.max_weight,
    )  # fmt: skip
    arrays = arrays_of(market)
    if config.impact > 0.0:
        adjusted = adjusted_closes(market)
        volatility = assembly.past_volatility(assembly.bar_returns(adjusted))
        volatility.flags.writeable = False
        arrays = arrays._replace(volatility=volatility)
    forecasts = np.array(market.forecast, dtype=float).reshape(len(market.times), 1, n)
    if config.rule == "targets":
        rule = Weights()
    else:
        builder = strategies.threshold if config.rule == "threshold" else strategies.quintile
        rule = builder.build(full, n, config.unit)
    return Engine.build(
        tuple(market.symbols), arrays, assembly.specs_of(universe, np.array(market.delisted_t, np.int64)),
        assembly.rules_of(full, config.warmup), ("f",), forecasts, rule,
        risk.shaping.build(full, universe, config.bars_per_year), risk.switches.build(full),
    )  # fmt: skip


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
