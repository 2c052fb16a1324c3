"""Pattern (10): candles, breakouts, support and resistance, straight lines."""

from __future__ import annotations

import numpy as np

from engine.types import Floats
from signals.features import rolling
from signals.features.block import Block
from signals.features.sets import Column

OURS = "barcast"
C, HLC, OC, OHLC = ("close",), ("high", "low", "close"), ("open", "close"), ("open", "high", "low", "close")


def sided(up: np.ndarray, down: np.ndarray, *known: Floats) -> Floats:
    """1 where `up`, -1 where `down`, else 0; NaN where one of `known` is."""
    nothing = 0.0 * np.sum(known, axis=0)
    return nothing + up - down


def upper_shadow(b: Block) -> Floats:
    return (b.high - np.maximum(b.open, b.close)) / rolling.mean(b.high - b.low, 14)


def lower_shadow(b: Block) -> Floats:
    return (np.minimum(b.open, b.close) - b.low) / rolling.mean(b.high - b.low, 14)


def engulfing(b: Block) -> Floats:
    """Nison (1991): a body around the whole body before, of the other colour; 1 white, -1 black."""
    before_open, before = b.lagged("open", 1), b.lagged("close", 1)
    up = (before < before_open) & (b.close > b.open) & (b.close >= before_open) & (b.open <= before)
    down = (before > before_open) & (b.close < b.open) & (b.open >= before) & (b.close <= before_open)
    return sided(up, down, before_open, before, b.open, b.close)


def inside(b: Block) -> Floats:
    """1 for a bar within the range of the one before, -1 for one around it."""
    high, low = b.lagged("high", 1), b.lagged("low", 1)
    within = (b.high <= high) & (b.low >= low)
    around = (b.high >= high) & (b.low <= low)
    return sided(within & ~around, around & ~within, high, low, b.high, b.low)


def breakout(b: Block) -> Floats:
    """Donchian: the close above the highs, 1, or below the lows, -1, of the 20 bars before."""
    high, low = rolling.lag(b.highest("high", 20), 1), rolling.lag(b.lowest("low", 20), 1)
    return sided(b.close > high, b.close < low, high, low, b.close)


def resistance(b: Block) -> Floats:
    """Distance up to the highest high of the 120 bars that ended 20 bars ago; below 0 once it is broken."""
    return rolling.lag(b.highest("high", 120), 20) / b.close - 1.0


def support(b: Block) -> Floats:
    """Distance down to the lowest low of the same bars."""
    return 1.0 - rolling.lag(b.lowest("low", 120), 20) / b.close


def line(b: Block, n: int) -> tuple[Floats, Floats]:
    """Slope per slice and R squared of a straight line through the last n closes."""
    return rolling.line(b.close, n)


def slope(b: Block) -> Floats:
    return line(b, 40)[0] / b.close


def fit_20(b: Block) -> Floats:
    return line(b, 20)[1]


def fit_60(b: Block) -> Floats:
    return line(b, 60)[1]


COLUMNS = tuple(
    Column(name, formula, memory, source, needs, compute, "pattern")
    for name, formula, memory, source, needs, compute in (
        ("upper_shadow", "(H - max(O, C)) / mean14(H - L)", 13, OURS, OHLC, upper_shadow),
        ("lower_shadow", "(min(O, C) - L) / mean14(H - L)", 13, OURS, OHLC, lower_shadow),
        (
            "engulfing",
            "1, -1 or 0: a body around the body before, of the other colour",
            1,
            "Nison (1991)",
            OC,
            engulfing,
        ),
        ("inside", "1 within the bar before, -1 around it, else 0", 1, OURS, ("high", "low"), inside),
        ("breakout", "1 if C > max20(H)[-1], -1 if C < min20(L)[-1], else 0", 20, "Donchian (1960)", HLC, breakout),
        ("resistance", "max120(H)[-20] / C - 1", 139, OURS, ("high", "close"), resistance),
        ("support", "1 - min120(L)[-20] / C", 139, OURS, ("low", "close"), support),
        ("slope", "slope40(C) / C", 39, OURS, C, slope),
        ("fit_20", "r2 of a line through 20 closes", 19, OURS, C, fit_20),
        ("fit_60", "r2 of a line through 60 closes", 59, OURS, C, fit_60),
    )
)
