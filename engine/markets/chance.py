"""Random numbers by counter: the same numbers for the same (seed, stream, place), whatever was drawn before or beside it.

A stream is SplitMix64 (Steele, Lea, Flood 2014) begun at a hash of its keys, so every bar of every instrument has one of its
own: neither the order of work nor the number of threads nor the size of a chunk can change a bit. A kernel takes a state and
hands back the next one.
"""

from __future__ import annotations

import math

import numpy as np

from engine.compiled import njit

State = np.uint64
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
R11, R27, R30, R31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
UNIT = 2.0**-53

# Streams: what a number is drawn for.
REGIME, FACTOR, NAME, BAR, DRIVER, FLAW, PRICE_JUMP = (np.uint64(k) for k in range(1, 8))


@njit(forceinline=True)
def mixed(state: State) -> State:
    """64 well-mixed bits of a state: Stafford's thirteenth variant of the murmur finaliser."""
    z = (state ^ (state >> R30)) * FIRST
    z = (z ^ (z >> R27)) * SECOND
    return z ^ (z >> R31)


@njit(forceinline=True)
def stream(seed: State, purpose: State, who: int, when: int) -> State:
    """The state at which the stream of (seed, purpose, instrument, bar) begins."""
    state = mixed(seed + GOLDEN)
    state = mixed(state ^ (purpose * FIRST))
    state = mixed(state + (np.uint64(who) + np.uint64(1)) * GOLDEN)
    return mixed(state + (np.uint64(when) + np.uint64(1)) * SECOND)


@njit(forceinline=True)
def uniform(state: State) -> tuple[State, float]:
    """(next state, a number above 0 and below 1)."""
    state = state + GOLDEN
    return state, (float(mixed(state) >> R11) + 0.5) * UNIT


@njit(forceinline=True)
def quantile(p: float) -> float:
    """The standard normal quantile of 0 < p < 1, to about 1e-16 relative: Wichura (1988), AS 241, PPND16."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = ((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                    + 45921.953931549871457) * r + 13731.693765509461125) * r + 1971.5909503065514427) * r
                 + 133.14166789178437745) * r + 3.387132872796366608  # fmt: skip
        below = ((((((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                    + 21213.794301586595867) * r + 5394.1960214247511077) * r + 687.1870074920579083) * r
                 + 42.313330701600911252) * r + 1.0  # fmt: skip
        return q * above / below
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        above = ((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                    + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.7694972214606914055) * r
                 + 4.6303378461565452959) * r + 1.42343711074968357734  # fmt: skip
        below = ((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
                    + 0.14810397642748007459) * r + 0.68976733498510000455) * r + 1.6763848301838038494) * r
                 + 2.05319162663775882187) * r + 1.0  # fmt: skip
    else:
        r -= 5.0
        above = ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
                    + 0.026532189526576123093) * r + 0.29656057182850489123) * r + 1.7848265399172913358) * r
                 + 5.4637849111641143699) * r + 6.6579046435011037772  # fmt: skip
        below = ((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
                    + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
                 + 0.59983220655588793769) * r + 1.0  # fmt: skip
    return -above / below if q < 0.0 else above / below


@njit(forceinline=True)
def normal(state: State) -> tuple[State, float]:
    """(next state, a standard normal)."""
    state, p = uniform(state)
    return state, quantile(p)


@njit()
def mixture(state: State, df: float) -> tuple[State, float]:
    """(next state, W): W has mean 1, and sqrt(W) x a standard normal is Student's t of `df`, scaled to variance 1.

    W is (df - 2) / chi-squared(df), its gamma drawn by Marsaglia and Tsang (2000); 1 where `df` is 0, which means normal.
    """
    if df == 0.0:
        return state, 1.0
    d = 0.5 * df - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        state, x = normal(state)
        state, u = uniform(state)
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            if math.log(u) < 0.5 * x * x + d - d * v + d * math.log(v):
                return state, (df - 2.0) / (2.0 * d * v)
