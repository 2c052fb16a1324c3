"""How good the best of many tries looks by chance, and what that leaves of a Sharpe ratio. All per bar unless said.

Sources: Bailey and Lopez de Prado (2014), "The deflated Sharpe ratio"; Bailey, Borwein, Lopez de Prado and Zhu (2014),
"Pseudo-mathematics and financial charlatanism"; Lo (2002).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from engine.statistics import track
from engine.types import Floats

EULER = 0.5772156649015329
NORMAL = NormalDist()


def expected_maximum(trials: int) -> float:
    """Roughly the mean of the largest of `trials` standard normals; 0 for one. 0.4 to 2.3 % too high. Eq. 6 of 2014."""
    if trials < 2:
        return 0.0
    high, higher = NORMAL.inv_cdf(1.0 - 1.0 / trials), NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return (1.0 - EULER) * high + EULER * higher


def hurdle(variance: float, trials: int) -> float:
    """The Sharpe ratio that the best of `trials` reaches by chance, where theirs vary by `variance`. Eq. 1 of 2014."""
    return math.sqrt(variance) * expected_maximum(trials)


def deflated_sharpe(sharpe: float, skew: float, kurtosis: float, n: int, variance: float, trials: int) -> float:
    """Probability that the true Sharpe exceeds 0 given that it is the best of `trials`: the PSR against the hurdle."""
    return float(track.probabilistic_sharpe(sharpe, hurdle(variance, trials), skew, kurtosis, n))


def variance_of(sharpes: Sequence[float] | Floats) -> float:
    """Variance (ddof 1) of the trials' Sharpe ratios, those that are undefined left out; NaN of fewer than 2."""
    known = np.asarray(sharpes, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(known.var(ddof=1)) if len(known) > 1 else math.nan


def minimum_backtest_years(trials: int, sharpe: float = 1.0) -> float:
    """Years in which the best of `trials` without any skill reaches `sharpe` (annual) on average. Eq. 6 of 'Charlatanism'.

    A shorter backtest that was chosen among so many tells nothing. 0 for one trial.
    """
    return (expected_maximum(trials) / sharpe) ** 2


def effective_trials(returns: Floats) -> float:
    """How many independent trials the columns of (T, M) returns are worth, 1 to M; M where there is too little to tell.

    The participation ratio of the eigenvalues of their correlations, M^2 / sum of squared correlations, less what chance
    adds to each square, 1 / (T - 1). Columns that never vary count whole.
    """
    rows, columns = returns.shape
    moving = returns.std(axis=0) > 1e-12 if rows else np.zeros(columns, bool)
    count, still = int(moving.sum()), float(columns - int(moving.sum()))
    if count < 2 or rows < 3:
        return float(columns)
    squares = np.asarray(np.corrcoef(returns[:, moving], rowvar=False)) ** 2
    apart = np.maximum(squares[~np.eye(count, dtype=bool)] - 1.0 / (rows - 1), 0.0).sum()
    return still + count * count / (count + float(apart))


def time_factor(autocorrelation: Sequence[float], q: int) -> float:
    """What turns a Sharpe ratio per bar into one per `q` bars, q / sqrt(q + 2 sum (q - k) rho_k). Lo (2002), eq. 20.

    `autocorrelation` is rho_1, rho_2, ...; those that are not given are 0.
    """
    total = sum((q - k) * rho for k, rho in enumerate(autocorrelation[: q - 1], 1))
    return q / math.sqrt(q + 2.0 * total)
