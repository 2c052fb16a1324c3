"""barcast data fix: a cleaned copy of bars, and a log of every cell that differs from the source."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.auditing import PRICES, working
from engine.cli.options import AsJson, Quiet
from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.data.fix.fixing import Fixed

WIDTH = 120


def fix(
    path: Annotated[str, typer.Argument(help="a .parquet file, a folder of them, or a .csv of bars; only read")],
    out: Annotated[str, typer.Option(help="the cleaned copy: .parquet, or .csv of a .csv")],
    log: Annotated[str | None, typer.Option(help="every changed cell; left out, OUT.repairs beside the copy")] = None,
    off: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="repairs not to do, by commas: splits,units ...")
    ] = None,
    calendar: Annotated[
        str, typer.Option(help="XNYS, XBOM, 24/7 ...; inferred: sessions are where half of the instruments have a bar")
    ] = "inferred",
    prices: Annotated[str, typer.Option(help="what they are meant to be: as_traded or split_adjusted")] = "guess",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a cleaned copy: what the bars themselves say how to repair is repaired, the rest is masked as not known."""
    if prices not in PRICES:
        raise ConfigError(f"--prices: expected as_traded or split_adjusted; it was {prices!r}. Leave it out to guess")
    import json

    from engine.data.fix import fixing, logs, repairs

    on = repairs.without(off or ())
    copy, told = logs.places(path, out, log)
    with working(quiet or as_json, "repairing instruments") as (say, progress):
        done = fixing.fix(path, calendar, prices, on, say, progress)  # type: ignore[arg-type]
        say("writing")
        logs.write(done, copy, told)
    if as_json:
        typer.echo(json.dumps(document(done, str(copy), str(told), on)))
    else:
        typer.echo(summary(done, str(copy), str(told)), nl=False)


def document(fixed: Fixed, copy: str, log: str, on: frozenset[str]) -> dict[str, Any]:
    """What was done, for programs."""
    from engine.data.fix.repairs import REPAIRS

    return {
        "schema_version": 1,
        "where": fixed.sheet.base.where,
        "rows": len(fixed.sheet.base),
        "rows_left": int(fixed.sheet.alive.sum()),
        "prices": fixed.prices,
        "changes": fixed.changes,
        "audits": fixed.rounds,
        "settled": fixed.settled,
        "off": [name for name in REPAIRS if name not in on],
        "kinds": fixed.counts(),
        "notes": fixed.sheet.base.notes,
        "out": copy,
        "log": log,
    }


def summary(fixed: Fixed, copy: str, log: str) -> str:
    """What was done, for people."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from engine.data.audit.kinds import KINDS
    from engine.data.fix.logs import ACTIONS

    console = Console(file=StringIO(), width=WIDTH, highlight=False)
    base, left = fixed.sheet.base, int(fixed.sheet.alive.sum())
    console.print(
        f"{escape(base.where)}: {len(base):,} rows of {len(base.symbols):,} instruments, prices {fixed.prices}; "
        f"{left:,} rows left after {fixed.changes:,} changes in {fixed.rounds} audits"
    )
    for note in base.notes:
        console.print(f"! {escape(note)}")
    if not fixed.settled:
        console.print(f"! after {fixed.rounds} audits there was still something to repair: fix the copy once more")
    table = Table(box=None, pad_edge=False)
    table.add_column("cells and rows")
    for word in ACTIONS:
        table.add_column(word, justify="right")
    for kind, told in fixed.counts().items():
        label = KINDS[kind].label if kind in KINDS else kind
        table.add_row(label, *(f"{told[word]:,}" if told[word] else "" for word in ACTIONS))
    if fixed.sheet.log:
        console.print(table)
    else:
        console.print("nothing to repair: the copy is the source")
    console.print(f"{escape(copy)}\n{escape(log)}", soft_wrap=True)
    return str(console.file.getvalue())  # type: ignore[attr-defined]
