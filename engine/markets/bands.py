"""Where real markets lie: a band for each stylised fact, and a market judged by all of them.

The bands hold the S&P 500 itself: the lowest and highest value over windows of 5,000 sessions of the index, rounded outward.
Two sources: the packaged `sp500` (arch's wheel, 1999-2018), which anybody can measure again (a test does), and eight windows of
^GSPC from 1928 to 2017, begun every 2,500 sessions, plus its last 5,000 to 2023. Windows with 19 October 1987 count where
one day does not decide the figure: not for kurtosis, aggregation and bursts (73, .05 and 2.8 with that day). Volume is known
from 1957 on, and counts from 1967, when the tape had outgrown its counters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.markets import facts
from engine.types import Floats


@dataclass(frozen=True, slots=True)
class Band:
    """One fact: how it is measured and where it lies; `real` is what the packaged sp500 has."""

    name: str
    measured: str
    low: float
    high: float
    real: float
    measure: Callable[[Floats], float]


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of one market."""

    name: str
    measured: str
    value: float
    low: float
    high: float
    real: float
    passes: bool


BANDS = (
    # ^GSPC .021 to .053; 20 lags of nothing have 1 / sqrt(T), .014 here
    Band("no linear autocorrelation", "rms autocorrelation, lags 1-20", 0.0, 0.055, 0.034, facts.linear),
    # ^GSPC 4.3 to 13.1 without October 1987; a normal has 0
    Band("heavy tails", "excess kurtosis", 3.5, 16.0, 8.17, facts.excess),
    # ^GSPC 2.65 to 3.61; a normal has about 5.4
    Band("heavy tails", "Hill tail index, 5 %", 2.4, 3.9, 2.94, facts.tail_index),
    # ^GSPC -1.73 to -.28; symmetric returns have 0
    Band("gain/loss asymmetry", "skewness of 20-bar returns", -2.0, -0.2, -1.18, facts.gain_loss),
    # ^GSPC .13 to .72 without October 1987; 1 would be no convergence at all
    Band("aggregational Gaussianity", "excess kurtosis, 20 bars / 1 bar", 0.0, 0.95, 0.634, facts.aggregation),
    # ^GSPC 1.07 to 2.29 without October 1987; normal returns of one volatility have .32
    Band("intermittency", "sd / mean of 20-bar variance", 0.9, 2.6, 1.776, facts.bursts),
    # ^GSPC .127 to .353
    Band("volatility clustering", "autocorrelation of |r|, lags 1-10", 0.12, 0.40, 0.300, facts.clustering),
    # ^GSPC 1.28 to 7.53
    Band("conditional heavy tails", "excess kurtosis over trailing volatility", 1.0, 8.0, 3.03, facts.conditional),
    # ^GSPC .032 to .157
    Band("slow decay of |r|", "autocorrelation of |r|, lags 80-120", 0.025, 0.18, 0.117, facts.slow),
    # ^GSPC -.089 to -.030; without leverage 0
    Band("leverage effect", "correlation of r with r^2, lags 1-10", -0.11, -0.025, -0.083, facts.leverage),
    # ^GSPC -.027 to .086: too wide to tell more than the sign of it in the long run
    Band("asymmetry of time scales", "coarse to fine less fine to coarse", -0.03, 0.09, 0.018, facts.scales),
)
# ^GSPC .228 to .347 from 1967 on; the packaged sp500 .305
VOLUME = ("volume and volatility", "correlation of |r| and log volume", 0.2, 0.45, 0.305)


def judge(returns: Floats, volume: Floats | None) -> tuple[Fact, ...] | None:
    """Every fact of (n,) log returns and volumes; None where there are fewer than 2,500 bars, which say little."""
    if len(returns) < facts.SHORTEST:
        return None
    told = []
    for band in BANDS:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = band.measure(returns)
        told.append(_fact((band.name, band.measured, band.low, band.high, band.real), value))
    if volume is not None and (volume > 0.0).all():
        told.append(_fact(VOLUME, facts.volume(returns, volume)))
    return tuple(told)


def _fact(band: tuple[str, str, float, float, float], value: float) -> Fact:
    name, measured, low, high, real = band
    return Fact(name, measured, float(value), low, high, real, bool(low <= value <= high))
