"""The stylised facts of Cont (2001) as numbers of one series of returns, and whether they lie where real ones do."""

from __future__ import annotations

import numpy as np

from engine.types import Floats

MONTH = 20  # bars
FAR = (80, 120)  # lags at which memory is long
TAIL = 0.05  # share of the largest moves whose sizes tell the tail
TREND = 250  # bars of the moving mean that volume is measured against
SHORTEST = 2500  # bars, below which the numbers say little


def correlation(x: Floats, y: Floats) -> float:
    """Pearson's correlation of two (n,) series."""
    a, b = x - x.mean(), y - y.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def lagged(x: Floats, y: Floats, lag: int) -> float:
    """Correlation of x now with y `lag` bars later."""
    return correlation(x[: len(x) - lag], y[lag:]) if lag else correlation(x, y)


def summed(x: Floats, width: int) -> Floats:
    """Sums of x over pieces of `width` bars that do not overlap."""
    whole = len(x) // width * width
    return np.asarray(x[:whole].reshape(-1, width).sum(axis=1))


def skew(x: Floats) -> float:
    z = (x - x.mean()) / x.std()
    return float((z**3).mean())


def excess(x: Floats) -> float:
    """Kurtosis above a normal's."""
    z = (x - x.mean()) / x.std()
    return float((z**4).mean() - 3.0)


def linear(returns: Floats) -> float:
    """Root mean square autocorrelation of returns over lags 1 to 20."""
    return float(np.sqrt(np.mean([lagged(returns, returns, k) ** 2 for k in range(1, 21)])))


def tail_index(returns: Floats) -> float:
    """Hill's (1975) exponent of the size of moves."""
    size = np.sort(np.abs(returns - returns.mean()))[::-1]
    count = max(10, int(TAIL * len(size)))
    return float(1.0 / np.mean(np.log(size[:count] / size[count])))


def gain_loss(returns: Floats) -> float:
    """Skewness of returns over 20 bars, all overlapping windows."""
    total = np.concatenate(([0.0], np.cumsum(returns)))
    return skew(total[MONTH:] - total[:-MONTH])


def aggregation(returns: Floats) -> float:
    """Excess kurtosis of 20-bar returns over that of single bars, overlapping windows."""
    total = np.concatenate(([0.0], np.cumsum(returns)))
    return excess(total[MONTH:] - total[:-MONTH]) / excess(returns)


def bursts(returns: Floats) -> float:
    """sd over mean of the variance realised in pieces of 20 bars."""
    realised = summed(returns**2, MONTH)
    return float(realised.std() / realised.mean())


def clustering(returns: Floats) -> float:
    """Mean autocorrelation of |returns| over lags 1 to 10."""
    size = np.abs(returns)
    return float(np.mean([lagged(size, size, k) for k in range(1, 11)]))


def slow(returns: Floats) -> float:
    """Mean autocorrelation of |returns| over lags 80 to 120."""
    size = np.abs(returns)
    return float(np.mean([lagged(size, size, k) for k in range(FAR[0], FAR[1] + 1)]))


def conditional(returns: Floats) -> float:
    """Excess kurtosis of returns over their trailing volatility (exponential, .94), which takes the clusters out."""
    variance = np.empty(len(returns))
    now = float(np.mean(returns[:50] ** 2))
    for t, r in enumerate(returns):
        variance[t] = now
        now = 0.94 * now + 0.06 * r * r
    return excess((returns / np.sqrt(variance))[50:])


def leverage(returns: Floats) -> float:
    """Mean correlation of a return with the squares of the ten after it."""
    return float(np.mean([lagged(returns, returns**2, k) for k in range(1, 11)]))


def volume(returns: Floats, shares: Floats) -> float:
    """Correlation of |return| with log volume over its mean of the last 250 bars."""
    log = np.log(shares)
    total = np.concatenate(([0.0], np.cumsum(log)))
    trend = (total[TREND:] - total[:-TREND]) / TREND
    return correlation(np.abs(returns[TREND - 1 :]), log[TREND - 1 :] - trend)


def scales(returns: Floats) -> float:
    """How much better |weekly return| tells the next week's mean |daily return| than the other way round.

    Correlation of coarse with later fine volatility less that of fine with later coarse, weeks 1 to 4 (Mueller et al. 1997).
    """
    coarse, fine = np.abs(summed(returns, 5)), summed(np.abs(returns), 5)
    return float(np.mean([lagged(coarse, fine, k) - lagged(fine, coarse, k) for k in range(1, 5)]))
