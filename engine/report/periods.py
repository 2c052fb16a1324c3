"""Returns by stretch of the calendar: years, the last year and three, the best and the worst, and how long luck held."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.report import curves
from engine.report.blocks import Cell, Column, Table
from engine.report.words import num, number, percent, plural, signed, when
from engine.statistics import curve, given
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.result import Result

EXTREMES = 5
TRAILING = (
    ("1 month", 1),
    ("3 months", 3),
    ("6 months", 6),
    ("1 year", 12),
    ("3 years", 36),
    ("5 years", 60),
    ("10 years", 120),
)


def tables(result: Result) -> list[Table]:
    """All of them; none where nothing was run or the run ended in ruin."""
    facts = result.facts
    if len(facts.times) < 2 or facts.ended == "ruin" or not np.isfinite(result.returns.to_numpy()).all():
        return []
    return [years(result), trailing(result), extremes(result), streaks(result)]


def growth(capital: float, equity: Floats, ends: Ints) -> Floats:
    """Returns from each of the rows `ends` to the next; -1 stands for the capital before the first."""
    values = np.append(equity, capital)
    return np.asarray(values[ends[1:]] / values[ends[:-1]] - 1.0)


def ends_of(dates: np.ndarray, unit: str) -> Ints:
    """(K + 1,) rows at which each calendar period (D, W, M, Y) ends, after -1 for the start."""
    period = dates.astype(f"datetime64[{unit}]")
    last = np.flatnonzero(np.append(period[1:] != period[:-1], True))
    return np.concatenate([[-1], last]).astype(np.int64)


def years(result: Result) -> Table:
    """A line per calendar year, by the definitions of engine.metrics; the first and last may be parts."""
    facts = result.facts
    ends, root = ends_of(facts.dates, "Y"), math.sqrt(facts.bars_per_year)
    returns = result.returns.to_numpy()
    theirs = None if facts.benchmark is None else growth(facts.capital, facts.benchmark, ends)
    head = [Column(""), Column("Return", "num")]
    if theirs is not None:
        head += [Column("Benchmark", "num"), Column("Difference", "num")]
    head += [
        Column("Volatility", "num"),
        Column("Sharpe", "num"),
        Column("Deepest drawdown", "num", "within the year"),
        Column("Slices", "num"),
    ]
    rows = []
    for k, gained in enumerate(growth(facts.capital, facts.curve.equity, ends)):
        own = slice(int(ends[k]) + 1, int(ends[k + 1]) + 1)
        mean, std, _, _, _, _ = curve.moments(given(returns[own]))
        start = facts.capital if ends[k] < 0 else float(facts.curve.equity[ends[k]])
        fall = curves.underwater(start, facts.curve.equity[own]).min()
        row = [Cell(str(facts.dates[own.start])[:4], "head"), signed(gained, percent(gained))]
        if theirs is not None:
            row += [num(percent(float(theirs[k]))), signed(gained - theirs[k], percent(float(gained - theirs[k])))]
        row += [
            num(percent(std * root)),
            num(number(mean / std * root)),
            num(percent(float(fall))),
            num(f"{own.stop - own.start:,}"),
        ]
        rows.append(row)
    return Table(head, rows, "Years")


def trailing(result: Result) -> Table:
    """Returns of the year to date and of the last months and years, up to the last slice; a year and more per year."""
    facts = result.facts
    last = facts.dates[-1]
    month = last.astype("datetime64[M]")
    day = int((last - month.astype("datetime64[D]")).astype(int))
    spans: list[tuple[str, Any, float]] = [
        ("Year to date", last.astype("datetime64[Y]").astype("datetime64[D]") - 1, 0.0)
    ]
    for word, months in TRAILING:
        first = month - months
        length = int(((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(int))
        spans.append((word, first.astype("datetime64[D]") + min(day, length - 1), months / 12.0))
    head = [
        Column(""),
        Column("From"),
        Column("Return", "num"),
        Column("A year", "num", "as an equal return a year, from one year on"),
    ]
    theirs = facts.benchmark
    if theirs is not None:
        head.append(Column("Benchmark", "num"))
    rows = []
    for word, from_, span in spans:
        start = int(np.searchsorted(facts.dates, from_, side="right")) - 1
        if start < 0 and from_ < facts.dates[0] - 7 and word != "Year to date":
            continue  # the run is shorter
        ends = np.array([start, len(facts.dates) - 1])
        gained = float(growth(facts.capital, facts.curve.equity, ends)[0])
        yearly = percent((1.0 + gained) ** (1.0 / span) - 1.0) if span >= 1.0 else ""
        row = [Cell(word, "head"), Cell(when(from_)), signed(gained, percent(gained)), num(yearly)]
        rows.append(row + ([num(percent(float(growth(facts.capital, theirs, ends)[0])))] if theirs is not None else []))
    return Table(head, rows, "Up to the last slice")


def extremes(result: Result) -> Table:
    """The best and the worst days, weeks, months and years, with their dates."""
    facts = result.facts
    kinds = [("Day", "D"), ("Month", "M"), ("Year", "Y")] if len(facts.times) else []
    head = [Column(""), *(Column(f"{which} {word.lower()}", "num") for word, _ in kinds for which in ("Best", "Worst"))]
    columns: list[list[str]] = []
    for _, unit in kinds:
        ends = ends_of(facts.dates, unit)
        gained = growth(facts.capital, facts.curve.equity, ends)
        names = facts.dates[ends[1:]].astype(f"datetime64[{unit}]")
        order = np.argsort(gained, kind="stable")
        for chosen in (order[::-1], order):
            columns.append([f"{percent(float(gained[k]))} ({names[k]})" for k in chosen[:EXTREMES]])
    rows = [
        [Cell(str(rank + 1), "head"), *(num(column[rank] if rank < len(column) else "") for column in columns)]
        for rank in range(max(map(len, columns)))
    ]
    return Table(head, rows, "Best and worst")


def streaks(result: Result) -> Table:
    """The longest runs of gains and of losses; a period without a change breaks both."""
    facts = result.facts
    rows = []
    for word, unit in (("days", "D"), ("months", "M"), ("years", "Y")):
        ends = ends_of(facts.dates, unit)
        gained = growth(facts.capital, facts.curve.equity, ends)
        cells = [Cell(word.capitalize(), "head")]
        for sign in (1.0, -1.0):
            length, end = longest(sign * gained > 0.0)
            text = f"{plural(length, word[:-1])} to {facts.dates[ends[end + 1]]}" if length else "none"
            cells.append(num(text))
        share = float((gained > 0.0).mean())
        rows.append([*cells, num(percent(share))])
    head = [
        Column(""),
        Column("Longest of gains", "num"),
        Column("Longest of losses", "num"),
        Column("Gained", "num", "share of the periods"),
    ]
    return Table(head, rows, "Streaks")


def longest(flags: np.ndarray) -> tuple[int, int]:
    """(length, last index) of the first longest run of true; (0, -1) without one."""
    best, at, run = 0, -1, 0
    for k, flag in enumerate(flags):
        run = run + 1 if flag else 0
        if run > best:
            best, at = run, k
    return best, at


def rolling_beta(own: Floats, theirs: Floats, window: int) -> Floats:
    """(S,) slope of own returns on the benchmark's over every `window` in a row; NaN before, or where theirs never vary."""
    out = np.full(len(own), np.nan)
    if window < 2 or len(own) < window:
        return out
    x, y = theirs - theirs.mean(), own - own.mean()
    sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in (x, y, x * y, x * x)]
    sx, sy, sxy, sxx = (v[window:] - v[:-window] for v in sums)
    spread = sxx - sx * sx / window
    with np.errstate(divide="ignore", invalid="ignore"):
        out[window - 1 :] = np.where(spread > 1e-15, (sxy - sx * sy / window) / spread, np.nan)
    return out
