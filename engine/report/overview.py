"""The first sections: how far to believe the run, how it did, its curves, months and drawdowns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.belief import believe
from engine.metrics import DEFINITIONS
from engine.report import checks, curves, drawings, periods, trading
from engine.report.blocks import (
    Belief,
    Cell,
    Column,
    Curves,
    Figure,
    Fold,
    Note,
    Pair,
    Section,
    Table,
    Term,
    Tiles,
    Unchecked,
    Verdict,
)
from engine.report.words import days, minus, minus_signs, num, percent, plural, signed, term, tone, when
from engine.types import Floats

if TYPE_CHECKING:
    from engine.report.checks import Findings
    from engine.result import Result
    from engine.robust import Metrics, Robustness

TILES = ("total_return", "cagr", "sharpe", "max_drawdown", "volatility", "sortino", "win_rate", "cost_drag")
TONED = ("total_return", "cagr", "sharpe", "sortino")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LOG_FROM = 10.0  # times the lowest
MEANS = 500  # points of the exposure's line
SOME_YEARS = 3
LISTED = 300  # ambiguous bars
SHADE = 0.95  # quantile of the size of monthly returns that gets the full colour


def belief(result: Result, findings: Findings) -> Section:
    """How far to believe the run: never nothing, and before how good it was."""
    ambiguous, bars = checks.ambiguous_bars(result), checks.bars_with_a_bar(result)
    terms = [term(result, name) for name in ("psr", "min_track_record", "years", "trades")]
    line = "bars in which another order of prices inside the bar would have filled differently"
    terms.append(Term("Ambiguous bars", line, f"{ambiguous:,}", reason=f"of {bars:,}"))
    count = len(result.warnings)
    terms.append(Term("Warnings", "what the data and the run say against themselves, listed below", str(count)))
    lead = "Read this before the returns. What nobody has checked is said so."
    believed = findings.belief or believe(result, (), findings.robustness, findings.checks)
    reasons = [(one.tone, one.topic, minus_signs(one.text)) for one in believed.sentences]
    proven = believed.verdict != "stands" or believed.sentences[0].tone == "for"
    verdict = Verdict(believed.verdict if proven else "open", minus_signs(believed.headline), reasons)
    asked = [replace(one, text=minus_signs(one.text)) for one in checks.open_questions(result, findings)]
    block = Belief(terms, interval(result), result.warnings, asked)
    return Section("belief", "How far to believe this", lead, [verdict, block, *apart(result)])


APART = ("total_return", "cagr", "sharpe", "max_drawdown", "volatility", "trades", "win_rate")


def stretch_cells(result: Result, names: Sequence[str] = APART) -> tuple[list[str], list[list[str]]]:
    """Head and rows of text: each stretch that the models have or have not seen, on an account of its own. No rows: one piece."""
    head = ["", "First", "Last", "Slices", *(DEFINITIONS[name].label for name in names)]
    rows = []
    for told in result.manifest.get("stretches", ()):
        figures = [value_of(name, told["metrics"].get(name)) for name in names]
        rows.append([told["kind"], told["first"], told["last"], f"{told['slices']:,}", *figures])
    return head, rows


def apart(result: Result) -> list[Table]:
    """The same as a table of the page."""
    head, rows = stretch_cells(result)
    if not rows:
        return []
    columns = tuple(Column(word, "num" if k > 2 else "") for k, word in enumerate(head))
    cells = [[Cell(row[0], "head"), Cell(row[1]), Cell(row[2]), *(num(text) for text in row[3:])] for row in rows]
    title = (
        "What the models have seen, and what not: accounts of their own. All figures below are of the out-of-sample one"
    )
    if not any(row[0] == "out-of-sample" for row in rows):
        title = "What the models have seen: accounts of their own. Nothing here is out-of-sample"
    return [Table(columns, cells, title)]


def interval(result: Result) -> Figure | None:
    """The Sharpe ratio's confidence interval as a picture, None where it has none."""
    low, value, high = (result.metrics.get(name) for name in ("sharpe_low", "sharpe", "sharpe_high"))
    if low is None or value is None or high is None:
        return None
    return drawings.interval_figure(low, value, high, result.benchmark_metrics.get("sharpe"))


