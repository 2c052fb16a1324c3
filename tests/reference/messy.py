"""Random messy markets and configurations.

Messy: most movement inside bars, bars that touch both levels, gaps, equal forecasts, missing bars with and without
forecasts, splits and reverse splits with orders waiting, split and dividend on one day, deaths, zero volume; explicit orders
of every kind around the prices, and now and then far from them.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

from engine.types import DAY_NS
from tests.reference.interface import NAN, Atr, Config, Market, Order, Switch, Top


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
    rule = pick(["threshold", "threshold", "quintile", "quintile", "targets", "orders", "orders"])
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
    switches += more_switches(rng)
    distances = [None if pick([True, True, False]) else Atr(pick([0.5, 1.0, 3.0]), pick([2, 5])) for _ in range(3)]
    stop, target, trail = (d or plain for d, plain in zip(
        distances, (pick([None, 0.02, 0.05, 0.2]), pick([None, 0.03, 0.08]), pick([None, None, 0.04])), strict=True
    ))  # fmt: skip
    reckless = rng.random() < 0.06  # bets that end in ruin
    config = Config(
        rule=rule, unit=pick(["return", "probability"]) if rule == "threshold" else "return", warmup=pick([0, 0, 5]), side=side,
        cooldown=pick([0, 0, 3]), confidence=pick([0.3, 0.7]), exit_confidence=pick([-0.5, 0.0, 0.3]), size=pick([0.1, 0.3, 0.6, 1.5]),
        max_positions=pick([1, 2, 4]), quantile=pick([0.2, 0.34, 0.5, 1.0]), positive_only=pick([True, False]),
        negative_only=pick([True, False]), weight=pick(["equal", "slot"]), rebalance=pick(["daily", "daily", "weekly", "monthly", 4]),
        min_names=pick([1, 1, 3]), stop_loss=stop, take_profit=target,
        trailing_stop=trail, inverse_volatility=pick([None, None, None, 3]),
        atr_sizing=pick([None, None, None, (0.02, Atr(2.0, 3))]), min_cash=pick([0.0, 0.0, 0.3]), max_order_value=pick([None, None, 4_000.0]),
        break_even=pick([None, None, 0.02]), time_stop=pick([None, None, 1, 4]),
        exposure_long=exposure[0], exposure_short=exposure[1], smoothing=pick([1.0, 1.0, 0.3]), vol_target=pick([None, None, 0.2]),
        no_trade_band=pick([0.0, 0.0, 0.05]), max_weight=pick([1.0, 0.4, 2.0]), max_gross=pick([1.0, 0.5, 2.0, 4.0]), max_net=pick([None, None, 0.3]),
        max_sector=pick([None, None, 0.4]), switches=switches, fill=pick(["open", "open", "open", "close"]), delay=pick([0, 0, 0, 1, 2]),
        commission=pick([0.0, 0.001]), per_share=pick([0.0, 0.01]), per_order=pick([0.0, 0.0, 1.0]), min_fee=pick([0.0, 0.0, 2.0]),
        slippage=pick([0.0, 0.0005, 0.01]), impact=pick([0.0, 0.0, 0.0, 0.5]), intrabar=pick(["pessimistic", "optimistic", "nearest"]),
        max_participation=pick([None, None, 0.1]), entry_bar_protection=pick([True, True, False]), borrow=pick([0.0, 0.05]),
        interest=pick([0.0, 0.03]), maintenance=pick([None, None, 0.6]), delisting_after=pick([None, 3, 20]),
        delisting_haircut=pick([0.0, 0.3]), capital=pick([100_000.0, 5_000.0]), bars_per_year=252.0,
    )  # fmt: skip
    if reckless:
        ruinous: dict[str, Any] = dict(
            max_gross=15.0, max_weight=9.0, size=8.0, max_net=None, max_sector=None, min_cash=0.0, max_order_value=None
        )
        config = replace(
            config, **ruinous, atr_sizing=None, stop_loss=None, trailing_stop=None, switches=[], maintenance=None
        )
    return with_gate(config, seed)


def with_gate(config: Config, seed: int) -> Config:
    """The same rules; of some thresholds the gates are shares of the last forecasts. Drawn apart from all else."""
    pick = random.Random(seed * 31_337 + 7).choice
    if config.rule != "threshold" or pick([True, False]):
        return config
    window, share = pick([2, 4, 5, 12]), pick([0.1, 0.25, 0.4, 0.6])
    leave = pick([share, share, min(1.0, share + 0.25), 1.0])
    return replace(config, confidence=Top(share, window), exit_confidence=Top(leave, window))


def more_switches(rng: random.Random) -> list[Switch]:
    """Switches that look at the account's returns or days."""
    pick, out = rng.choice, []
    actions = ["flatten", "halt", "reduce"]
    if rng.random() < 0.15:
        out.append(Switch("sigma_loss", pick([0.5, 2.0]), pick(actions), 0.5, pick(["next day", 5]), pick([2, 5])))
    if rng.random() < 0.15:
        out.append(Switch("rolling_sharpe", pick([-3.0, 0.5]), pick(actions), 0.5, pick(["next day", 5]), pick([2, 5])))
    if rng.random() < 0.15:
        out.append(Switch("losing_streak", pick([1, 2, 3]), pick(actions), 0.5, pick(["next day", 5, "never"])))
    return out


