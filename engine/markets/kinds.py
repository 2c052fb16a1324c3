"""What the kernels of a simulated market pass to each other: the market's path, the traits of its names, the rules of a bar.

Everything per bar of a path has T + 1 rows: the last one is the bar after the data, which the last forecast is about.
Volatilities and drifts are per bar, returns are logarithms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.types import Floats, Ints

LINEAR, PRODUCT, LATCH, DECAY, NONE = range(5)
EXOGENOUS, ENDOGENOUS = range(2)
TRADED, UNLISTED, HALTED, LOST, DELISTED = range(5)  # why a cell has a bar, or has none
MEAN_OF = 30  # bars whose mean the product multiplies with today's
TRAIL = 0.94  # decay of the variance that standardises an endogenous driver (RiskMetrics, 1996)
WARM = 20  # returns that variance must have seen
CLIP = 3.0  # of an endogenous driver
Whys = NDArray[np.int8]


class Path(NamedTuple):
    """What all names share, bar by bar: K factors, S sectors."""

    regime: Ints  # (T + 1,)
    gap: Floats  # (T + 1, K) factor returns from close to open, jumps included
    intraday: Floats  # (T + 1, K) from open to close
    covariance: Floats  # (T + 1, K, K) of the latter, given the size of the bar's shock
    expected: Floats  # (T + 1, K, K) of the whole bar, jumps included, given the state before it
    sector_gap: Floats  # (T + 1, S)
    sector_intraday: Floats  # (T + 1, S)
    sector_variance: Floats  # (T + 1,) of the latter, given the size of the bar's shock
    sector_expected: Floats  # (T + 1,)
    scale: Floats  # (T + 1,) the regime's multiplier of idiosyncratic volatility
    crowd: Floats  # (T + 1,) common noise of log volume
    strength: Floats  # (T + 1,) what the signal pays on this bar, of its mean
    jump: Floats  # (T + 1,) the jump in the first factor, 0 none
    dispersion: Floats  # (T + 1,) expected sd of returns across names, given the state before the bar


class Traits(NamedTuple):
    """What each of N names is, for good."""

    sector: Ints  # (N,)
    beta: Floats  # (N, K)
    volatility: Floats  # (N,) idiosyncratic
    drag: Floats  # (N,) half the variance that is not the factors': without it names would drift up by it
    usual: Floats  # (N,) variance of a whole bar in the long run, to measure volume against
    first: Ints  # (N,) row of the first bar
    end: Ints  # (N,) row after the last bar
    price: Floats  # (N,) the first close
    shares: Floats  # (N,) usual volume
    payout: Floats  # (N,) share of the price paid out each time, 0 none
    phase: Ints  # (N,) row of the first payment


class Rules(NamedTuple):
    """Scalars that the kernel of a bar obeys."""

    overnight: float  # share of a bar's variance between the close and the open
    df: float  # 0: normal
    alpha: float
    gamma: float
    beta: float
    jump_chance: float  # per bar
    jump_mean: float
    jump_spread: float
    elasticity: float
    noise: float
    memory: float
    tick: float  # 0: none
    split_above: float
    split_below: float
    every: int  # bars between payments
    halt_chance: float
    halt_length: float
    lost_chance: float
    shape: int
    source: int
    lag: int
    decay: float
    threshold: float
    gate: int  # regime in which the signal pays, -1: all
    driver_memory: float
    ratio: float  # ic / sqrt(1 - ic^2)
    steps: int  # pieces of a bar whose extremes are drawn


class Block(NamedTuple):
    """Bars of some names, (n, T) as traded; NaN where there is none."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    split: Floats  # new shares per old, 1 none
    dividend: Floats  # cash per new share, 0 none
    driver: Floats  # what the signal is made of
    score: Floats  # the signal, of variance 1
    oracle: Floats  # what it pays on the next bar
    why: Whys

    @classmethod
    def empty(cls, names: int, bars: int) -> Block:
        """A block without any bar."""
        shape = (names, bars)
        nothing = {name: np.full(shape, np.nan) for name in cls._fields[:-1]}
        nothing["split"][:], nothing["dividend"][:] = 1.0, 0.0
        return cls(**nothing, why=np.full(shape, UNLISTED, np.int8))
