"""Forecasts as an order of names: correlations by date, their decay, fifths, hit rates and spread."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.types import Floats, Ints
from signals.training import cells as laid
from signals.training import intervals, quality
from signals.training.material import Material

HORIZONS = (1, 2, 5, 10, 20)  # times what the label looks ahead
PERCENTILES = (5, 25, 50, 75, 95)
SPREAD = (1, 5, 25, 50, 75, 95, 99)
Told = dict[str, Any]


def ranking(made: Material, forecast: Floats, cells: Any, horizon: int, centre: float = 0.0) -> Told:
    """Everything about (T, N) forecasts against the return each decision earns; a rise is foretold above `centre`."""
    there = cells & np.isfinite(made.labels.returns)
    edges = laid.edges_of(there)
    if len(edges) < 2:
        return {"why": "no forecast has a return to be held against"}
    f, y = forecast[there], made.labels.returns[there]
    wide = laid.wide(edges)
    row = np.nonzero(there)[0][edges[:-1]]
    days = made.dates[row]
    out: Told = {"across": wide, "dates": len(edges) - 1, "rows": len(f)}
    if wide:
        ic, rank = quality.correlations(f, y, edges), quality.rank_correlations(f, y, edges)
        out["daily"] = {"IC": series(ic), "rank IC": series(rank)}
        out["by_year"] = stability(ic, rank, days, "Y")
        out["by_quarter"] = stability(ic, rank, days, "Q")
    out["decay"] = decay(made, forecast, cells, horizon, wide)
    out["fifths"] = fifths(f, y, edges, wide, centre)
    out["hit rate"] = intervals.told(intervals.share((f > centre) == (y > 0.0), edges, made.labels.reach))
    out["spread"] = spread(f, y, edges, wide, centre)
    return out


def series(daily: Floats) -> Told:
    """A daily correlation: mean, Newey-West t, standard deviation, mean / sd, percentiles, share above zero."""
    known = daily[np.isfinite(daily)]
    if not len(known):
        return {"mean": math.nan, "t": math.nan, "sd": math.nan, "ratio": math.nan, "dates": 0}
    found, sd = quality.newey_west(known), float(known.std())
    return {
        "mean": found.value, "error": found.error, "t": found.t, "sd": sd, "ratio": found.value / sd if sd > 0.0 else math.nan,
        "percentiles": {str(p): float(np.percentile(known, p)) for p in PERCENTILES},
        "above_zero": float((known > 0.0).mean()), "dates": len(known),
    }  # fmt: skip


def stability(ic: Floats, rank: Floats, days: Any, unit: str) -> list[Told]:
    """The correlations of each year (Y) or quarter (Q)."""
    months = days.astype("datetime64[M]").astype(np.int64)
    size = 12 if unit == "Y" else 3
    out = []
    for period in np.unique(months // size).tolist():
        mine = months // size == period
        year, part = 1970 + period * size // 12, period % 4 + 1
        found, ranked = quality.newey_west(ic[mine]), quality.newey_west(rank[mine])
        name = str(year) if unit == "Y" else f"{year} Q{part}"
        out.append({
            "period": name, "IC": found.value, "IC t": found.t, "rank IC": ranked.value, "error": ranked.error, "t": ranked.t,
            "dates": int(mine.sum()),
        })  # fmt: skip
    return out


def ahead(returns: Floats, times: int, horizon: int) -> Floats:
    """(T, N) return from where a label begins to `times` x `horizon` slices later, compounded of labels that touch each other."""
    out: Floats = np.ones(returns.shape)
    for k in range(times):
        shifted = np.full(returns.shape, np.nan)
        at = k * horizon
        if at < len(returns):
            shifted[: len(returns) - at] = returns[at:]
        out *= 1.0 + shifted
    return out - 1.0


def decay(made: Material, forecast: Floats, cells: Any, horizon: int, wide: bool) -> list[Told]:
    """IC and rank IC with returns over longer and longer stretches; errors know that these overlap."""
    out = []
    for times in HORIZONS:
        later = ahead(made.labels.returns, times, horizon)
        there = cells & np.isfinite(later)
        edges = laid.edges_of(there)
        slices = times * horizon
        if len(edges) < 2:
            continue
        f, y = forecast[there], later[there]
        if not wide:
            one, two = quality.pearson(f, y), quality.pearson(quality.ranks(f), quality.ranks(y))
            out.append({
                "slices": slices, "IC": one, "error": math.nan, "rank IC": two, "rank error": math.nan, "dates": len(edges) - 1,
            })  # fmt: skip
            continue
        found = []
        for daily in (quality.correlations(f, y, edges), quality.rank_correlations(f, y, edges)):
            lags = max(slices - 1, int(4.0 * (max(len(daily), 1) / 100.0) ** (2.0 / 9.0)))
            found.append(quality.newey_west(daily, lags))
        out.append({
            "slices": slices, "IC": found[0].value, "error": found[0].error, "rank IC": found[1].value,
            "rank error": found[1].error, "dates": found[1].count,
        })  # fmt: skip
    return out


def fifths(f: Floats, y: Floats, edges: Ints, wide: bool, centre: float) -> list[Told]:
    """By fifth of the forecasts, lowest first: mean forecast, mean outcome with its error, share of right directions."""
    if not wide:  # of all cells together: a date has too few names
        edges = np.array([0, len(f)], np.int64)
    hits = ((f > centre) == (y > 0.0)).astype(np.float64)
    foretold, came, right = (quality.fifths(f, what, edges) for what in (f, y, hits))
    if not np.isfinite(came).any():
        return []
    out = []
    for k in range(came.shape[1]):
        found = quality.newey_west(came[:, k])
        out.append({
            "part": k + 1, "predicted": _mean(foretold[:, k]), "realised": found.value, "error": found.error, "t": found.t,
            "hit rate": _mean(right[:, k]),
        })  # fmt: skip
    return out


def spread(f: Floats, y: Floats, edges: Ints, wide: bool, centre: float) -> Told:
    """How far forecasts lie apart, beside how far outcomes do."""

    def within(values: Floats) -> float:
        if not wide:
            return float(values.std())
        count = np.diff(edges)
        total = np.add.reduceat(values, edges[:-1]) / count
        square = np.add.reduceat(values**2, edges[:-1]) / count
        return float(np.sqrt(np.maximum(square - total**2, 0.0)).mean())

    return {
        "forecasts": within(f), "outcomes": within(y), "above": float((f > centre).mean()), "distinct": len(np.unique(f)),
        "quantiles": {str(q): float(np.percentile(f, q)) for q in SPREAD},
    }  # fmt: skip


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
