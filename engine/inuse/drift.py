"""Whether forecasts are still what they were: their distribution against a reference's, on a grid of its quantiles.

The reference keeps at each grid value the share of its forecasts at or below it, how many slices it is of, and `worth`: how many
independent forecasts one of its slices counts for. Names move together and forecasts change slowly, so that this is far fewer
than a slice has names. The distance is Kolmogorov's; n in its law is the number of independent forecasts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.inuse.series import Series, long_run
from engine.types import Floats

LEVELS = (0.025, *(k / 20.0 for k in range(1, 20)), 0.975)
LEAST, LEAST_THERE = 12.0, 25.0  # independent forecasts, here and in the reference, below which nothing is compared


@dataclass(frozen=True, slots=True)
class Shape:
    """A distribution of forecasts: shares at or below rising values; `slices` of them, each `worth` independent forecasts."""

    values: Floats  # (G,)
    shares: Floats  # (G,)
    slices: float
    worth: float
    mean: float
    sd: float

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "values": self.values.tolist(), "shares": self.shares.tolist(), "slices": self.slices, "worth": self.worth,
            "mean": self.mean, "sd": self.sd,
        }  # fmt: skip

    def quantile(self, share: float) -> float:
        """The least value with at least this share at or below it."""
        return float(self.values[min(int(np.searchsorted(self.shares, share)), len(self.values) - 1)])

    @classmethod
    def of(cls, told: Any) -> Shape:
        """From plain data."""
        values, shares = (np.asarray(told[key], np.float64) for key in ("values", "shares"))
        slices, worth, mean, sd = (float(told[key]) for key in ("slices", "worth", "mean", "sd"))
        if values.shape != shares.shape or values.ndim != 1 or not len(values):
            raise ValueError(f"values and shares must be as many; they are {values.shape} and {shares.shape}")
        return cls(values, shares, slices, worth, mean, sd)


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two distributions lie apart at most, at which value, and how often chance alone does as much."""

    distance: float
    at: float
    here: float  # share of the forecasts at or below `at`
    there: float  # and of the reference's
    independent: float  # forecasts that the ones seen are worth
    chance: float


def shape_of(rows: list[Floats], stride: int = 1) -> Shape | None:
    """The Shape of forecasts by slice, every `stride`-th slice of a range; None of fewer than three slices."""
    said = [row[np.isfinite(row)] for row in rows]
    said = [row for row in said if len(row)]
    if len(said) < 3:
        return None
    every = np.concatenate(said)
    values = np.unique(np.quantile(every, LEVELS, method="inverted_cdf"))
    shares = np.array([(row[:, None] <= values).mean(axis=0) for row in said])
    counts = np.array([len(row) for row in said], np.float64)[:, None]
    pooled = (shares * counts).sum(axis=0) / counts.sum()
    worth = worth_of(shares, 1, pooled) / stride
    return Shape(values, pooled, float(len(said) * stride), worth, float(every.mean()), float(every.std()))


def worth_of(shares: Floats, width: int, pooled: Floats) -> float:
    """Independent forecasts that one slice counts for, of (B, G) shares in blocks of `width` slices: the worst of the values.

    A share of n independent forecasts has variance F (1 - F) / n; Kish (1965) calls the ratio the design effect.
    """
    alone = pooled * (1.0 - pooled)
    inner = (pooled > 0.02) & (pooled < 0.98)
    if not inner.any():
        return math.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = alone[inner] / long_run(shares[:, inner], width)
    return float(np.min(worth))


def distance(reference: Shape, seen: Series) -> Distance | None:
    """The Distance of `seen`, whose rows are shares at or below the reference's values; None where either is worth too little.

    What a slice is worth is the reference's to say: forecasts that drift look like ones that change slowly, and would hide it.
    """
    pooled = seen.mean
    independent, there = seen.count * reference.worth, reference.slices * reference.worth
    gap = np.abs(pooled - reference.shares)
    k = int(np.argmax(gap))
    if not (independent >= LEAST and there >= LEAST_THERE):
        return None
    both = independent * there / (independent + there)
    found = (float(gap[k]), float(reference.values[k]), float(pooled[k]), float(reference.shares[k]))
    return Distance(*found, independent, kolmogorov(float(gap[k]), both))


def kolmogorov(distance: float, n: float) -> float:
    """Chance that two distributions that are the same lie so far apart, with n = n1 n2 / (n1 + n2). Stephens (1970)."""
    x = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    if x < 0.2:
        return 1.0
    total = sum((-1.0) ** (j - 1) * math.exp(-2.0 * j * j * x * x) for j in range(1, 101))
    return min(1.0, max(0.0, 2.0 * total))
