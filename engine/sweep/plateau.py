"""Where a sweep is good and stays good: a plateau rather than a peak.

A cell's plateau value is the lower median of its own figure and those of its neighbours, one step away along each numeric
key, and never more than its own. The best single cell of many is the luckiest; one whose neighbours are as good hangs less on
luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median, median_low
from typing import Any, NamedTuple

from engine.sweep.running import Result


class Verdict(NamedTuple):
    """The best cell and the best plateau, with the figure at each and the plateau's value around it; None: none defined."""

    metric: str
    peak: Result | None
    peak_around: float | None
    plateau: Result | None
    plateau_around: float | None


def figure(result: Result, metric: str) -> float | None:
    value = result.metrics.get(metric)
    return None if value is None else float(value)


def around(results: Sequence[Result], grid: Mapping[str, Sequence[Any]], metric: str) -> list[float | None]:
    """The plateau value of each cell, in the grid's order; None where its own figure is undefined."""
    sizes = [len(values) for values in grid.values()]
    steps = [1] * len(sizes)
    for k in range(len(sizes) - 2, -1, -1):
        steps[k] = steps[k + 1] * sizes[k + 1]
    numeric = [
        all((not isinstance(v, bool) and isinstance(v, int | float)) or _percent(v) for v in vs) for vs in grid.values()
    ]
    out: list[float | None] = []
    for n, result in enumerate(results):
        own = figure(result, metric)
        near = [own]
        for size, step, ordered in zip(sizes, steps, numeric, strict=True):
            place = n // step % size
            near += [figure(results[n + way * step], metric) for way in (-1, 1) if ordered and 0 <= place + way < size]
        known = [value for value in near if value is not None]
        out.append(None if own is None else min(own, median_low(known)))
    return out


def _percent(value: Any) -> bool:
    return isinstance(value, str) and value.rstrip().endswith(("%", "bps"))


def verdict(results: Sequence[Result], grid: Mapping[str, Sequence[Any]], metric: str = "sharpe") -> Verdict:
    """Peak and plateau of a sweep's results, which are in the grid's order; ties to the earlier cell."""
    values = [figure(one, metric) for one in results]
    levels = around(results, grid, metric)
    known = [n for n, value in enumerate(values) if value is not None]
    if not known:
        return Verdict(metric, None, None, None, None)
    peak = max(known, key=lambda n: (values[n], -n))
    flat = max(known, key=lambda n: (levels[n], -n))
    return Verdict(metric, results[peak], levels[peak], results[flat], levels[flat])


def heatmap(
    results: Sequence[Result], grid: Mapping[str, Sequence[Any]], rows: str, columns: str, metric: str
) -> list[list[float | None]]:
    """The metric by two keys of the grid: the median over all others."""
    out: list[list[float | None]] = []
    for a in grid[rows]:
        line: list[float | None] = []
        for b in grid[columns]:
            found = [figure(one, metric) for one in results if one.point[rows] == a and one.point[columns] == b]
            known = [value for value in found if value is not None]
            line.append(median(known) if known else None)
        out.append(line)
    return out
