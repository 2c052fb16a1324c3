"""The losses that matter: value at risk and what lies beyond it, three ways, and the worst days with what was held.

Losses are negative returns of one slice. Levels are the share of slices on which less is lost (0.99).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.errors import DataError
from engine.statistics import curve, given
from engine.trades import Trades
from engine.types import Floats

THRESHOLD = 0.90  # losses beyond this quantile are exceedances
FEWEST = 50  # exceedances from which on a tail is fitted


class Tail(NamedTuple):
    """Value at risk and its conditional at one level, as returns (0 or less where something is lost); None: undefined."""

    level: float
    historical: float
    conditional: float
    cornish_fisher: float
    extreme: float | None  # a generalised Pareto tail beyond the 90 % quantile, where it has FEWEST exceedances
    extreme_conditional: float | None  # and where its mean exists


class Worst(NamedTuple):
    """One of the worst slices."""

    row: int
    result: float
    held: tuple[tuple[str, float], ...]  # what was held and fell most: symbol, its move against the position


def tail(returns: Floats, level: float) -> Tail:
    """Tails of (n,) returns without NaN. Cornish and Fisher (1938); McNeil and Frey (2000) for the Pareto tail."""
    if not 0.5 < level < 1.0:
        raise DataError(f"level: expected a share above 0.5 and below 1, got {level}")
    ordered = np.sort(returns)
    low, beyond, _ = curve.tails(given(ordered), 1.0 - level)
    extreme, mean_beyond = pareto(returns, level)
    return Tail(level, float(low), float(beyond), cornish_fisher(returns, level), extreme, mean_beyond)


def cornish_fisher(returns: Floats, level: float) -> float:
    """mean + z' std, where z' is the normal quantile z bent by skew S and excess kurtosis K:

    z' = z + (z^2 - 1) S / 6 + (z^3 - 3 z) K / 24 - (2 z^3 - 5 z) S^2 / 36.
    """
    from scipy.stats import norm

    mean, std, skew, kurtosis, _, _ = curve.moments(given(np.ascontiguousarray(returns)))
    z = float(norm.ppf(1.0 - level))
    bent = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * (kurtosis - 3) / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    return mean + bent * std


def pareto(returns: Floats, level: float) -> tuple[float | None, float | None]:
    """(value at risk, conditional) of a generalised Pareto tail of the losses; None with too few exceedances.

    With threshold u, n exceedances of N, shape x and scale b: VaR = u + b / x (((1 - level) N / n)^-x - 1), and its
    conditional (VaR + b - x u) / (1 - x) for x below 1.
    """
    from scipy.stats import genpareto

    losses = -returns
    threshold = float(np.quantile(losses, THRESHOLD))
    excess = losses[losses > threshold] - threshold
    if len(excess) < FEWEST or level <= THRESHOLD:
        return None, None
    shape, _, scale = (float(x) for x in genpareto.fit(excess, floc=0.0))
    share = (1.0 - level) * len(losses) / len(excess)
    if abs(shape) < 1e-9:
        risk = threshold - scale * math.log(share)
    else:
        risk = threshold + scale / shape * (share**-shape - 1.0)
    beyond = (risk + scale - shape * threshold) / (1.0 - shape) if shape < 1.0 else None
    return -risk, None if beyond is None else -beyond


def worst(returns: Floats, close: Floats, trades: Trades, symbols: tuple[str, ...], count: int = 10) -> list[Worst]:
    """The `count` worst slices and the three names held there that moved most against their position.

    `close` is (T, N) adjusted. A name counts as held from the slice after its entry to that of its exit.
    """
    out = []
    for row in np.argsort(returns, kind="stable")[:count]:
        if not returns[row] < 0.0:
            break
        t = int(row)
        held = np.flatnonzero((trades.entry_row < t) & ((trades.exit_row >= t) | (trades.exit_row < 0)))
        moves = []
        for k in held:
            i = int(trades.instrument[k])
            move = (close[t, i] / close[t - 1, i] - 1.0) * float(trades.side[k])
            if not math.isnan(move):
                moves.append((symbols[i], float(move)))
        out.append(Worst(t, float(returns[t]), tuple(sorted(moves, key=lambda one: one[1])[:3])))
    return out
