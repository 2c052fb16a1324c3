"""barcast data audit: what is wrong with bars, instrument by instrument, before anything is believed of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import Quiet
from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.data.audit.auditing import Audit
    from engine.data.audit.grading import Grade, Recommendation

SHOWN = 40  # instruments in the table, the worst first
WIDTH = 180
PRICES = ("guess", "as_traded", "split_adjusted")


def audit(
    path: Annotated[str, typer.Argument(help="a .parquet file, a folder of them, or a .csv of bars")],
    out: Annotated[
        str, typer.Option(help="the folder for audit.json, audit.html and training_recommendations.json")
    ] = "audit",
    calendar: Annotated[
        str, typer.Option(help="XNYS, XBOM, 24/7 ...; inferred: sessions are where half of the instruments have a bar")
    ] = "inferred",
    prices: Annotated[str, typer.Option(help="what they are meant to be: as_traded or split_adjusted")] = "guess",
    top: Annotated[int, typer.Option(help="instruments to show, the worst first", min=0)] = SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="audit.json on stdout, and nothing else")] = False,
    quiet: Quiet = False,
) -> None:
    """Look for defects in bars: duplicates, gaps, bad prints, splits, units ... and say whom to learn from."""
    if prices not in PRICES:
        raise ConfigError(f"--prices: expected as_traded or split_adjusted; it was {prices!r}. Leave it out to guess")
    import json
    from pathlib import Path

    from engine import writing
    from engine.data.audit import auditing, documents, grading
    from engine.data.audit.page import write as write_page

    writing.check_folder(out)
    with working(quiet or as_json) as (say, progress):
        done = auditing.audit(path, calendar, prices, say, progress)  # type: ignore[arg-type]
        grades = {line.symbol: grading.grade(line) for line in done.lines}
        best = grading.recommendations(done, grades)
        told = documents.document(done, grades)
        folder = writing.make(Path(out))
        documents.write(folder / "audit.json", told)
        documents.write(folder / "training_recommendations.json", documents.advice(done, best))
        say("writing the page")
        write_page(folder / "audit.html", done, grades, best)
    typer.echo(json.dumps(told) + "\n" if as_json else summary(done, grades, best, top, str(folder)), nl=False)


@contextmanager
def working(
    quiet: bool, task_name: str = "auditing instruments"
) -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """Two functions that show on stderr what is being done, and how far; silent where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield (lambda text: None), (lambda done, total: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield (
            lambda text: bar.update(task, description=text),
            lambda done, total: bar.update(task, description=task_name, completed=done, total=total),
        )


def summary(audit: Audit, grades: dict[str, Grade], best: tuple[Recommendation, ...], top: int, folder: str) -> str:
    """An audit for people: the whole, the worst instruments, the best, and where the rest is."""
    from rich.console import Console
    from rich.markup import escape

    from engine.data.audit.documents import totals

    wide = sys.stdout.isatty()
    console = Console(file=StringIO(), width=None if wide else WIDTH, force_terminal=wide or None, highlight=False)
    console.rule(f"[bold]{escape(audit.where)}[/]")
    letters = [grade.letter for grade in grades.values()]
    graded = ", ".join(f"{letters.count(letter)} {letter}" for letter in "ABCDF" if letter in letters)
    console.print(
        f"{audit.rows:,} rows, {len(audit.lines):,} instruments, {audit.sessions:,} sessions, {audit.first} to {audit.last}, "
        f"calendar {escape(audit.calendar)}, prices {audit.prices}; grades: {graded}"
    )
    for note in audit.notes:
        console.print(f"[yellow]![/] {escape(note)}")
    console.print(_table(audit, grades, top, totals(audit)))
    if len(audit.lines) > top:
        console.print(f"... and {len(audit.lines) - top:,} more, no worse (audit.json has them all)")
    if best:
        console.print("\n[bold]To learn from[/]")
        for one in best[:10]:
            console.print(f"{escape(one.symbol):>12}  {escape(one.reason)}", soft_wrap=True)
    else:
        console.print("\nno instrument is fit to learn from: none is better than F with 250 bars")
    console.print(f"\n{escape(folder)}", soft_wrap=True)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def _table(audit: Audit, grades: dict[str, Grade], top: int, total: dict[str, int]) -> Any:
    """The worst instruments, a column for each kind that was found at all."""
    from rich.markup import escape
    from rich.table import Table

    from engine.data.audit.kinds import KINDS

    found = [name for name in KINDS if total[name] and name not in ("late", "dead", "unsorted")]
    table = Table(box=None, pad_edge=False)
    for word in ("symbol", "grade"):
        table.add_column(word)
    for word in ("rows", "first", "last", *(KINDS[name].label for name in found)):
        table.add_column(word, justify="right", overflow="fold", no_wrap=word in ("rows", "first", "last"))
    worst = sorted(audit.lines, key=lambda line: (-grades[line.symbol].harm, line.symbol))
    for line in worst[:top]:
        counts = line.counts
        cells = (f"{counts[name]:,}" if counts[name] else "" for name in found)
        table.add_row(escape(line.symbol), grades[line.symbol].letter, f"{line.rows:,}", line.first, line.last, *cells)
    table.add_row("all", "", f"{audit.rows:,}", "", "", *(f"{total[name]:,}" for name in found), style="bold")
    return table
