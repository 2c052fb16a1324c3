"""Whether probabilities mean what they say: Brier's score against the base rate's, the slope of reliability, bins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.inuse.series import Estimate, Series, Z, level, newey_west, quantile
from engine.types import Floats

BINS = 10
BETTER, WORSE, SAME = "better than the base rate", "worse than the base rate", "not told from the base rate"


@dataclass(frozen=True, slots=True)
class Bin:
    """Probabilities between two tenths: how many, their mean, how often it happened, and Wilson's 95 % interval of that."""

    count: int
    said: float
    happened: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fitness:
    """How probabilities did so far."""

    count: int
    slices: int
    base: float  # how often it happened
    brier: float
    brier_base: float  # of always saying the base rate
    gain: Estimate  # brier less that of the base rate; below 0 is good
    slope: Estimate  # of what happened on what was said; 1 is right, 0 is worth nothing
    bias: Estimate  # mean probability less how often it happened
    bins: tuple[Bin, ...]


class Fit:
    """Probabilities of one signal and what happened, as it becomes known."""

    def __init__(self, overlap: int) -> None:
        self.overlap = overlap
        self.sums = Series(5)
        self.bins = np.zeros((BINS, 3))

    def add(self, p: Floats, happened: Floats) -> None:
        """A slice's (N,) probabilities and outcomes 1 or 0, NaN where not known."""
        both = np.isfinite(p) & np.isfinite(happened)
        p, y = p[both], happened[both]
        if not len(p):
            return
        self.sums.add(np.array([len(p), p.sum(), y.sum(), p @ p, p @ y]))
        place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
        for k, weights in enumerate((None, p, y)):
            self.bins[:, k] += np.bincount(place, weights=weights, minlength=BINS)

    def found(self) -> Fitness | None:
        """How they did; None before three slices, or where all ended alike."""
        if self.sums.count < 3:
            return None
        n, p, y, pp, py = self.sums.total.tolist()
        base, mean = y / n, p / n
        variance = pp / n - mean * mean
        brier, plain = (pp - 2.0 * py + y) / n, base * (1.0 - base)
        if plain <= 0.0:
            return None
        bn, bp, by, bpp, bpy = self.sums.blocks.T
        share = self.sums.count / n
        gain = self._of(brier - plain, (bpp - 2.0 * bpy + by - (by * (1.0 - 2.0 * base) + base * base * bn)) * share)
        bias = self._of(mean - base, (bp - by) * share)
        slope = Estimate(math.nan, math.nan, self.sums.count)
        if variance > 1e-12:
            b = (py / n - mean * base) / variance
            a = base - b * mean
            residual = bpy - a * bp - b * bpp - mean * (by - a * bn - b * bp)
            slope = self._of(b, residual * share / variance)
        return Fitness(int(n), self.sums.count, base, brier, plain, gain, slope, bias, self._bins(n, bias, brier))

    def _of(self, value: float, influence: Floats) -> Estimate:
        found = newey_west(influence, -(-self.overlap // self.sums.width))
        return Estimate(value, found.error, self.sums.count)

    def _bins(self, n: float, bias: Estimate, brier: float) -> tuple[Bin, ...]:
        """Names of one slice rise together, so that n outcomes count for fewer: for as many as the bias' error says."""
        spread = max(brier - bias.value**2, 0.0)
        effect = max(1.0, bias.error**2 * n / spread) if spread > 0.0 and math.isfinite(bias.error) else 1.0
        out = []
        for count, said, happened in self.bins.tolist():
            if count:
                out.append(Bin(int(count), said / count, happened / count, *wilson(happened / count, count / effect)))
        return tuple(out)


def wilson(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a share of n. Wilson (1927)."""
    middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n)
    half = Z / (1.0 + Z * Z / n) * math.sqrt(max(share * (1.0 - share), 0.0) / n + Z * Z / (4.0 * n * n))
    return middle - half, middle + half


def verdict(found: Fitness | None, k: int) -> str:
    """What look `k` says: worse where the chance of so bad a score is below the look's level, better where 95 % sure."""
    if found is None or not found.gain.error > 0.0:
        return SAME
    ratio = found.gain.value / found.gain.error
    if ratio > quantile(level(k), found.slices - 1):
        return WORSE
    return BETTER if ratio < -quantile(0.025, found.slices - 1) else SAME
