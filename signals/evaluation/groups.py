"""The same measures by year, by sector, and on the dates a model was fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.types import Floats
from signals.evaluation.subject import Subject
from signals.training import fitting, measured, table
from signals.training import train as training
from signals.training.splits import Pieces, Span

WINDOWS = 6000  # of each range, over all folds: the gap needs no more
Told = dict[str, Any]


def by_year(subject: Subject, forecast: Floats, cells: Any) -> list[Told]:
    """A row per calendar year."""
    years = subject.made.dates.astype("datetime64[Y]").astype(np.int64) + 1970
    out = []
    for year in np.unique(years[cells.any(axis=1)]).tolist():
        out.append(row(subject, str(year), forecast, cells & (years == year)[:, None]))
    return out


def by_sector(subject: Subject, forecast: Floats, cells: Any) -> list[Told]:
    """A row per sector; none where sectors are not known."""
    told = subject.made.sectors
    names = np.array([name or "" for name in told], object)
    out = []
    for name in sorted({one for one in told if one}):
        mine = cells & (names == name)[None, :]
        if mine.any():
            out.append(row(subject, name, forecast, mine))
    return out


def row(subject: Subject, name: str, forecast: Floats, cells: Any) -> Told:
    """The measures of some cells, the judged one with its interval."""
    made, recipe = subject.made, subject.recipe
    judged = table.columns(recipe)[0][0]
    found = measured.measured_of(recipe)(made, forecast, cells)
    told = table.measure_of(recipe)(made, forecast, cells)
    shown = found["accuracy"] if "accuracy" in found else found[judged]
    return {"name": name, "rows": int(cells.sum()), **told, "low": shown.low, "high": shown.high}


def gap(subject: Subject, forecast: Floats, cells: Any) -> list[Told]:
    """The measures on training, validation and test dates, pooled over the folds of the first seed; of long ranges some dates."""
    walk, made, recipe = subject.walks[0], subject.made, subject.recipe
    out = []
    for name in ("train", "validation"):
        pooled: list[Told] = []
        for k, split in enumerate(walk.splits):
            rows = spaced(subject, split.spans[name], len(walk.splits))
            if not len(rows):
                continue
            said = np.full(forecast.shape, np.nan)
            said[rows] = training.read_back(subject.folder(walk, k), made, recipe, rows)
            there = np.isfinite(said) & np.isfinite(made.labels.values)
            if there.any():
                pooled.append({**table.measure_of(recipe)(made, said, there), "rows": int(there.sum())})
        if pooled:
            weight = np.array([one["rows"] for one in pooled], np.float64)
            means = {key: _mean([one[key] for one in pooled], weight) for key in pooled[0] if key != "rows"}
            out.append({"name": name, "rows": int(weight.sum()), **means})
    return [*out, {"name": "test", "rows": int(cells.sum()), **table.measure_of(recipe)(made, forecast, cells)}]


def spaced(subject: Subject, span: Span | Pieces, folds: int) -> Any:
    """Every n-th slice of a range, so that all folds together ask for about WINDOWS windows."""
    count = len(fitting.samples(subject.made, subject.recipe, span, 1))
    stride = max(1, -(-count * folds // WINDOWS))
    return span.rows[::stride]


def _mean(values: list[float], weight: Floats) -> float:
    known = np.isfinite(values)
    return float(np.average(np.array(values)[known], weights=weight[known])) if known.any() else float("nan")