def headline(result: Result) -> Section:
    """The figures people ask for first, the benchmark's beside them."""
    terms = []
    for name in TILES:
        one, value = term(result, name), result.metrics.get(name)
        shade = tone(value) if name in TONED else ""
        terms.append(Term(one.label, one.line, one.text, one.other, one.reason, shade))
    theirs = benchmark_name(result)
    beside = f"Small figures are the benchmark's ({theirs})." if theirs else "No benchmark was set."
    return Section(
        "performance", "How it did", f"{beside} Point at a name, or tab to it, for its definition.", [Tiles(terms)]
    )


def benchmark_name(result: Result) -> str:
    """The benchmark in words, empty without one."""
    return "" if result.facts.benchmark is None else str(result.config.get("benchmark")).replace("_", " ")


def equity(result: Result) -> Section:
    """Equity and drawdown over one time axis."""
    theirs = benchmark_name(result)
    keys = (("blue", "strategy"), ("soft", theirs)) if theirs else (("blue", "strategy"),)
    lead = "Marked equity after costs, and its distance from the highest before. Drag to zoom, double-click to return."
    if theirs:
        lead += " The benchmark starts with the same capital and pays no costs."
    if len(result.facts.times) == 0:
        return Section("equity", "Equity and drawdown", lead, [Note("no slices were run")])
    dropped = Table(DROP_HEAD, drop_rows(result), "Worst drawdowns", "ranked", "equity was never below an earlier peak")
    theirs_too = [] if result.facts.benchmark is None else [result.facts.benchmark]
    lines = [result.facts.curve.equity, *theirs_too]
    chart = Curves(f"{result.name}: equity and drawdown over time", keys, opens_log(lines))
    return Section("equity", "Equity and drawdown", lead, [chart, dropped])


def opens_log(lines: Sequence[Floats]) -> bool:
    """Whether a straight axis would flatten a beginning: growth beyond LOG_FROM times, never at or below zero."""
    low, high = min(float(line.min()) for line in lines), max(float(line.max()) for line in lines)
    return low > 0.0 and high / low > LOG_FROM


DROP_HEAD = (
    Column("", "num"),
    Column("Depth", "num"),
    Column("Start", "", "the last slice at the peak"),
    Column("Trough", "", "the lowest slice"),
    Column("End", "", "the first slice back at the peak or above"),
    Column("Days falling", "num", "calendar days from start to trough"),
    Column("Days recovering", "num", "calendar days from trough to end"),
    Column("Days in all", "num", "calendar days from start to end, or to the last slice"),
)


def drop_rows(result: Result) -> list[list[Cell]]:
    """The table of the worst drawdowns."""
    out = []
    for k, one in enumerate(curves.drawdowns(result), 1):
        end = Cell("not yet", "quiet") if one.end is None else Cell(when(one.end))
        so_far = " so far" if one.end is None else ""
        row = [
            Cell(str(k), "num quiet"),
            signed(one.depth, percent(one.depth)),
            Cell(when(one.start)),
            Cell(when(one.trough)),
            end,
        ]
        out.append([*row, num(days(one.falling)), num(days(one.recovering)), num(days(one.total) + so_far)])
    return out


