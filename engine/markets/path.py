"""The market's path: regimes, factors with GARCH and leverage, fat tails, jumps, sectors. One instrument-free kernel.

A bar's factor shock is sqrt(h W) z with z normal, W the mixture that makes it Student's t, and h the GJR-GARCH variance of
unit mean (Glosten, Jagannathan, Runkle 1993): h' = 1 - alpha - gamma / 2 - beta + (alpha + gamma [e < 0]) e^2 + beta h.
Given h and W everything inside the bar is Brownian, which is what lets ranges measure volatility without bias.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.compiled import njit
from engine.markets import chance
from engine.markets.chance import State
from engine.markets.kinds import Path
from engine.types import Floats


class Climate(NamedTuple):
    """What the path obeys: R regimes, K factors."""

    leave: Floats  # (R,) chance per bar to leave the regime
    drift: Floats  # (R,) of the first factor, per bar
    storm: Floats  # (R,) multiplier of factor and sector volatility
    idiosyncratic: Floats  # (R,) multiplier of the names' own
    volatility: Floats  # (K,) per bar
    root: Floats  # (K, K) lower triangular: root x root' is the correlation
    sector_volatility: float
    overnight: float
    df: float
    alpha: float
    gamma: float
    beta: float
    jump_chance: float
    jump_mean: float
    jump_spread: float
    noise: float  # sd of the common noise of log volume
    memory: float
    strength_spread: float  # sd of what the signal pays, over its mean


@njit()
def walk(seed: State, c: Climate, path: Path, h: Floats, z: Floats) -> None:
    """Fill every array of `path` but dispersion; `h` (K,) and `z` (2, K) are scribbled on."""
    regime, crowd = 0, 0.0
    h[:] = 1.0
    for t in range(path.regime.shape[0]):
        regime = next_regime(seed, t, regime, c.leave)
        path.regime[t] = regime
        path.scale[t] = c.idiosyncratic[regime]
        s = chance.stream(seed, chance.FACTOR, 0, t)
        s, w = chance.mixture(s, c.df)
        s, noise = chance.normal(s)
        crowd = c.memory * crowd + math.sqrt(1.0 - c.memory * c.memory) * noise
        path.crowd[t] = c.noise * crowd
        s, noise = chance.normal(s)
        path.strength[t] = 1.0 + c.strength_spread * noise
        s = jump(s, t, c, path)
        variances(t, w, c.storm[regime], c, h, path)
        s = factors(s, t, w, regime, c, h, z, path)
        for k in range(path.sector_gap.shape[1]):
            s, one = chance.normal(s)
            s, two = chance.normal(s)
            path.sector_intraday[t, k] = one * math.sqrt(path.sector_variance[t])
            path.sector_gap[t, k] = two * math.sqrt(path.sector_variance[t] * c.overnight / (1.0 - c.overnight))


@njit(forceinline=True)
def next_regime(seed: State, t: int, regime: int, leave: Floats) -> int:
    """The regime of bar `t`: the one before, or any of the others with the same chance."""
    others = leave.shape[0] - 1
    s = chance.stream(seed, chance.REGIME, 0, t)
    s, u = chance.uniform(s)
    if t == 0 or others == 0 or u >= leave[regime]:
        return regime
    s, u = chance.uniform(s)
    k: int = min(int(u * others), others - 1)
    return k + 1 if k >= regime else k


@njit(forceinline=True)
def jump(s: State, t: int, c: Climate, path: Path) -> State:
    """Draw the first factor's jump of bar `t`."""
    s, u = chance.uniform(s)
    s, z = chance.normal(s)
    path.jump[t] = c.jump_mean + c.jump_spread * z if u < c.jump_chance else 0.0
    return s


@njit(forceinline=True)
def variances(t: int, w: float, storm: float, c: Climate, h: Floats, path: Path) -> None:
    """Fill the bar's covariances: what was expected before it, and of its inside once its size is known."""
    factors = h.shape[0]
    for k in range(factors):
        for j in range(factors):
            correlation = 0.0
            for m in range(factors):
                correlation += c.root[k, m] * c.root[j, m]
            both = correlation * c.volatility[k] * c.volatility[j] * math.sqrt(h[k] * h[j]) * storm * storm
            path.expected[t, k, j] = both
            path.covariance[t, k, j] = both * w * (1.0 - c.overnight)
    path.expected[t, 0, 0] += c.jump_chance * (c.jump_mean * c.jump_mean + c.jump_spread * c.jump_spread)
    own = c.sector_volatility * c.sector_volatility * h[0] * storm * storm
    path.sector_expected[t] = own
    path.sector_variance[t] = own * w * (1.0 - c.overnight)


@njit(forceinline=True)
def factors(s: State, t: int, w: float, regime: int, c: Climate, h: Floats, z: Floats, path: Path) -> State:
    """Draw the factors' returns of bar `t`, and let their variances learn from them."""
    count = h.shape[0]
    for half in range(2):
        for k in range(count):
            s, z[half, k] = chance.normal(s)
    for k in range(count):
        night, day = 0.0, 0.0
        for m in range(count):
            night += c.root[k, m] * z[0, m]
            day += c.root[k, m] * z[1, m]
        night, day = night * math.sqrt(c.overnight), day * math.sqrt(1.0 - c.overnight)
        size = c.volatility[k] * c.storm[regime] * math.sqrt(h[k] * w)
        path.gap[t, k], path.intraday[t, k] = size * night, size * day
        shock = math.sqrt(h[k] * w) * (night + day)
        slope = c.alpha + (c.gamma if shock < 0.0 else 0.0)
        h[k] = 1.0 - c.alpha - 0.5 * c.gamma - c.beta + slope * shock * shock + c.beta * h[k]
    drift = c.drift[regime] - c.jump_chance * c.jump_mean
    path.gap[t, 0] += path.jump[t] + drift * c.overnight
    path.intraday[t, 0] += drift * (1.0 - c.overnight)
    return s


def empty(rows: int, factors: int, sectors: int) -> Path:
    """A path of `rows` bars, still to be walked."""
    sizes = {
        "gap": (factors,), "intraday": (factors,), "covariance": (factors, factors), "expected": (factors, factors),
        "sector_gap": (sectors,), "sector_intraday": (sectors,),
    }  # fmt: skip
    arrays = {name: np.zeros((rows, *sizes.get(name, ()))) for name in Path._fields if name != "regime"}
    return Path(regime=np.zeros(rows, np.int64), **arrays)
