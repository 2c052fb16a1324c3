"""Charts: equity and underwater as plotly data, the monthly table and the excursions as plain markup."""

from __future__ import annotations

import html
import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from engine.result import Result
    from engine.types import Floats, Ints

POINTS = 2000  # more than a screen is wide


def thin(values: Floats, points: int = POINTS) -> Ints:
    """Rows to draw of (T,) values: all of them, or the lowest and highest of equal buckets, first and last included."""
    count = len(values)
    if count <= points:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, points // 2 + 1).astype(np.int64)
    rows = {0, count - 1}
    for first, last in pairwise(edges):
        bucket = values[first:last]
        if np.isfinite(bucket).any():
            rows.add(int(first + np.nanargmin(bucket)))
            rows.add(int(first + np.nanargmax(bucket)))
    return np.array(sorted(rows), dtype=np.int64)


def in_script(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can close the element or break a line of JavaScript."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for found, safe in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(found, safe)
    return text


def _numbers(values: Floats, digits: int) -> list[float | None]:
    return [round(float(v), digits) if math.isfinite(v) else None for v in values]


def curves(result: Result) -> dict[str, Any]:
    """What the page draws: times, equity, benchmark and underwater, thinned together so that they share one axis."""
    equity = result.equity.to_numpy()
    drawdown = result.drawdown.to_numpy()
    rows = np.union1d(thin(equity), thin(drawdown))
    benchmark = result.benchmark
    told: dict[str, Any] = {
        "time": [stamp.strftime("%Y-%m-%d %H:%M") for stamp in result.index[rows]],
        "equity": _numbers(equity[rows], 2),
        "underwater": _numbers(drawdown[rows], 6),
        "benchmark": None if benchmark is None else _numbers(benchmark.to_numpy()[rows], 2),
        "benchmark_name": "" if benchmark is None else html.escape(str(benchmark.name).replace("_", " ")),
    }
    exposure = result.exposure
    told["gross"] = _numbers(exposure["gross"].to_numpy()[rows], 4)
    told["net"] = _numbers(exposure["net"].to_numpy()[rows], 4)
    return told


def shade(value: float, scale: float) -> str:
    """A background for one return: the colour of gain or loss, deeper the larger it is against `scale`."""
    if not math.isfinite(value) or scale <= 0.0:
        return ""
    depth = min(1.0, abs(value) / scale)
    return f"background: color-mix(in srgb, var(--{'gain' if value >= 0 else 'loss'}) {depth * 55:.0f}%, transparent)"


def monthly_rows(result: Result) -> list[dict[str, Any]]:
    """One entry per year: label, and twelve months and the year as (text, style)."""
    frame = result.monthly
    months = [column for column in frame.columns if column != "year"]
    spread = frame[months].to_numpy(dtype=float)
    scale = float(np.nanquantile(np.abs(spread), 0.95)) if np.isfinite(spread).any() else 0.0
    out = []
    for year, row in frame.iterrows():
        cells = [
            (f"{value:.1%}" if math.isfinite(value) else "", shade(value, scale if name != "year" else 4 * scale))
            for name, value in ((name, float(row[name])) for name in frame.columns)
        ]
        out.append({"year": str(year), "cells": cells})
    return out


def excursions(result: Result, width: int = 520, height: int = 260) -> str:
    """An SVG of trades: worst excursion across, result up; empty text without closed trades. Colours by class."""
    trades = result.trades
    trades = trades[~trades["is_open"]] if len(trades) else trades
    if not len(trades):
        return ""
    across = -trades["mae"].to_numpy(dtype=float)
    upward = trades["return"].to_numpy(dtype=float)
    known = np.isfinite(across) & np.isfinite(upward)
    across, upward = across[known], upward[known]
    if not len(across):
        return ""
    if len(across) > POINTS:
        chosen = np.linspace(0, len(across) - 1, POINTS).astype(np.int64)
        across, upward = across[chosen], upward[chosen]
    right = max(float(across.max()), 1e-6)
    low, high = min(float(upward.min()), 0.0), max(float(upward.max()), 1e-6)
    left, top, inner_w, inner_h = 56, 12, width - 72, height - 48

    def x(value: float) -> float:
        return left + inner_w * value / right

    def y(value: float) -> float:
        return top + inner_h * (high - value) / (high - low)

    dots = "".join(
        f'<circle cx="{x(a):.1f}" cy="{y(u):.1f}" r="3" class="{"gain" if u > 0 else "loss"}"/>'
        for a, u in zip(across, upward, strict=True)
    )
    labels = (
        f'<text x="{left - 6}" y="{y(high) + 4:.1f}" text-anchor="end">{high:.0%}</text>'
        f'<text x="{left - 6}" y="{y(0) + 4:.1f}" text-anchor="end">0</text>'
        f'<text x="{left - 6}" y="{y(low) + 4:.1f}" text-anchor="end">{low:.0%}</text>'
        f'<text x="{left}" y="{height - 18}">0</text>'
        f'<text x="{left + inner_w}" y="{height - 18}" text-anchor="end">-{right:.1%}</text>'
        f'<text x="{left + inner_w / 2:.0f}" y="{height - 4}" text-anchor="middle">worst excursion against the entry</text>'
    )
    axes = f'<path d="M{left} {top}V{top + inner_h}M{left} {y(0):.1f}H{left + inner_w}"/>'
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Trades: result against worst excursion">'
        f"<g class='axis'>{axes}{labels}</g>{dots}</svg>"
    )
