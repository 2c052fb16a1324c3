"""What a result hangs on: each assumption moved alone, and how much money the strategy could carry. All of it as lanes.

The tornado moves one number of the configuration at a time, the others as they stand, and orders them by how far the Sharpe
ratio goes. The capacity curve runs the strategy at rising capital while no order may take more than a share of a bar's volume
and pays for what it takes: slippage grows by impact x volatility x sqrt(quantity / volume).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from engine.config import Config
from engine.config.gates import Trailing
from engine.errors import ConfigError
from engine.lane import Lane, configure, run_points
from engine.run import Inputs

LEVELS = 32  # of capital
DECADES = 5.0  # from the configured capital up
PARTICIPATION = 0.10  # of a bar's volume, where the configuration sets no other
IMPACT = 0.5  # where the configuration sets none; of the order found for US stocks by Almgren and others (2005)
Progress = Callable[[int, int], None]


class Move(NamedTuple):
    """One assumption moved down and up, and the Sharpe ratio and return a year that come of it (None: undefined)."""

    key: str
    low: Any
    high: Any
    sharpe: tuple[float | None, float | None]
    cagr: tuple[float | None, float | None]

    @property
    def span(self) -> float:
        """How far apart the Sharpe ratios are; 0 where one is undefined."""
        low, high = self.sharpe
        return 0.0 if low is None or high is None else abs(high - low)


class Level(NamedTuple):
    """The strategy at one level of capital."""

    capital: float
    sharpe: float | None
    cagr: float | None


class Assumptions(NamedTuple):
    """Tornado, widest first, and capacity curve, by rising capital."""

    sharpe: float | None
    cagr: float | None
    tornado: tuple[Move, ...]
    capacity: tuple[Level, ...]  # empty where no volume is known
    half: float | None  # capital at which the return a year is half of the smallest level's; None: not reached
    said: str


def assumptions(
    config: Config, inputs: Inputs, threads: int | None = None, progress: Progress | None = None
) -> Assumptions:
    """Both, of one pass over the lanes of each."""
    moves = [one for one in moved(config) if _valid(config, one[0], one[1], one[2])]
    points: list[dict[str, Any]] = [{}]
    for key, low, high in moves:
        points += [{key: low}, {key: high}]
    volumed = bool(np.isfinite(inputs.panel.volume).any())
    e = config.execution
    share = PARTICIPATION if e.max_participation is None else e.max_participation
    impact = e.impact if e.impact > 0.0 else IMPACT
    levels = config.capital * np.logspace(0.0, DECADES, LEVELS) if volumed else np.empty(0)
    points += [{"capital": float(c), "execution.max_participation": share, "execution.impact": impact} for c in levels]
    done = run_points(config, points, inputs, threads, progress)
    base, pairs, rest = done[0], done[1 : 1 + 2 * len(moves)], done[1 + 2 * len(moves) :]
    tornado = [
        Move(key, low, high, (_told(a, "sharpe"), _told(b, "sharpe")), (_told(a, "cagr"), _told(b, "cagr")))
        for (key, low, high), a, b in zip(moves, pairs[::2], pairs[1::2], strict=True)
    ]
    curve = tuple(
        Level(float(c), _told(lane, "sharpe"), _told(lane, "cagr")) for c, lane in zip(levels, rest, strict=True)
    )
    said = f"at most {share:.0%} of a bar's volume, impact {impact:g}" if volumed else "no volume is known: no capacity"
    widest = tuple(sorted(tornado, key=lambda one: -one.span))
    return Assumptions(_told(base, "sharpe"), _told(base, "cagr"), widest, curve, halved(curve), said)


def moved(config: Config) -> list[tuple[str, Any, Any]]:
    """(key, low, high) of every number that is set: costs to nothing and doubled, the others a quarter either way."""
    e, x = config.execution, config.exits
    out: list[tuple[str, Any, Any]] = [
        ("execution.commission", 0.0, 2.0 * e.commission if e.commission else 0.001),
        ("execution.slippage", 0.0, 2.0 * e.slippage if e.slippage else 0.001),
        ("execution.delay", e.delay, e.delay + 1),
    ]
    for key, value in (
        ("exits.stop_loss", x.stop_loss),
        ("exits.take_profit", x.take_profit),
        ("exits.trailing_stop", x.trailing_stop),
        ("exits.time_stop", x.time_stop),
        ("sizing.vol_target", config.sizing.vol_target),
        *((f"strategy.{name}", getattr(config.strategy, name, None)) for name in ("quantile", "size", "confidence")),
    ):
        if isinstance(value, Trailing):
            less, more = (str(replace(value, share=factor * value.share)) for factor in (0.75, 1.25))
            out.append((key, less, more))
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue  # not set, or counted in ATR
        low, high = 0.75 * value, 1.25 * value
        whole = isinstance(value, int)
        out.append((key, max(1, round(low)), max(2, math.ceil(high))) if whole else (key, low, high))
    return out


def _valid(config: Config, key: str, low: Any, high: Any) -> bool:
    """Whether the rules of the file allow both: a confidence of .9 cannot be a quarter higher."""
    try:
        for value in (low, high):
            configure(config, {key: value}, 0)
    except ConfigError:
        return False
    return True


def halved(curve: tuple[Level, ...]) -> float | None:
    """The first capital whose return a year is at most half that of the first level; None where it never is."""
    if not curve or curve[0].cagr is None or curve[0].cagr <= 0.0:
        return None
    for level in curve[1:]:
        if level.cagr is None or level.cagr <= 0.5 * curve[0].cagr:
            return level.capital
    return None


def _told(lane: Lane, name: str) -> float | None:
    value = lane.metrics[name]
    return None if value is None else float(value)
