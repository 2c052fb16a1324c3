"""The difference of two models on the same cells, paired by date, with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.types import Floats, Ints
from signals.training import cells as laid
from signals.training import intervals, quality
from signals.training.intervals import Interval, blocks, by_date
from signals.training.material import Material
from signals.training.measured import TINY
from signals.training.recipe import Recipe

Differences = dict[str, Interval]
Many = Sequence[Floats]  # (T, N) forecasts, one per seed
Compare = Callable[[Material, Many, Many, Any], Differences]


def paired_of(recipe: Recipe) -> Compare:
    """What compares forecasts of this recipe's kind: first less second, the seeds of each averaged."""
    if recipe.label.target == "price":
        return priced
    return classified if recipe.loss.kind == "direction" else ranked


def ranked(made: Material, ours: Many, theirs: Many, cells: Any) -> Differences:
    """Of rank IC, IC, and the top less the bottom fifth in bps; `made.labels.values` is what came."""
    edges = laid.edges_of(cells)
    if len(edges) < 3:
        return {}
    y = made.labels.values[np.nonzero(cells)]
    one, two = ([f[np.nonzero(cells)] for f in some] for some in (ours, theirs))
    if not laid.wide(edges):
        return {
            "rank IC": _pooled(
                [quality.ranks(f) for f in one], [quality.ranks(f) for f in two], quality.ranks(y), edges, made
            ),
            "IC": _pooled(one, two, y, edges, made),
        }

    def gap(f: Floats, y: Floats, edges: Ints) -> Floats:
        parts = quality.fifths(f, y, edges)
        return np.asarray((parts[:, -1] - parts[:, 0]) * 1e4)

    daily: dict[str, Callable[[Floats, Floats, Ints], Floats]] = {
        "rank IC": quality.rank_correlations,
        "IC": quality.correlations,
        "top - bottom fifth": gap,
    }
    out = {}
    for name, how in daily.items():
        series = [np.mean([how(f, y, edges) for f in some], axis=0) for some in (one, two)]
        out[name] = intervals.normal(quality.newey_west(series[0] - series[1]))
    return out


def classified(made: Material, ours: Many, theirs: Many, cells: Any) -> Differences:
    """Of log loss, accuracy and Brier score."""
    edges = laid.edges_of(cells)
    if len(edges) < 3:
        return {}
    rises = made.labels.values[np.nonzero(cells)] > 0.5

    def marks(p: Floats) -> Floats:
        q = np.clip(p[np.nonzero(cells)], TINY, 1.0 - TINY)
        loss = -np.where(rises, np.log(q), np.log1p(-q))
        return by_date([loss, (q >= 0.5) == rises, (q - rises) ** 2], edges)

    apart = np.mean([marks(p) for p in ours], axis=0) - np.mean([marks(p) for p in theirs], axis=0)
    sums = np.column_stack((np.diff(edges), apart))
    names = ("log loss", "accuracy", "Brier")
    return {name: blocks(sums, _share(k + 1), made.labels.reach) for k, name in enumerate(names)}


def priced(made: Material, ours: Many, theirs: Many, cells: Any) -> Differences:
    """Of RMSE and MAE."""
    edges = laid.edges_of(cells)
    if len(edges) < 3:
        return {}
    y = made.labels.values[np.nonzero(cells)]

    def marks(some: Many) -> Floats:
        errors = [f[np.nonzero(cells)] - y for f in some]
        return np.asarray(np.mean([by_date([e * e, np.abs(e)], edges) for e in errors], axis=0))

    sums = np.column_stack((np.diff(edges), marks(ours), marks(theirs)))
    overlap = made.labels.reach
    return {
        "RMSE": blocks(sums, lambda s: np.sqrt(s[:, 1] / s[:, 0]) - np.sqrt(s[:, 3] / s[:, 0]), overlap),
        "MAE": blocks(sums, lambda s: (s[:, 2] - s[:, 4]) / s[:, 0], overlap),
    }


def _pooled(one: Sequence[Floats], two: Sequence[Floats], y: Floats, edges: Ints, made: Material) -> Interval:
    """Of correlations over all cells, where dates have too few names."""
    forecasts = [f - f.mean() for f in (*one, *two)]
    y = y - y.mean()
    columns = [np.ones(len(y)), y, y * y]
    for f in forecasts:
        columns += [f, f * f, f * y]

    def apart(s: Floats) -> Floats:
        n, b, bb = s[:, 0], s[:, 1], s[:, 2]
        found = []
        for k in range(len(forecasts)):
            a, aa, ab = s[:, 3 + 3 * k], s[:, 4 + 3 * k], s[:, 5 + 3 * k]
            found.append((ab - a * b / n) / np.sqrt((aa - a * a / n) * (bb - b * b / n)))
        return np.asarray(np.mean(found[: len(one)], axis=0) - np.mean(found[len(one) :], axis=0))

    return blocks(by_date(columns, edges), apart, made.labels.reach)


def _share(k: int) -> intervals.Statistic:
    return lambda s: s[:, k] / s[:, 0]


def better(found: Interval, less: bool) -> str:
    """first, second, or within chance: which one the interval of the difference speaks for."""
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return "not known"
    if found.low > 0.0:
        return "second" if less else "first"
    if found.high < 0.0:
        return "first" if less else "second"
    return "within chance"
