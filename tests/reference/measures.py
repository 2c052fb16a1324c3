"""Measures of past bars: deviations and average true ranges, of plain lists."""

from __future__ import annotations

import math

from tests.reference.interface import NAN


def deviation(values: list[float]) -> float:
    """The standard deviation with ddof 1; below 1e-12 it is rounding, and 0."""
    mean = sum(values) / len(values)
    own = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return own if own > 1e-12 else 0.0


def last_deviation(values: list[float], window: int) -> float:
    """The deviation of the last `window` values; NaN while there are fewer (or fewer than two)."""
    return deviation(values[-window:]) if len(values) >= window >= 2 else NAN


def true_range(high: float, low: float, close: float, previous_close: float) -> float:
    """The true range of one bar; the distance of the closes where a high or a low is missing."""
    if not (math.isfinite(high) and math.isfinite(low)):
        return abs(close - previous_close)
    return max(high - low, abs(high - previous_close), abs(low - previous_close))


def wilder(true_ranges: list[float], window: int) -> float:
    """Wilder's average: the mean of the first `window`, then (n - 1) / n x previous + true range / n; NaN before."""
    if len(true_ranges) < window:
        return NAN
    average = sum(true_ranges[:window]) / window
    for latest in true_ranges[window:]:
        average = (window - 1) / window * average + latest / window
    return average
