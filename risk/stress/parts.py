"""Figures of some of a run's slices: the same for a stretch of history and for a state the market was in."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.record import Record
from engine.statistics import curve, given
from engine.statistics.track import Z_975, sharpe_error
from engine.trades import Trades
from engine.types import Bools, Floats


class Part(NamedTuple):
    """What a run did on some of its slices. Undefined figures are NaN; returns are simple, Sharpe ratios a year's."""

    slices: int
    total_return: float  # of these slices' returns, compounded
    sharpe: float
    low: float  # two-sided 95 % of the Sharpe ratio, Mertens (2002)
    high: float
    max_drawdown: float  # of these slices strung together, 0 or less
    trades: int  # entered on these slices
    hit_rate: float  # share of slices with a position or a move whose return is above 0
    exposure: float  # mean gross value over equity
    benchmark_return: float  # NaN without a benchmark


class Course(NamedTuple):
    """A run slice by slice, (S,) each."""

    returns: Floats  # NaN from ruin on
    gross: Floats  # gross value over equity, NaN where equity is not above 0
    entries: Floats  # trades entered
    benchmark: Floats  # returns; NaN without one
    bars_per_year: float


def course_of(record: Record, trades: Trades, benchmark: Floats | None) -> Course:
    """What `part` reads of a run; `benchmark` is (T,) the value of the capital in it."""
    slices = len(record.equity)
    returns = np.full(slices, np.nan)
    curve.returns_of(record.capital, given(record.equity), returns)
    equity = np.where(record.equity > 0.0, record.equity, np.nan)
    entries = np.bincount(trades.entry_row, minlength=slices).astype(np.float64)[:slices]
    beside = np.full(slices, np.nan)
    if benchmark is not None:
        values = np.concatenate(([record.capital], benchmark[:slices]))
        beside = values[1:] / values[:-1] - 1.0
    return Course(
        returns, (record.long_value - record.short_value) / equity, entries, beside, record.panel.bars_per_year
    )


def part(course: Course, mask: Bools) -> Part:
    """The figures of the slices that `mask` (S,) marks."""
    chosen = mask & ~np.isnan(course.returns)
    returns = np.ascontiguousarray(course.returns[chosen])
    mean, std, skew, kurtosis, _, _ = curve.moments(given(returns))
    sharpe = low = high = math.nan
    if std > 0.0:
        year = math.sqrt(course.bars_per_year)
        wide = Z_975 * sharpe_error(mean / std, skew, kurtosis, len(returns))
        sharpe, low, high = (x * year for x in (mean / std, mean / std - wide, mean / std + wide))
    value = np.cumprod(1.0 + returns)
    deepest = 0.0
    if len(value):
        deepest = curve.drawdowns(1.0, given(value), np.empty(len(value)))[0]
    moved = (course.gross[chosen] > 0.0) | (returns != 0.0)
    beside = course.benchmark[chosen]
    return Part(
        len(returns),
        float(value[-1] - 1.0) if len(value) else math.nan,
        sharpe, low, high,
        deepest if len(value) else math.nan,
        int(course.entries[chosen].sum()),
        float((returns[moved] > 0.0).mean()) if moved.any() else math.nan,
        float(np.nanmean(course.gross[chosen])) if len(returns) else math.nan,
        float(np.prod(1.0 + beside) - 1.0) if len(beside) and not np.isnan(beside).any() else math.nan,
    )  # fmt: skip
