"""What else the same returns could have shown: the stationary block bootstrap of whole slices.

A resample takes the same rows of every column, so what moves together still does; blocks of random length keep what
follows upon itself. Politis and Romano (1994); the mean length by Politis and White (2004), as corrected in 2009.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import default_rng

from engine.errors import DataError
from engine.types import Floats, Ints

BATCH = 32  # resamples at once: of ten years of days they stay in the processor's own memory
FEWEST = 20  # returns; of fewer a resample tells nothing
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Interval:
    """A Sharpe ratio per bar between its limits; `error` is its standard error, `block` the mean length of the blocks."""

    low: float
    value: float
    high: float
    error: float
    block: float
    reps: int


@dataclass(frozen=True, slots=True)
class Paths:
    """What (reps,) resampled histories came to: growth of 1, deepest drawdown (0 or less), Sharpe ratio per bar."""

    growth: Floats
    drawdown: Floats
    sharpe: Floats
    block: float


def block_length(returns: Floats) -> float:
    """Mean length of the blocks for (T,) or (T, K) returns: the longest that a column asks for, from 1 to T / 4."""
    from arch.bootstrap import optimal_block_length

    columns = returns[:, None] if returns.ndim == 1 else returns
    moving = columns[:, columns.std(axis=0) > 1e-12]
    if len(columns) < FEWEST or moving.shape[1] == 0:
        raise DataError(f"bootstrap: expected {FEWEST} returns or more that vary, got {len(columns)}")
    asked = np.asarray(optimal_block_length(moving)["stationary"], dtype=np.float64)
    longest = float(np.nanmax(asked)) if np.isfinite(asked).any() else 1.0
    return float(min(max(longest, 1.0), len(columns) / 4.0))


def resamples(rows: int, block: float, reps: int, seed: int) -> Iterator[Ints]:
    """(B, T) rows of resampled histories, B at most BATCH, `reps` in all."""
    from arch.bootstrap import StationaryBootstrap

    length: Any = block  # a mean length need not be whole, whatever arch declares
    drawn = StationaryBootstrap(length, np.zeros(rows), seed=default_rng(seed))
    for first in range(0, reps, BATCH):
        yield np.stack([drawn.update_indices() for _ in range(min(BATCH, reps - first))])


def sharpe_and_error(returns: Floats, lags: int) -> tuple[Floats, Floats]:
    """(Sharpe ratios per bar, their standard errors) of (..., T) returns, allowing for `lags` of dependence.

    The influence of a return on mean / std is z - S (z^2 - 1) / 2, z its standard score; its long-run variance is
    Newey and West's (1987). NaN where nothing varies.
    """
    n = returns.shape[-1]
    centred = returns - returns.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(variance)
        plain = returns.mean(axis=-1) / spread
        z = centred / spread[..., None]
        influence = z - 0.5 * plain[..., None] * (z * z - 1.0)
        long_run = (influence * influence).mean(axis=-1)
        for lag in range(1, lags + 1):
            weight = 1.0 - lag / (lags + 1.0)
            long_run = long_run + 2.0 * weight * (influence[..., lag:] * influence[..., :-lag]).sum(axis=-1) / n
        moving = (variance > 1e-24) & (long_run > 0.0)
        error = np.where(moving, np.sqrt(np.maximum(long_run, 0.0) / n), np.nan)
        return np.where(moving, plain * math.sqrt((n - 1) / n), np.nan), error


def sharpe_interval(
    returns: Floats, reps: int = 1000, level: float = 0.95, seed: int = 0, progress: Progress | None = None
) -> Interval:
    """The studentised bootstrap interval of the Sharpe ratio of (T,) returns.

    Each resample's distance from the sample's ratio is measured in its own standard error; the quantiles of these, turned
    round, bound the truth (Hall 1988; for Sharpe ratios Ledoit and Wolf 2008).
    """
    values = np.asarray(returns, dtype=np.float64)
    block = block_length(values)
    lags = min(math.ceil(block), len(values) // 4)
    value, error = (float(v) for v in sharpe_and_error(values, lags))
    if not math.isfinite(value):
        raise DataError("bootstrap: the returns never vary, so they have no Sharpe ratio")
    scores = []
    for rows in resamples(len(values), block, reps, seed):
        theirs, errors = sharpe_and_error(values[rows], lags)
        scores.append((theirs - value) / errors)
        if progress is not None:
            progress(sum(map(len, scores)), reps)
    low, high = np.nanquantile(np.concatenate(scores), [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(value - high * error), value, float(value - low * error), error, block, reps)


def histories(
    returns: Floats, reps: int = 2000, seed: int = 0, block: float | None = None, progress: Progress | None = None
) -> Paths:
    """What `reps` histories resampled from (T,) returns, as long as the original, came to."""
    values = np.asarray(returns, dtype=np.float64)
    length = block_length(values) if block is None else block
    growth, deepest, sharpe = [], [], []
    for rows in resamples(len(values), length, reps, seed):
        drawn = values[rows]
        spread = drawn.std(axis=1, ddof=1)
        wealth = np.cumprod(1.0 + drawn, axis=1)
        growth.append(wealth[:, -1].copy())
        peak = np.maximum.accumulate(wealth, axis=1)
        np.maximum(peak, 1.0, out=peak)
        np.divide(wealth, peak, out=wealth)
        deepest.append(wealth.min(axis=1) - 1.0)
        sharpe.append(np.where(spread > 0.0, drawn.mean(axis=1) / np.where(spread > 0.0, spread, 1.0), np.nan))
        if progress is not None:
            progress(sum(map(len, growth)), reps)
    return Paths(np.concatenate(growth), np.concatenate(deepest), np.concatenate(sharpe), length)