def make_orders(seed: int, market: Market, capital: float) -> dict[int, list[Order]]:
    """Explicit orders by the slice at which they are given: of every kind, mostly near the last price."""
    rng = random.Random(seed * 104729 + 5)
    often, near, n = rng.choice([0.05, 0.2, 0.5]), rng.choice([0.005, 0.02, 0.06]), len(market.symbols)
    out: dict[int, list[Order]] = {}
    last = [30.0] * n
    for t in range(len(market.times)):
        for _, i, ratio, _ in (action for action in market.actions if action[0] == t):
            last[i] /= ratio
        last = [before if math.isnan(c) else c for c, before in zip(market.close[t], last, strict=True)]
        for i in range(n):
            while rng.random() < often:
                out.setdefault(t, []).append(one_order(rng, i, last[i], near, capital / max(2, n)))
    return out


def one_order(rng: random.Random, i: int, price: float, near: float, money: float) -> Order:
    """An order of a random kind."""
    pick = rng.choice
    kind = pick(["market", "market", "close", "limit", "limit", "stop", "stop", "stop_limit"])
    side = pick([1, -1])
    size = money / price * rng.choice([0.001, 0.2, 0.7, 1.3])
    toward = pick([1, 1, 1, -1]) * abs(rng.gauss(0, near))
    limit = stop = NAN
    if kind == "limit":
        limit = round(price * (1 - side * toward), pick([1, 2]))
    if kind in ("stop", "stop_limit"):
        stop = round(price * (1 + side * toward), pick([1, 2]))
    if kind == "stop_limit":
        limit = round(stop * (1 + side * rng.gauss(0, near / 2)), 2)
    bracket = [NAN if rng.random() < 0.7 else pick([0.01, 0.03, 0.1]) for _ in range(3)]
    if (limit <= 0.0) or (stop <= 0.0):
        return Order(i, side * size)
    return Order(i, side * size, kind, limit, stop, rng.random() < 0.25, *bracket)


def make_case(seed: int, n: int | None = None, length: int | None = None) -> tuple[Market, Config]:
    """A market and a configuration that fit each other."""
    market, config = make_market(seed, n, length), make_config(seed)
    if config.rule == "orders":
        market.orders = make_orders(seed, market, config.capital)
    if config.rule == "targets":
        market.forecast = [[value / 4 for value in row] for row in market.forecast]
    else:
        market.forecast[: config.warmup] = [[NAN] * len(market.symbols) for _ in range(config.warmup)]
    return market, config
