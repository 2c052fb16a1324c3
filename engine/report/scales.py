"""Scales of pictures: round ticks, the room a line needs, and numbers as short as they can be told apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

Words = Callable[[float], str]


def nice(step: float, whole: bool = False) -> float:
    """The next of 1, 2, 5 times a power of ten at or above `step`; at least 1 if it must be whole."""
    if not step > 0.0:
        return 1.0 if whole else 1e-3
    power = 10.0 ** np.floor(np.log10(step))
    best = float(next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= step * (1 - 1e-9)))
    return max(best, 1.0) if whole else best


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from `low` to `high`, about so many."""
    if not high > low:
        return [low]
    step = nice((high - low) / about)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]


def decimals(values: Sequence[float], most: int = 6) -> int:
    """The fewest decimals that tell these numbers apart."""
    for digits in range(most):
        if all(abs(round(v, digits) - v) < 1e-9 for v in values):
            return digits
    return most


def percents(values: Sequence[float]) -> Words:
    """A function that writes fractions as percent, with the decimals that `values` need."""
    digits = decimals([v * 100 for v in values], 3)
    return lambda v: f"{v:,.{digits}%}".replace("-", "−")


def numbers(values: Sequence[float]) -> Words:
    """A function that writes numbers with the decimals that `values` need, thousands as k and M."""
    if values and max(abs(v) for v in values) >= 10_000:
        return short
    digits = decimals(values)
    return lambda v: f"{v:,.{digits}f}".replace("-", "−")


def short(value: float) -> str:
    """A number of at most four digits and k, M or B."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")


def room(*values: float, zero: bool = True, spare: float = 0.06) -> tuple[float, float]:
    """A range that holds all finite values (and zero), with a little room at the ends that are not zero."""
    finite = [v for v in values if math.isfinite(v)] + ([0.0] if zero else [])
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        return low - (0.0 if zero and low == 0 else 0.5), high + 0.5 if high <= 1 else high * 1.1
    gap = (high - low) * spare
    return (low if low == 0.0 and zero else low - gap), (high if high == 0.0 and zero else high + gap)
