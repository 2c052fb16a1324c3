"""Experiments with known truth, as long as one asks: the suite runs them short, scripts/torture long."""

from __future__ import annotations

import math

import numpy as np

from engine.statistics import deflation, given
from engine.statistics.curve import moments
from engine.types import Floats
from risk.overfitting.bootstrap import sharpe_interval
from risk.overfitting.pbo import overfitting
from risk.overfitting.spa import superiority

DAYS = 252


def sweep(rng: np.random.Generator, trials: int, rows: int, correlation: float, planted: float = 0.0) -> Floats:
    """(rows, trials) daily returns of 1 % deviation, equally correlated; the first has an annual Sharpe of `planted`."""
    common, own = rng.standard_normal((rows, 1)), rng.standard_normal((rows, trials))
    returns = 0.01 * (math.sqrt(correlation) * common + math.sqrt(1.0 - correlation) * own)
    returns[:, 0] += 0.01 * planted / math.sqrt(DAYS)
    return returns


def deflated(returns: Floats) -> tuple[float, int]:
    """(deflated Sharpe of the best column, which it is)."""
    sharpes = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    best = int(np.argmax(sharpes))
    _, _, skew, kurtosis, _, _ = moments(given(returns[:, best]))
    told = (float(sharpes[best]), skew, kurtosis, len(returns))
    return deflation.deflated_sharpe(*told, deflation.variance_of(sharpes), returns.shape[1]), best


def deflations(count: int, trials: int, rows: int, correlation: float, planted: float = 0.0, seed: int = 0) -> Floats:
    """(count, 2) deflated Sharpe of the best of each sweep, and 1 where the best is the planted one."""
    out = np.empty((count, 2))
    for k in range(count):
        value, best = deflated(sweep(np.random.default_rng((seed, k)), trials, rows, correlation, planted))
        out[k] = value, best == 0
    return out


def overfits(
    count: int, strategies: int, rows: int, correlation: float = 0.0, blocks: int = 10, seed: int = 1
) -> Floats:
    """(count,) PBO of sets of strategies without skill."""
    draw = (sweep(np.random.default_rng((seed, k)), strategies, rows, correlation) for k in range(count))
    return np.array([overfitting(returns, blocks).pbo for returns in draw])


def superiorities(count: int, strategies: int, rows: int, planted: float, reps: int, seed: int = 2) -> Floats:
    """(count,) consistent SPA p-values of sweeps with one planted Sharpe (0: none)."""
    draw = (sweep(np.random.default_rng((seed, k)), strategies, rows, 0.5, planted) for k in range(count))
    return np.array([superiority(returns, reps=reps, block=5, seed=k).consistent for k, returns in enumerate(draw)])


def process(rng: np.random.Generator, rows: int, count: int = 1) -> Floats:
    """(count, rows) daily returns of the stated process, GARCH(1, 1) of Student's t(6) with AR(1) of 0.1 in the mean.

    Annual drift 10 % at a volatility of 16 %: r_t = m + 0.1 (r_{t-1} - m) + s_t e_t, s_t^2 = w + 0.08 u_{t-1}^2 + 0.90
    s_{t-1}^2, u = s e, e of variance 1; 200 bars are run in before the first.
    """
    mean, level = 0.10 / DAYS, (0.16 / math.sqrt(DAYS)) ** 2 * (1.0 - 0.1**2)
    shocks = rng.standard_t(6, (rows + 200, count)) / math.sqrt(6.0 / 4.0)
    variance, last, out = np.full(count, level), np.zeros(count), np.empty((rows + 200, count))
    for t in range(rows + 200):
        shock = np.sqrt(variance) * shocks[t]
        last = 0.1 * last + shock
        out[t] = last
        variance = 0.02 * level + 0.08 * shock * shock + 0.90 * variance
    return mean + out[200:].T


def true_sharpe(steps: int = 10**7, seed: int = 99) -> float:
    """The process's Sharpe ratio per bar, from `steps` of it as 1,000 runs beside each other."""
    returns = process(np.random.default_rng(seed), steps // 1000, 1000)
    return float(returns.mean() / returns.std())


def covered(count: int, rows: int, truth: float, reps: int, seed: int = 3) -> float:
    """Share of `count` samples of `rows` bars whose 95 % interval holds the truth."""
    samples = process(np.random.default_rng((seed, rows)), rows, count)
    intervals = [sharpe_interval(sample, reps, seed=k) for k, sample in enumerate(samples)]
    return float(np.mean([one.low <= truth <= one.high for one in intervals]))
