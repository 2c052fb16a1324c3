"""Exponential means with a finite memory: the weights are cut where what is left of them is below float32's resolution.

A recursion that began earlier would differ by less than CUT of the range of its input, and could never be the same number
in two windows. With the weights cut and made to sum to 1 again, the mean depends on exactly `taps` slices.
"""

from __future__ import annotations

import math

CUT = 1e-7


def ema(n: int) -> float:
    """The weight of now in an exponential mean 'of n'."""
    return 2.0 / (n + 1.0)


def wilder(n: int) -> float:
    """The weight of now in Wilder's mean of n."""
    return 1.0 / n


def taps(alpha: float) -> int:
    """Slices of an exponential mean whose newest has the weight `alpha`."""
    return math.ceil(math.log(CUT) / math.log1p(-alpha))


def reach(*alphas: float) -> int:
    """Slices before t that exponential means of exponential means depend on."""
    return sum(taps(alpha) - 1 for alpha in alphas)


def weights(alpha: float) -> list[float]:
    """The `taps` weights, oldest first, summing to 1; made by multiplication alone, which is the same on every machine."""
    powers = [1.0]
    for _ in range(taps(alpha) - 1):
        powers.append(powers[-1] * (1.0 - alpha))
    total = math.fsum(powers)
    return [power / total for power in reversed(powers)]
