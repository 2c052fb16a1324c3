"""The probability of backtest overfitting: how often what is best in one half of the time is below the middle in the other."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from engine.errors import DataError
from engine.types import Floats, Ints

BATCH = 1024  # combinations at once
FEWEST = 3  # rows in half of the blocks; of fewer a deviation tells nothing
FLAT = 1e-24  # a variance below this is none


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What CSCV found. `logits` is (C,): ln(w / (1 - w)) of the winner's rank out of sample, w = rank / (M + 1), best high.

    `pbo` counts logits of 0 or less, so of M (odd) strategies without any skill it is (M + 1) / 2M; `strictly` counts those
    below 0. `loss` is how often the winner's Sharpe ratio out of sample is below 0.
    """

    pbo: float
    strictly: float
    loss: float
    logits: Floats
    strategies: int
    blocks: int


def overfitting(returns: Floats, blocks: int = 16) -> Overfitting:
    """PBO of (T, M) returns of M strategies over the same T bars, by combinatorially symmetric cross-validation.

    Time is cut into `blocks` (even) of nearly equal length; every half of them is once the sample in which the best Sharpe
    ratio (ddof 1) wins. Ties share their ranks. Bailey, Borwein, Lopez de Prado and Zhu (2017). DataError if too small.
    """
    rows, columns = returns.shape
    if columns < 2:
        raise DataError(
            f"PBO: expected the returns of 2 strategies or more, got {columns}; there is nothing to choose from"
        )
    if blocks < 2 or blocks % 2:
        raise DataError(f"PBO: expected an even number of blocks, 2 or more, got {blocks}")
    if rows // blocks * (blocks // 2) < FEWEST:
        raise DataError(
            f"PBO: {rows} returns make too short halves of {blocks} blocks; give more returns or fewer blocks"
        )
    if not np.isfinite(returns).all():
        raise DataError("PBO: a return is not known; cut the series to the bars that all of them have")
    centre = returns.mean(axis=0)
    left = returns - centre
    edges = np.linspace(0, rows, blocks + 1).round().astype(np.int64)
    sums, squares = (np.add.reduceat(part, edges[:-1], axis=0) for part in (left, left * left))
    lengths = np.diff(edges).astype(np.float64)
    chosen = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    inside = np.zeros((len(chosen), blocks))
    inside[np.arange(len(chosen))[:, None], chosen] = 1.0
    logits, lost = np.empty(len(inside)), 0
    for first in range(0, len(inside), BATCH):
        some = inside[first : first + BATCH]
        winner = np.argmax(_sharpe(some, sums, squares, lengths, centre), axis=1)
        after = _sharpe(1.0 - some, sums, squares, lengths, centre)
        logits[first : first + BATCH] = _logits(after, winner)
        lost += int((after[np.arange(len(some)), winner] < 0.0).sum())
    shares = (float((logits <= 0.0).mean()), float((logits < 0.0).mean()))
    return Overfitting(*shares, lost / len(logits), logits, columns, blocks)


def _sharpe(chosen: Floats, sums: Floats, squares: Floats, lengths: Floats, centre: Floats) -> Floats:
    """(C, M) Sharpe ratios over the blocks that each row of (C, S) `chosen` marks by 1; 0 where nothing varies."""
    count = (chosen @ lengths)[:, None]
    total = chosen @ sums
    variance = (chosen @ squares - total * total / count) / (count - 1.0)
    mean = centre + total / count
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > FLAT, mean / np.sqrt(np.maximum(variance, FLAT)), 0.0)


def _logits(after: Floats, winner: Ints) -> Floats:
    """(C,) logits of the winners' relative ranks among (C, M) Sharpe ratios."""
    theirs = after[np.arange(len(after)), winner][:, None]
    below, equal = (after < theirs).sum(axis=1), (after == theirs).sum(axis=1)
    w = (below + (equal + 1.0) / 2.0) / (after.shape[1] + 1.0)
    return np.log(w / (1.0 - w))


def expected_by_chance(strategies: int) -> float:
    """PBO of so many exchangeable strategies without skill, on average: one half, and more where a rank is the middle one."""
    return (strategies + 1) / (2 * strategies) if strategies % 2 else 0.5


def combinations(blocks: int) -> int:
    """How many halves there are of so many blocks."""
    return math.comb(blocks, blocks // 2)
