"""Random markets and strategy files on the ground that barcast and backtrader share: seeded, a market per number.

Rough on purpose: bars that touch both levels, opens beyond a level, prices in cents that meet a level exactly, equal
forecasts, forecasts that are missing, orders that resize a protected position.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import Panel
from engine.types import Floats


@dataclass(frozen=True, slots=True)
class Case:
    """One market and the file to run on it."""

    seed: int
    config: dict[str, Any]
    panel: Panel
    forecasts: Floats  # (T, N)


def make_case(seed: int) -> Case:
    """The market of a number; the same number, the same bits."""
    rng = random.Random(seed)
    n, length = rng.randint(1, 8), rng.randint(30, 120)
    config = make_config(rng, n)
    return Case(seed, config, make_panel(rng, n, length), make_forecasts(rng, n, length, config))


def make_panel(rng: random.Random, n: int, length: int) -> Panel:
    """Walks whose bars gap and swing; half of the markets are in cents, some in whole money."""
    digits = rng.choice([2, 2, 1, 12])
    rough = rng.choice([0.004, 0.01, 0.03])
    grids = np.empty((4, length, n))
    for i in range(n):
        last = round(rng.choice([10.0, 50.0, 100.0, 100.0]) * rng.choice([1.0, rng.uniform(0.7, 1.4)]), digits)
        for t in range(length):
            opened = last if rng.random() < 0.2 else last * (1.0 + rng.gauss(0.0, rough))
            if rng.random() < 0.05:
                opened *= rng.choice([0.9, 0.95, 1.05, 1.1])
            closed = opened * (1.0 + rng.gauss(0.0, rough))
            high = max(opened, closed) * (1.0 + abs(rng.gauss(0.0, rough)))
            low = min(opened, closed) * (1.0 - abs(rng.gauss(0.0, rough)))
            bar = [max(0.5, round(price, digits)) for price in (opened, high, low, closed)]
            grids[:, t, i] = (bar[0], max(bar), min(bar), bar[3])
            last = bar[3]
    first = np.datetime64("2001-01-01") + rng.randint(0, 4000)
    days = np.busday_offset(first, np.arange(length), roll="forward")
    volume = np.full((length, n), 1e6)
    names = [f"S{i}" for i in range(n)]
    return Panel.from_arrays(names, days, *grids, volume, prices="split_adjusted", name="random")


def make_forecasts(rng: random.Random, n: int, length: int, config: dict[str, Any]) -> Floats:
    """Forecasts that persist for a while, tie, and are missing now and then."""
    probability = config["signals"]["f"]["unit"] == "probability"
    keep, gone, digits = rng.choice([0.0, 0.5, 0.8]), rng.choice([0.0, 0.05, 0.2]), rng.choice([1, 2, 12])
    out = np.full((length, n), np.nan)
    for i in range(n):
        view = 0.0
        for t in range(length):
            if rng.random() >= keep:
                view = rng.random() if probability else rng.gauss(0.0, 0.5)
            if rng.random() >= gone:
                out[t, i] = round(view, digits)
    return out


def make_config(rng: random.Random, n: int) -> dict[str, Any]:
    """A file of either rule, with some of the exits and costs that both sides share."""
    unit = rng.choice(["return", "probability"])
    config = make_threshold(rng, unit) if rng.random() < 0.5 else make_quintile(rng, n)
    exits = {
        key: rng.choice([0.01, 0.02, 0.05, 0.1])
        for key in rng.choice([(), ("stop_loss",), ("take_profit",), ("stop_loss", "take_profit")])
    }
    slippage = 0.0 if "take_profit" in exits else rng.choice([0.0, 0.0005, 0.002])
    commission = rng.choice([0.0, 0.0005, 0.001])
    return config | {
        "name": "random",
        "data": {"source": "csv", "path": "none.csv", "prices": "split_adjusted", "dividends": "none"},
        "signals": {"f": {"plugin": "precomputed", "unit": unit}},
        "exits": exits,
        "execution": {"entry_bar_protection": False, "slippage": slippage, "commission": commission},
        "capital": rng.choice([10_000.0, 100_000.0, 1_000_003.7]),
    }


def make_threshold(rng: random.Random, unit: str) -> dict[str, Any]:
    """`threshold` with slots that the cash is sure to cover, unless shorts run away."""
    slots = rng.randint(1, 4)
    strategy = {
        "rule": "threshold",
        "signal": "f",
        "confidence": rng.choice([0.5, 0.6, 0.7]) if unit == "probability" else rng.choice([0.0, 0.1, 0.4]),
        "size": round(rng.uniform(0.3, 0.7) / slots, 3),
        "max_positions": slots,
        "side": rng.choice(["long", "short", "long_short"]),
        "cooldown": f"{rng.choice([0, 1, 3])} bars",
    }
    if rng.random() < 0.5:
        strategy["exit_confidence"] = round(float(strategy["confidence"]) - rng.choice([0.1, 0.3]), 1)  # type: ignore[arg-type]
    return {"strategy": strategy}


def make_quintile(rng: random.Random, n: int) -> dict[str, Any]:
    """`quintile` at some six tenths of equity, so that an open above the close can still be paid."""
    side = rng.choice(["long", "short", "long_short"])
    strategy = {
        "rule": "quintile",
        "signal": "f",
        "quantile": rng.choice([0.2, 0.34, 0.5]),
        "side": side,
        "positive_only": rng.random() < 0.5,
        "negative_only": rng.random() < 0.5,
        "weight": rng.choice(["equal", "slot"]),
        "rebalance": rng.choice(["daily", "weekly", "monthly", "3 bars"]),
        "min_names": rng.choice([1, 1, max(1, n // 2)]),
        "cooldown": f"{rng.choice([0, 0, 2])} bars",
    }
    exposure = {"long": 0.6, "short": 0.6} if side != "long_short" else {"long": 0.4, "short": 0.25}
    caps = {"max_weight": rng.choice([1.0, 0.25])}
    return {"strategy": strategy, "sizing": {"exposure": exposure}, "caps": caps}
