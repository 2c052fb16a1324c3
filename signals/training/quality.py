"""How good forecasts were: correlations by date with Newey-West errors, and classification with intervals. NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.types import Bools, Floats, Ints

Z = 1.959963984540054  # 97.5 % quantile of the normal
FEWEST = 5  # names of a date that can be ranked
PARTS = 5


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its standard error; t is their ratio."""

    value: float
    error: float
    count: int

    @property
    def t(self) -> float:
        return self.value / self.error if self.error > 0.0 else math.nan

    @property
    def low(self) -> float:
        """Lower end of the normal 95 % interval."""
        return self.value - Z * self.error

    @property
    def high(self) -> float:
        """Its upper end."""
        return self.value + Z * self.error


def newey_west(values: Floats, lags: int | None = None) -> Estimate:
    """The mean of a (D,) series and its standard error under autocorrelation; NaN left out.

    Bartlett weights over `lags`, by default 4 (D / 100)^(2/9). Newey, West (1987, 1994).
    """
    x = values[np.isfinite(values)]
    n = len(x)
    if n < 2:
        return Estimate(float(x[0]) if n else math.nan, math.nan, n)
    most = int(4.0 * (n / 100.0) ** (2.0 / 9.0)) if lags is None else lags
    e = x - x.mean()
    variance = float(e @ e) / n
    for k in range(1, min(most, n - 1) + 1):
        variance += 2.0 * (1.0 - k / (most + 1.0)) * float(e[k:] @ e[:-k]) / n
    return Estimate(float(x.mean()), math.sqrt(max(variance, 0.0) / n), n)


def ranks(x: Floats) -> Floats:
    """Ranks from 0, ties share their mean."""
    order = np.argsort(x, kind="stable")
    ordered = x[order]
    edges = np.concatenate(([0], np.flatnonzero(np.diff(ordered)) + 1, [len(x)]))
    means = (edges[:-1] + edges[1:] - 1) / 2.0
    out = np.empty(len(x))
    out[order] = np.repeat(means, np.diff(edges))
    return out


def pearson(a: Floats, b: Floats) -> float:
    """Correlation; NaN where one does not vary."""
    a, b = a - a.mean(), b - b.mean()
    under = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / under if under > 0.0 else math.nan


def correlations(forecast: Floats, outcome: Floats, edges: Ints, fewest: int = FEWEST) -> Floats:
    """(D,) correlation of each date; NaN for a date with fewer than `fewest` names or without variation."""
    return _by_date(forecast, outcome, edges, fewest, ranked=False)


def rank_correlations(forecast: Floats, outcome: Floats, edges: Ints, fewest: int = FEWEST) -> Floats:
    """(D,) rank correlation of each date."""
    return _by_date(forecast, outcome, edges, fewest, ranked=True)


def _by_date(forecast: Floats, outcome: Floats, edges: Ints, fewest: int, ranked: bool) -> Floats:
    out = np.full(len(edges) - 1, np.nan)
    for k, (first, stop) in enumerate(pairwise(edges.tolist())):
        if stop - first >= fewest:
            a, b = forecast[first:stop], outcome[first:stop]
            out[k] = pearson(ranks(a), ranks(b)) if ranked else pearson(a, b)
    return out


def fifths(forecast: Floats, outcome: Floats, edges: Ints) -> Floats:
    """(D, 5) mean outcome of each fifth of the forecasts, lowest first; NaN for a date with fewer than 10 names."""
    out = np.full((len(edges) - 1, PARTS), np.nan)
    for k, (first, stop) in enumerate(pairwise(edges.tolist())):
        count = stop - first
        if count < 2 * PARTS:
            continue
        part = (ranks(forecast[first:stop]) * PARTS / count).astype(np.int64)
        y = outcome[first:stop]
        for q in range(PARTS):
            if (part == q).any():
                out[k, q] = y[part == q].mean()
    return out


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share. Wilson (1927)."""
    if count == 0:
        return math.nan, math.nan
    p, z2 = hits / count, Z * Z
    middle = (p + z2 / (2 * count)) / (1 + z2 / count)
    half = Z / (1 + z2 / count) * math.sqrt(p * (1 - p) / count + z2 / (4 * count * count))
    return middle - half, middle + half


@dataclass(frozen=True, slots=True)
class Classified:
    """How probabilities of a rise did; NaN where a measure is not defined."""

    count: int
    accuracy: float
    low: float
    high: float
    balanced: float
    precision: float
    recall: float
    f1: float
    mcc: float
    auc: float
    log_loss: float
    entropy: float  # log loss of always saying the share of rises
    brier: float
    base: float  # share of rises


def classified(p: Floats, rises: Bools) -> Classified:
    """The measures of (S,) probabilities against what happened; a rise is said from .5 on."""
    n = len(p)
    if n == 0:
        return Classified(0, *([math.nan] * 13))
    said = p >= 0.5
    tp, fp = int((said & rises).sum()), int((said & ~rises).sum())
    fn, tn = int((~said & rises).sum()), int((~said & ~rises).sum())
    base = float(rises.mean())
    low, high = wilson(tp + tn, n)
    under = math.sqrt(float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    q = np.clip(p, 1e-12, 1.0 - 1e-12)
    loss = float(-np.where(rises, np.log(q), np.log1p(-q)).mean())
    prior = 0.0 if base in (0.0, 1.0) else -(base * math.log(base) + (1.0 - base) * math.log(1.0 - base))
    balanced = (_share(tp, tp + fn) + _share(tn, tn + fp)) / 2.0
    precision, recall = _share(tp, tp + fp), _share(tp, tp + fn)
    f1 = _share(2 * tp, 2 * tp + fp + fn)
    mcc = (tp * tn - fp * fn) / under if under > 0.0 else math.nan
    brier = float(((p - rises) ** 2).mean())
    return Classified(
        n, (tp + tn) / n, low, high, balanced, precision, recall, f1, mcc, auc(p, rises), loss, prior, brier, base
    )


def auc(p: Floats, rises: Bools) -> float:
    """Chance that a rise was given the higher probability, ties half. Hanley, McNeil (1982)."""
    up = int(rises.sum())
    down = len(p) - up
    if up == 0 or down == 0:
        return math.nan
    return float((ranks(p)[rises].sum() - up * (up - 1) / 2.0) / (up * down))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