def months(result: Result) -> Section:
    """Returns by month as a coloured table, years and the benchmark's years at the end."""
    frame = result.monthly
    theirs = curves.benchmark_years(result.facts)
    values = frame.to_numpy(dtype=float)
    sizes = np.abs(values[:, :12][np.isfinite(values[:, :12])])
    full = float(np.quantile(sizes, SHADE)) if len(sizes) else 0.0
    head = [Column(""), *(Column(name, "num") for name in MONTHS), Column("Year", "num")] + (
        [Column("Benchmark", "num")] if theirs else []
    )
    rows = []
    for year, row in zip(frame.index, values, strict=True):
        cells = [Cell(str(year), "head"), *(heat(float(v), full) for v in row[:12])]
        cells.append(signed(float(row[12]), percent(float(row[12]))) if math.isfinite(row[12]) else num(""))
        rows.append(cells + ([Cell(percent(theirs.get(int(year))), "num quiet")] if theirs else []))
    known = values[:, :12][np.isfinite(values[:, :12])]
    told = [f"{plural(len(known), 'month')}, {int((known > 0).sum()):,} above zero"]
    if len(known):
        told.append(f"best {percent(float(known.max()))}, worst {percent(float(known.min()))}")
    lead = "; ".join(told) + ". Colours are as deep as the month was large."
    table = Table(head, rows, "", "months", "no month was run")
    drawn = spread(frame.index.tolist(), values, theirs)
    return Section("months", "Returns by month", lead, [table, *drawn, *periods.tables(result)])


def spread(years: list[int], values: Floats, theirs: dict[int, float]) -> list[Pair]:
    """Years as bars and months as a histogram, where there are enough of them to show anything."""
    told = trading.histogram(values[:, :12].ravel(), whole=False, bins=16)
    if len(years) < SOME_YEARS or told is None:
        return []
    none = np.full(len(years), np.nan)
    lines = [(values[:, 12], none, "mark", "strategy")]
    if theirs:
        lines.append((np.array([theirs.get(year, math.nan) for year in years]), none, "markless", "benchmark"))
    labels = [str(year) for year in years]
    bars = drawings.whiskers_figure(
        "Returns by year", "The first and the last may be parts of years", labels, lines, True
    )
    return [Pair([bars, drawings.histogram_figure("Returns of a month", told, True, "", True, "month")])]


def heat(value: float, full: float) -> Cell:
    """One month, in the colour of gain or loss, full at `full`."""
    if not math.isfinite(value) or value == 0.0:
        return Cell(percent(value) if value == 0.0 else "", "num quiet")
    depth = min(1.0, abs(value) / full) if full > 0.0 else 0.0
    kind = "gain" if value >= 0 else "loss"
    return Cell(percent(value), "num", f"background:color-mix(in srgb,var(--{kind}) {depth * 46:.0f}%,transparent)")


def rolling(result: Result) -> Section:
    """How Sharpe, volatility, exposure and turnover went over time."""
    facts = result.facts
    lead = "Whether the result came evenly or from one lucky stretch, and what was at risk meanwhile."
    if len(facts.times) < 2:
        return Section("rolling", "Over time", lead, [Note("fewer than 2 slices")])
    when_ = curves.moments(facts)
    rows, gross, net, size = curves.held(result, MEANS)
    same = np.array_equal(gross, net, equal_nan=True)
    drawn: list[tuple[Floats, str, str]] = [(gross, "blue", "gross")] + ([] if same else [(net, "ink", "net")])
    said = "Longs / equity; never short" if same else "Longs and shorts / equity"
    said += f"; means of {size:,} slices" if size > 1 else ""
    held = drawings.line_figure("Exposure", said, when_[rows], drawn, percented=True, filled=True)
    turned = curves.turnover(facts)
    return Section(
        "rolling", "Over time", lead, [*windowed(result, when_), Pair([held, drawings.periods_figure(turned)])]
    )


def windowed(result: Result, when_: np.ndarray) -> list[Pair | Note]:
    """Rolling Sharpe and volatility beside the benchmark's, or why there are none."""
    facts = result.facts
    window = curves.window_of(len(facts.times), facts.bars_per_year)
    if window == 0:
        return [Note(f"rolling figures need {4 * curves.FEWEST} slices; the run has {len(facts.times)}")]
    lines = [(curves.rolling(result.returns.to_numpy(), window, facts.bars_per_year), "blue", "strategy")]
    if facts.benchmark is not None:
        theirs = curves.returns_of(facts.capital, facts.benchmark)
        lines.append((curves.rolling(theirs, window, facts.bars_per_year), "soft", "benchmark"))
    over = f"Over the last {window:,} slices; defined as under all metrics"
    sharpe = [(one.sharpe, kind, word) for one, kind, word in lines]
    volatility = [(one.volatility, kind, word) for one, kind, word in lines]
    a = drawings.line_figure("Rolling Sharpe", over, when_, sharpe, percented=False)
    b = drawings.line_figure("Rolling volatility", over, when_, volatility, percented=True)
    out: list[Pair | Note] = [Pair([a, b])]
    returns = result.returns.to_numpy()
    if facts.benchmark is not None and np.isfinite(returns).all():
        beta = periods.rolling_beta(returns, curves.returns_of(facts.capital, facts.benchmark), window)
        title, said = "Rolling beta", f"Slope on {benchmark_name(result)} over the last {window:,} slices"
        out.append(Pair([drawings.line_figure(title, said, when_, [(beta, "blue", "strategy")], percented=False)]))
    return out


