"""How far a Sharpe ratio can be believed: its standard error, the probabilistic Sharpe, the track record it needs.

All in per-bar units: sharpe is mean / std of one bar, skew and raw kurtosis (normal = 3) are those of the same returns.
Sources: Lo (2002); Mertens (2002); Bailey and Lopez de Prado (2012), "The Sharpe ratio efficient frontier".
"""

from __future__ import annotations

import math

import numpy as np

from engine.compiled import njit

Z_95 = 1.6448536269514722  # one-sided 95 %
Z_975 = 1.959963984540054  # two-sided 95 %


@njit()
def normal_cdf(x: float) -> float:
    """Probability that a standard normal is at most `x`."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@njit()
def spread(sharpe: float, skew: float, kurtosis: float) -> float:
    """1 - skew x sharpe + (kurtosis - 1) / 4 x sharpe^2: the variance of sqrt(n) times the estimate. Mertens (2002)."""
    return 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe


@njit()
def sharpe_error(sharpe: float, skew: float, kurtosis: float, n: int) -> float:
    """Standard error of a per-bar Sharpe ratio from n returns; NaN for n < 2 or where the spread is not above 0.

    With skew 0 and kurtosis 3 it is Lo's (2002) for independent normal returns, over n - 1 as in Bailey and Lopez de
    Prado.
    """
    wide = spread(sharpe, skew, kurtosis)
    return math.sqrt(wide / (n - 1)) if n > 1 and wide > 0.0 else np.nan


@njit()
def probabilistic_sharpe(sharpe: float, against: float, skew: float, kurtosis: float, n: int) -> float:
    """Probability that the true Sharpe ratio exceeds `against` (per bar). Bailey and Lopez de Prado (2012), eq. 11."""
    return normal_cdf((sharpe - against) / sharpe_error(sharpe, skew, kurtosis, n))


@njit()
def minimum_track_record(sharpe: float, against: float, skew: float, kurtosis: float) -> float:
    """Bars after which `sharpe` exceeds `against` with 95 % confidence; NaN where it does not exceed it. Eq. 13."""
    if not sharpe > against:
        return np.nan
    return 1.0 + spread(sharpe, skew, kurtosis) * (Z_95 / (sharpe - against)) ** 2
