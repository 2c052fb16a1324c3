"""What each name is, drawn once: its sector, exposures, volatility, first price, payments, and when it lists and leaves."""

from __future__ import annotations

import math

import numpy as np

from engine.compiled import njit
from engine.markets import chance
from engine.markets.chance import State
from engine.markets.kinds import Traits
from engine.markets.path import Climate
from engine.markets.settings import Settings
from engine.types import Floats

YEAR = 252.0
SHORTEST = 20  # bars that every name has, if the market has them
UNIFORMS, NORMALS = 6, 3  # of a name, beside its exposures


@njit()
def draw(seed: State, uniforms: Floats, normals: Floats) -> None:
    """Fill row k of (N, .) `uniforms` and `normals` from the stream of name k."""
    for k in range(uniforms.shape[0]):
        s = chance.stream(seed, chance.NAME, k, 0)
        for j in range(uniforms.shape[1]):
            s, uniforms[k, j] = chance.uniform(s)
        for j in range(normals.shape[1]):
            s, normals[k, j] = chance.normal(s)


def describe_names(settings: Settings, seed: State, climate: Climate, sectors: int) -> Traits:
    """The traits of all names. In a plain market they differ by nothing but their first price."""
    names, factors = settings.names, len(climate.volatility)
    u, z = np.empty((names, UNIFORMS)), np.empty((names, NORMALS + factors))
    draw(seed, u, z)
    full = settings.mode == "full"
    own = settings.own
    volatility = own.volatility / math.sqrt(YEAR) * np.exp((own.spread if full else 0.0) * z[:, 0])
    beta = np.zeros((names, factors))
    if full:
        mean, spread = (np.array([getattr(f, key) for f in settings.factors]) for key in ("beta", "spread"))
        beta = mean + spread * z[:, NORMALS:]
    residual = volatility**2 + climate.sector_volatility**2
    usual = residual + np.einsum("ni,ij,nj->n", beta, _long_run(climate), beta)
    first, end = _lives(settings, u) if full else (np.zeros(names, np.int64), np.full(names, settings.bars))
    payout, phase = _payments(settings, u, first) if full else (np.zeros(names), np.zeros(names, np.int64))
    return Traits(
        sector=np.minimum((u[:, 0] * sectors).astype(np.int64), max(0, sectors - 1)),
        beta=beta,
        volatility=volatility,
        drag=0.5 * residual,
        usual=usual,
        first=first,
        end=end,
        price=settings.prices.first * np.exp(settings.prices.spread * z[:, 1]),
        shares=settings.volume.shares * np.exp(z[:, 2]),
        payout=payout,
        phase=phase,
    )


def _long_run(climate: Climate) -> Floats:
    """(K, K) covariance of the factors on a usual bar."""
    scaled = climate.root * climate.volatility[:, None]
    return np.asarray((scaled[:, None, :] * scaled[None, :, :]).sum(axis=2))


def _lives(settings: Settings, u: Floats) -> tuple[np.ndarray, np.ndarray]:
    """(first row, row after the last) of each name."""
    bars = settings.bars
    latest = max(0, bars - SHORTEST)
    late = u[:, 1] < settings.listings
    first = np.where(late, (u[:, 2] * latest).astype(np.int64), 0)
    end = np.full(len(u), bars, np.int64)
    if settings.delistings is not None and settings.delistings.per_year > 0.0:
        rate = -math.log1p(-min(settings.delistings.per_year, 0.999999)) / YEAR
        life = np.minimum(-np.log(u[:, 3]) / rate, 2.0 * bars).astype(np.int64)
        end = np.minimum(bars, first + np.maximum(SHORTEST, life))
    return first, end


def _payments(settings: Settings, u: Floats, first: np.ndarray) -> tuple[Floats, np.ndarray]:
    """(share of the price paid each time, row of the first payment) of each name."""
    d = settings.dividends
    if d is None:
        return np.zeros(len(u)), np.zeros(len(u), np.int64)
    payout = np.where(u[:, 4] < d.payers, d.annual * d.every / YEAR, 0.0)
    return payout, first + 1 + (u[:, 5] * d.every).astype(np.int64)