def robustness(result: Result, findings: Findings) -> Section:
    """The result under other intrabar orders, costs and delays: what was found, or that nobody looked."""
    lead = "How much of the result hangs on the order of prices inside a bar, on what trading costs, and on being a bar late."
    found = findings.robustness
    if found is None:
        count = checks.ambiguous_bars(result)
        order = f"{plural(count, 'bar')} would fill differently under another intrabar order; best and worst were not worked out"
        cost = "the same run at other commissions, slippages and delays, and the cost at which nothing is left, were not worked out"
        blocks: list[object] = [Unchecked("Ambiguity interval", order), Unchecked("Costs and delay", cost)]
        return Section(
            "robustness", "Ambiguity and costs", lead, [*blocks, Note("Run with --robustness to have both.")]
        )
    configured = str(result.config.get("execution", {}).get("intrabar", ""))
    orders = [(f"{word}{' (as run)' if word == configured else ''}", told) for word, told in found.policies.items()]
    own = result.config.get("execution", {}).get("delay")
    delays = [(f"{plural(k, 'bar')}{' (as run)' if k == own else ''}", told) for k, told in found.delays.items()]
    tables = [
        assumptions("Order of prices inside a bar", orders),
        assumptions("Bars between decision and fill, beyond the next", delays),
    ]
    return Section("robustness", "Ambiguity and costs", lead, [*tables, *listed(result), *cost_tables(found)])


def listed(result: Result) -> list[Fold]:
    """The ambiguous bars, the latest first."""
    bars = result.ambiguous
    if not len(bars):
        return []
    rows = [[Cell(f"{row.date:%Y-%m-%d}"), Cell(str(row.symbol))] for row in bars.iloc[: -LISTED - 1 : -1].itertuples()]
    cut = f"the latest {LISTED:,} of {len(bars):,}" if len(bars) > LISTED else f"{len(bars):,}"
    return [Fold(f"Ambiguous bars: {cut}", [Table((Column("Date"), Column("Symbol")), rows, "", "dense")])]


def assumptions(title: str, lines: Sequence[tuple[str, Metrics]]) -> Table:
    """A table of headline metrics, a line per assumption."""
    names = list(lines[0][1])
    head = (Column(""), *(Column(DEFINITIONS[name].label, "num") for name in names))
    rows = [[Cell(word, "head"), *(num(value_of(name, told[name])) for name in names)] for word, told in lines]
    return Table(head, rows, title)


def cost_tables(found: Robustness) -> list[Table]:
    """The cost grids as tables."""
    head = (Column("Commission \\ slippage"), *(Column(percent(s, 2), "num") for s in found.slippage))
    end = f": nothing is left at {percent(found.break_even, 3)} a side" if found.break_even is not None else ""
    out = []
    for name, grid in (("sharpe", found.sharpe), ("total_return", found.total_return)):
        rows = []
        for commission, line in zip(found.commission, grid.tolist(), strict=True):
            cells = [num(value_of(name, None if math.isnan(v) else v)) for v in line]
            rows.append([Cell(percent(commission, 2), "head"), *cells])
        out.append(Table(head, rows, f"{DEFINITIONS[name].label} by cost{end}"))
    return out


def value_of(name: str, value: float | None) -> str:
    from engine.result import shown

    return minus(shown(name, value))
