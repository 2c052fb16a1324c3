"""What `barcast stress` prints."""

from __future__ import annotations

import math
import sys
from io import StringIO
from typing import Any

from risk.stress.assumptions import Assumptions
from risk.stress.examine import Stressed
from risk.stress.parts import Part
from risk.stress.resampled import QUANTILES, SHOWN, Histories
from risk.stress.shocked import Outcome

WIDTH = 150
PARTS = ("slices", "return", "benchmark", "Sharpe", "95 % from", "to", "drawdown", "trades", "hit rate", "exposure")


def summary(done: Stressed) -> str:
    """The whole, for people: regimes, states, tails, worst slices, shocks."""
    from rich.console import Console
    from rich.markup import escape

    wide = sys.stdout.isatty()
    console = Console(file=StringIO(), width=None if wide else WIDTH, force_terminal=wide or None, highlight=False)
    console.rule(f"[bold]{escape(done.name)}[/]")
    console.print(f"{done.first} to {done.last}")
    if done.stretches:
        console.print("\n[bold]Stretches of history[/] (both sessions inside)")
        rows = [(one.name, f"{one.first} to {one.last}", figures) for one, figures in done.stretches]
        console.print(_parts(rows))
    for a, b in done.overlapping:
        console.print(f"[yellow]![/] {escape(a)} and {escape(b)} share sessions: their figures do not add up")
    if done.states:
        console.print("\n[bold]States of the market[/], known the slice before")
        console.print(_parts([(name, "", figures) for name, figures in done.states.items()]))
    if done.tails:
        console.print("\n[bold]Tails[/] of one slice's return")
        console.print(_tails(done))
    if done.worst:
        console.print("\n[bold]Worst slices[/], and what was held and fell most")
        for date, one in zip(done.worst_dates, done.worst, strict=True):
            held = (
                ", ".join(f"{escape(symbol)} {move:+.1%}" for symbol, move in one.held) or "nothing held since before"
            )
            console.print(f"{date}  {one.result:+8.2%}  {held}", soft_wrap=True)
    if done.shocks:
        console.print("\n[bold]Shocks to the book of the last slice[/]; the strategy, its stops and switches go on")
        console.print(_shocks(done.shocks))
        if any(not one.same_past for one in done.shocks):
            console.print("[yellow]![/] longer data changed the past of this run: its signals or calendar look ahead")
    if done.histories:
        blocks = [one.block for one in done.histories if one.block == one.block]
        how = f", whole slices in blocks of {blocks[0]:g}" if blocks else ""
        console.print(f"\n[bold]Other histories[/]{how}")
        console.print(_histories(done.histories))
    if done.hangs_on is not None:
        _assumed(console, done.hangs_on)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def _parts(rows: list[tuple[str, str, Part | None]]) -> Any:
    from rich.markup import escape

    table = _table("", "", *PARTS)
    for name, when, figures in rows:
        if figures is None:
            table.add_row(escape(name), when, "not covered")
            continue
        p = figures
        table.add_row(
            escape(name), when, f"{p.slices:,}", share(p.total_return), share(p.benchmark_return), number(p.sharpe),
            number(p.low), number(p.high), share(p.max_drawdown), f"{p.trades:,}", share(p.hit_rate), number(p.exposure),
        )  # fmt: skip
    return table


def _tails(done: Stressed) -> Any:
    table = _table("level", "historical", "beyond it", "Cornish-Fisher", "extreme value", "beyond it")
    for one in done.tails:
        figures = (one.historical, one.conditional, one.cornish_fisher, one.extreme, one.extreme_conditional)
        table.add_row(f"{one.level:.0%}", *("n/a" if x is None else share(x) for x in figures))
    return table


def _shocks(outcomes: tuple[Outcome, ...]) -> Any:
    from rich.markup import escape

    table = _table("", "slices", "result", "worst", "gross before", "after", "braked", "fills", "")
    for one in outcomes:
        fills = ", ".join(f"{count} {reason}" for reason, count in sorted(one.fills.items())) or "none"
        said = one.said + (" RUIN" if one.ruined else "")
        table.add_row(
            one.name, f"{one.slices}", share(one.result), share(one.worst), number(one.before), number(one.after),
            f"{one.braked}", fills, escape(said),
        )  # fmt: skip
    return table


def _histories(found: tuple[Histories, ...]) -> Any:
    """5 %, median and 95 % of what the strategy would have come to."""
    table = _table(
        "", "histories", "loses", *(f"{word} {q:.0%}" for word in ("return", "Sharpe", "drawdown") for q in QUANTILES)
    )
    for one in found:
        told = one.quantiles()
        cells = [
            "n/a" if value is None else number(value) if name == "sharpe" else share(value)
            for name in SHOWN
            for value in told[name]
        ]
        count = f"{len(one.figures['sharpe']):,}"
        table.add_row(one.state or "all slices", count, share(one.loses()), *cells)
    return table


def _assumed(console: Any, found: Assumptions) -> None:
    """Tornado and capacity curve; every fourth level of capital is enough for a terminal."""
    console.print(f"\n[bold]Assumptions[/] moved alone, widest first; as configured: Sharpe {maybe(found.sharpe)}")
    table = _table("", "low", "high", "Sharpe at low", "at high", "CAGR at low", "at high")
    for one in found.tornado:
        yearly = ("n/a" if x is None else share(x) for x in one.cagr)
        ends = (x if isinstance(x, str) else f"{x:g}" for x in (one.low, one.high))
        table.add_row(one.key, *ends, *(maybe(x) for x in one.sharpe), *yearly)
    console.print(table)
    console.print(f"\n[bold]Capacity[/]: {found.said}")
    if not found.capacity:
        return
    table = _table("capital", "Sharpe", "CAGR")
    for level in found.capacity[::4] + found.capacity[-1:]:
        table.add_row(f"{level.capital:,.0f}", maybe(level.sharpe), "n/a" if level.cagr is None else share(level.cagr))
    console.print(table)
    if found.half is not None:
        console.print(f"the return a year is halved at {found.half:,.0f}")


def maybe(value: float | None) -> str:
    return "n/a" if value is None else number(value)


def _table(*titles: str) -> Any:
    from rich.table import Table

    words = ("", "fills")
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, justify="left" if title in words else "right")
    return table


def share(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.2%}"


def number(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.2f}"
