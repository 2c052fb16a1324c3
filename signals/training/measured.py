"""Every measure of signals.training.table with its interval, by what a recipe foretells."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.types import Floats
from signals.training import cells as laid
from signals.training import intervals, quality
from signals.training.intervals import Interval, blocks, by_date
from signals.training.material import Material
from signals.training.recipe import Recipe

Measured = dict[str, Interval]
TINY = 1e-12


def measured_of(recipe: Recipe) -> Callable[[Material, Floats, Any], Measured]:
    """The function that measures (T, N) forecasts over the cells that count."""
    if recipe.label.target == "price":
        return priced
    return classified if recipe.loss.kind == "direction" else ranked


def ranked(made: Material, forecast: Floats, cells: Any) -> Measured:
    """Rank IC, IC, ICIR, hit rate and the top less the bottom fifth in bps."""
    f, y, edges = laid.flat(made, forecast, cells)
    if len(edges) < 2:
        return {name: intervals.unknown() for name in ("rank IC", "IC", "ICIR", "hit rate", "top - bottom fifth")}
    overlap = made.labels.reach
    out: Measured = {}
    daily = np.empty(0)
    if laid.wide(edges):
        daily = quality.correlations(f, y, edges)
        out["rank IC"] = intervals.normal(quality.newey_west(quality.rank_correlations(f, y, edges)))
        out["IC"] = intervals.normal(quality.newey_west(daily))
    else:
        out["rank IC"] = blocks(_moments(quality.ranks(f), quality.ranks(y), edges), _correlation, overlap)
        out["IC"] = blocks(_moments(f, y, edges), _correlation, overlap)
    known = daily[np.isfinite(daily)]
    sums = np.stack((np.ones(len(known)), known, known**2), axis=1)
    out["ICIR"] = blocks(sums, _ratio, overlap) if len(known) > 1 else intervals.unknown()
    out["hit rate"] = intervals.share((f > 0.0) == (y > 0.0), edges, overlap)
    parts = quality.fifths(f, y, edges)
    out["top - bottom fifth"] = intervals.normal(quality.newey_west((parts[:, -1] - parts[:, 0]) * 1e4))
    return out


def classified(made: Material, forecast: Floats, cells: Any) -> Measured:
    """What signals.training.quality.classified measures."""
    p, y, edges = laid.flat(made, forecast, cells)
    return classes(p, y > 0.5, edges, made.labels.reach)


def classes(p: Floats, rises: Any, edges: Any, overlap: int = 1) -> Measured:
    """The same of (S,) probabilities by date."""
    if not len(p):
        return {name: intervals.unknown() for name in (*_CLASSES, "accuracy", "AUC", "precision", "recall")}
    said = p >= 0.5
    q = np.clip(p, TINY, 1.0 - TINY)
    loss = -np.where(rises, np.log(q), np.log1p(-q))
    counts = [said & rises, said & ~rises, ~said & rises, ~said & ~rises]
    sums = by_date([*counts, loss, (p - rises) ** 2], edges)
    out = {name: blocks(sums, how, overlap) for name, how in _CLASSES.items()}
    return {
        **out, "accuracy": intervals.share(said == rises, edges, overlap), "AUC": intervals.auc_of(p, rises, edges),
        "precision": intervals.share(rises[said], _kept(edges, said), overlap),
        "recall": intervals.share(said[rises], _kept(edges, rises), overlap),
    }  # fmt: skip


def priced(made: Material, forecast: Floats, cells: Any) -> Measured:
    """RMSE, MAE, MAPE, R2, bias, and how often the direction from the last price was right."""
    f, y, edges = laid.flat(made, forecast, cells)
    if not len(y):
        return {name: intervals.unknown() for name in (*_PRICES, "hit rate")}
    e, centred = f - y, y - y.mean()
    sums = by_date([np.ones(len(y)), e, np.abs(e), e * e, np.abs(e / y), centred, centred**2], edges)
    overlap = made.labels.reach
    out = {name: blocks(sums, how, overlap) for name, how in _PRICES.items()}
    last = made.labels.last(*np.nonzero(cells))
    moved = y != last
    out["hit rate"] = intervals.share(((f > last) == (y > last))[moved], _kept(edges, moved), overlap)
    return out


def _moments(a: Floats, b: Floats, edges: Any) -> Floats:
    a, b = a - a.mean(), b - b.mean()
    return by_date([np.ones(len(a)), a, b, a * a, b * b, a * b], edges)


def _correlation(s: Floats) -> Floats:
    n, a, b, aa, bb, ab = s.T
    return np.asarray((ab - a * b / n) / np.sqrt((aa - a * a / n) * (bb - b * b / n)))


def _ratio(s: Floats) -> Floats:
    mean = s[:, 1] / s[:, 0]
    return np.asarray(mean / np.sqrt(np.maximum(s[:, 2] / s[:, 0] - mean**2, 0.0)))


def _entropy(share: Floats) -> Floats:
    q = np.clip(share, TINY, 1.0 - TINY)
    return np.asarray(-(q * np.log(q) + (1.0 - q) * np.log1p(-q)))


def _mcc(s: Floats) -> Floats:
    tp, fp, fn, tn = s.T[:4]
    return np.asarray((tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def _count(s: Floats) -> Floats:
    return np.asarray(s[:, :4].sum(axis=1))


_CLASSES: dict[str, intervals.Statistic] = {
    "log loss": lambda s: s[:, 4] / _count(s),
    "less entropy": lambda s: s[:, 4] / _count(s) - _entropy((s[:, 0] + s[:, 2]) / _count(s)),
    "balanced": lambda s: (s[:, 0] / (s[:, 0] + s[:, 2]) + s[:, 3] / (s[:, 1] + s[:, 3])) / 2.0,
    "F1": lambda s: 2.0 * s[:, 0] / (2.0 * s[:, 0] + s[:, 1] + s[:, 2]),
    "MCC": _mcc,
    "Brier": lambda s: s[:, 5] / _count(s),
}
_PRICES: dict[str, intervals.Statistic] = {
    "RMSE": lambda s: np.sqrt(s[:, 3] / s[:, 0]),
    "MAE": lambda s: s[:, 2] / s[:, 0],
    "MAPE": lambda s: s[:, 4] / s[:, 0],
    "R2": lambda s: 1.0 - s[:, 3] / (s[:, 6] - s[:, 5] ** 2 / s[:, 0]),
    "bias": lambda s: s[:, 1] / s[:, 0],
}


def _kept(edges: Any, chosen: Any) -> Any:
    """Where dates begin among the chosen cells alone; dates without one are left out."""
    counts = np.add.reduceat(np.asarray(chosen, np.int64), edges[:-1])
    return np.concatenate(([0], np.cumsum(counts[counts > 0]))).astype(np.int64)


def mean(found: list[Measured]) -> Measured:
    """The mean of the seeds' measures and of their ends."""
    if len(found) == 1:
        return found[0]
    out = {}
    for name, one in found[0].items():
        parts = np.array([[m[name].value, m[name].low, m[name].high] for m in found])
        value, low, high = (float(v) if math.isfinite(v) else math.nan for v in parts.mean(axis=0))
        out[name] = Interval(value, low, high, one.how)
    return out
