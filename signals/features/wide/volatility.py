"""Volatility (10): of a day, by closes and by ranges, and how it changes."""

from __future__ import annotations

import math

import numpy as np

from engine.types import Floats
from signals.features import rolling
from signals.features.block import Block
from signals.features.sets import Column

OURS = "barcast"
C, HL, OHLC, CM = ("close",), ("high", "low"), ("open", "high", "low", "close"), ("close", "market")


def logs(b: Block) -> tuple[Floats, Floats, Floats]:
    """ln(H / O), ln(L / O), ln(C / O)."""

    def of(key: str) -> Floats:
        return b.kept(("log", key), lambda: rolling.log(getattr(b, key) / b.open))

    return of("high"), of("low"), of("close")


def root_of_mean(x: Floats, n: int) -> Floats:
    return np.sqrt(np.maximum(rolling.mean(x, n), 0.0))


def parkinson(b: Block) -> Floats:
    """Parkinson (1980): from ranges."""
    spread = rolling.log(b.high / b.low)
    return root_of_mean(spread * spread / (4.0 * math.log(2.0)), 10)


def garman_klass(b: Block) -> Floats:
    """Garman, Klass (1980): from ranges and bodies."""
    high, low, close = logs(b)
    return root_of_mean(0.5 * (high - low) ** 2 - (2.0 * math.log(2.0) - 1.0) * close * close, 40)


def rogers_satchell_terms(b: Block) -> Floats:
    high, low, close = logs(b)
    return high * (high - close) + low * (low - close)


def rogers_satchell(b: Block) -> Floats:
    """Rogers, Satchell (1991): from ranges, whatever the drift."""
    return root_of_mean(rogers_satchell_terms(b), 5)


def yang_zhang(b: Block) -> Floats:
    """Yang, Zhang (2000): overnight, open to close and Rogers-Satchell, of 90 bars."""
    n = 90
    night = rolling.log(b.open / b.lagged("close", 1))
    _, _, day = logs(b)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    between = rolling.std(night, n) ** 2 + k * rolling.std(day, n) ** 2
    return np.sqrt(np.maximum(between + (1.0 - k) * rolling.mean(rogers_satchell_terms(b), n), 0.0))


def downside(b: Block) -> Floats:
    """Root of the mean square of the falls, over all 20 days."""
    fall = np.minimum(b.past(1), 0.0)
    return root_of_mean(fall * fall, 20)


def unsteadiness(b: Block) -> Floats:
    size = np.abs(b.past(1))
    return rolling.std(size, 20) / rolling.mean(size, 20)


def beta(b: Block) -> Floats:
    """Slope of the returns on the market's."""
    return rolling.slope_on(b.past(1), b.index(1)[None], 60)


def own_share(b: Block) -> Floats:
    """Share of the variance of 60 days that the market does not explain."""
    return 1.0 - rolling.correlation(b.past(1), b.index(1)[None], 60) ** 2


def ratio(b: Block) -> Floats:
    return b.volatility(5) / b.volatility(60)


COLUMNS = tuple(
    Column(name, formula, memory, source, needs, compute, "volatility")
    for name, formula, memory, source, needs, compute in (
        ("volatility", "std20(ret_1d)", 20, OURS, C, lambda b: b.volatility(20)),
        ("parkinson", "sqrt(mean10(ln(H / L)^2) / (4 ln 2))", 9, "Parkinson (1980)", HL, parkinson),
        (
            "garman_klass",
            "sqrt(mean40(ln(H / L)^2 / 2 - (2 ln 2 - 1) ln(C / O)^2))",
            39,
            "Garman, Klass (1980)",
            OHLC,
            garman_klass,
        ),
        (
            "rogers_satchell",
            "sqrt(mean5(ln(H / O) ln(H / C) + ln(L / O) ln(L / C)))",
            4,
            "Rogers, Satchell (1991)",
            OHLC,
            rogers_satchell,
        ),
        (
            "yang_zhang",
            "sqrt(var90(ln(O / C[-1])) + k var90(ln(C / O)) + (1 - k) rs90), k = .34 / (1.34 + 91 / 89)",
            90,
            "Yang, Zhang (2000)",
            OHLC,
            yang_zhang,
        ),
        ("downside", "sqrt(mean20(min(ret_1d, 0)^2))", 20, OURS, C, downside),
        ("volatility_ratio", "std5(ret_1d) / std60(ret_1d)", 60, OURS, C, ratio),
        ("unsteadiness", "std20(|ret_1d|) / mean20(|ret_1d|)", 20, OURS, C, unsteadiness),
        ("beta", "slope60(ret_1d on market_return)", 60, OURS, CM, beta),
        ("own_share", "1 - corr60(ret_1d, market_return)^2", 60, OURS, CM, own_share),
    )
)
