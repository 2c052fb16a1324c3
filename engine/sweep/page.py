"""sweep.html: heatmaps of a sweep by every pair of its keys, the plateau beside the peak, and every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from engine import writing
from engine.report.blocks import Cell, Column, Note, Section, Table
from engine.report.build import document
from engine.report.overview import heat
from engine.report.words import num
from engine.sweep.plateau import Verdict, figure, heatmap
from engine.sweep.running import Result

SHOWN = ("sharpe", "cagr", "max_drawdown", "trades")
LINES = 2000


def write(path: Path, name: str, results: Sequence[Result], grid: Mapping[str, Sequence[Any]], told: Verdict) -> Path:
    """The path of the page, written whole; OutputError if it cannot be."""
    wide = [key for key, values in grid.items() if len(values) > 1]
    sections = [
        _verdict(told, len(results)),
        *(_map(results, grid, a, b, told.metric) for a, b in combinations(wide, 2)),
    ]
    strap = f"{len(results):,} cells · {' · '.join(grid)}"
    foot = "The best of many is the luckiest of them."
    return writing.replace(path, document(name, "sweep", strap, [*sections, _cells(results, grid)], foot).encode())


def _verdict(told: Verdict, cells: int) -> Section:
    rows = []
    for word, one, level in (("peak", told.peak, told.peak_around), ("plateau", told.plateau, told.plateau_around)):
        if one is not None:
            where = ", ".join(f"{key} {value}" for key, value in one.point.items())
            rows.append(
                [Cell(word, "head"), num(shown(figure(one, told.metric))), num(shown(level)), Cell(where, "quiet")]
            )
    head = (Column(""), Column(told.metric, "num"), Column("median with its neighbours", "num"), Column("where"))
    note = Note(
        f"The best of {cells:,} cells is the luckiest of them: judge it by the ledger of trials (barcast overfitting), not by itself."
    )
    lead = "A plateau hangs less on luck than a peak: its neighbours are as good."
    return Section("verdict", "Peak and plateau", lead, [Table(head, rows, empty="no cell has a figure"), note])


def _map(results: Sequence[Result], grid: Mapping[str, Sequence[Any]], a: str, b: str, metric: str) -> Section:
    values = heatmap(results, grid, a, b, metric)
    full = max((abs(v) for line in values for v in line if v is not None), default=1.0)
    rows = [
        [Cell(str(name), "head"), *(Cell("n/a", "num") if v is None else shaded(v, full) for v in line)]
        for name, line in zip(grid[a], values, strict=True)
    ]
    head = (Column(a), *(Column(str(value), "num") for value in grid[b]))
    return Section(f"map-{a}-{b}", f"{a} by {b}", f"{metric}; the median over all other keys.", [Table(head, rows)])


def _cells(results: Sequence[Result], grid: Mapping[str, Sequence[Any]]) -> Section:
    rows = [
        [*(Cell(str(one.point[key])) for key in grid), *(num(shown(figure(one, name))) for name in SHOWN)]
        for one in results[:LINES]
    ]
    head = (*(Column(key) for key in grid), *(Column(name, "num") for name in SHOWN))
    rest = len(results) - LINES
    blocks: list[Any] = [Table(head, rows)]
    if rest > 0:
        blocks.append(Note(f"{rest:,} more are in sweep.parquet."))
    return Section("cells", "Cells", "In the grid's order.", blocks)


def shaded(value: float, full: float) -> Cell:
    """A figure in the colour of its sign, full at `full`."""
    return replace(heat(value, full), text=shown(value))


def shown(value: float | None) -> str:
    """A figure for people."""
    return "n/a" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
