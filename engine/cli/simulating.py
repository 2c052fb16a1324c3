"""barcast data simulate: a market from a file, written where the engine reads it, with what was planted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import AsJson, Quiet

if TYPE_CHECKING:
    from engine.markets.bands import Fact


def simulate(
    config: Annotated[str, typer.Argument(help="the simulation file")],
    out: Annotated[str, typer.Option(help="the folder for bars.parquet, oracle.parquet and truth.json")],
    seed: Annotated[int | None, typer.Option(help="another seed than the file's", min=0, max=2**53)] = None,
    facts: Annotated[bool, typer.Option("--facts", help="also show the stylised facts, and whether they hold")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a market in which the truth is known: bars with planted signals, regimes, splits, halts and deaths."""
    from dataclasses import asdict

    from engine.cli.show import talking
    from engine.markets.reading import read, reseeded
    from engine.markets.writing import described, write

    settings = read(config) if seed is None else reseeded(read(config), seed)
    with talking(quiet or as_json) as say:
        written = write(settings, out, say)
    told = described(written, settings)
    judged = None if written.facts is None else [asdict(fact) for fact in written.facts]
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, **told, "facts": judged}))
        return
    typer.echo(summary(told), nl=False)
    if facts:
        typer.echo(facts_table(written.facts), nl=False)


def summary(told: dict[str, Any]) -> str:
    """What was written, and how well its oracle did."""
    size = (
        f"{told['names']:,} names x {told['sessions']:,} sessions, {told['bars']:,} bars, {told['megabytes']:,.1f} MB"
    )
    lines = [f"{told['market']}: {size} in {told['folder']}"]
    if signal := told.get("signal"):
        pooled = f"IC {signal['pooled']:.4f} +- {signal['pooled_error']:.4f} pooled, planted {signal['expected']:.4f}"
        daily = f"{signal['daily']:.4f} +- {signal['daily_error']:.4f} as the mean over {signal['bars']:,} bars"
        lines.append(f"oracle: {pooled}; {daily}")
    return "\n".join(lines) + "\n"


def facts_table(facts: tuple[Fact, ...] | None) -> str:
    """The stylised facts of the index of all names, beside their bands."""
    if facts is None:
        return "stylised facts: not checked (fewer than 2,500 bars of the index say little)\n"
    rows = [("fact", "measured by", "here", "S&P 500", "from", "to", "")]
    for fact in facts:
        numbers = (f"{value:.3f}" for value in (fact.value, fact.real, fact.low, fact.high))
        rows.append((fact.name, fact.measured, *numbers, "holds" if fact.passes else "FAILS"))  # type: ignore[arg-type]
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["Stylised facts (Cont 2001) of the index of all names, beside the S&P 500 and where it has been"]
    for row in rows:
        cells = (
            cell.rjust(w) if 2 <= k <= 5 else cell.ljust(w) for k, (cell, w) in enumerate(zip(row, wide, strict=True))
        )
        lines.append(f" {'  '.join(cells)}".rstrip())
    lines.append(f"{sum(fact.passes for fact in facts)} of {len(facts)} hold")
    return "\n".join(lines) + "\n"
