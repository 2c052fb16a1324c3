"""What the commands print: the summary of a run, the facts of a data source, and progress on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from engine.panel import Panel
    from engine.result import Result
    from engine.robust import Robustness

WIDTH = 100
MARKS = {"for": "[green]+[/]", "against": "[red]-[/]", "unknown": "[dim]?[/]", "plain": "[dim]·[/]"}
MOST_LANES = 60  # shown; the file has them all
BESIDE = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown")


@contextmanager
def talking(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A function that shows what is being done on stderr, while it is being done; silent where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield status.update


def _console() -> Any:
    from rich.console import Console

    wide = sys.stdout.isatty()
    return Console(file=StringIO(), width=None if wide else WIDTH, force_terminal=wide or None, highlight=False)


def run_summary(result: Result, folder: Path, page: Path | None) -> str:
    """A run for people: how far to believe it, how it did, what it cost, what is odd."""
    from rich.columns import Columns
    from rich.table import Table

    from engine.belief import believe_stored
    from engine.rundir import load_robustness

    console = _console()
    dates = result.facts.dates
    span = f"{dates[0]} to {dates[-1]}" if len(dates) else "no slices"
    console.rule(f"[bold]{_safe(result.name)}[/]")
    console.print(f"{span}, {len(result.index):,} slices, {_count(len(result.symbols), 'instrument')}, {_bars(result)}")
    sections: dict[str, Table] = {}
    for row in result.summary():
        table = sections.get(row.section)
        if table is None:
            title = None if row.section == "Belief" else row.section
            table = sections[row.section] = Table(title=title, title_justify="left", box=None, show_header=False)
            table.add_column(min_width=24)
            table.add_column(justify="right", min_width=14)
        table.add_row(row.label, row.text)
    console.print("\n[bold]How far to believe it[/]")
    found = load_robustness(folder)
    believed = believe_stored(result, folder, found)
    console.print(f"[bold]{_safe(believed.headline)}[/]")
    reasons = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    for sentence in believed.sentences:
        reasons.add_row(MARKS[sentence.tone], _safe(sentence.text))
    console.print(reasons)
    for warning in result.warnings:
        console.print(f"[yellow]![/] {_safe(warning)}")
    for told in result.manifest.get("checked", ()):
        mark = "[green]=[/]" if told["state"] == "passed" else "[red]![/]"
        console.print(f"{mark} {_safe(told['name'] + ': ' + told['text'])}")
    console.print(sections.pop("Belief", ""))
    console.print(Columns([table for name, table in sections.items() if name != "Risk"], padding=(1, 4)))
    _apart(console, result)
    _against(console, result)
    _exits(console, result)
    if found is not None:
        _assumptions(console, found)
    console.print(f"\n{_safe(str(folder))}" + (f"\n{_safe(str(page))}" if page else ""), soft_wrap=True)
    return str(console.file.getvalue())


def _apart(console: Any, result: Result) -> None:
    """The stretches of a run that its signals have and have not seen, each on an account of its own."""
    from rich.table import Table

    from engine.report.overview import stretch_cells

    head, rows = stretch_cells(result, ("total_return", "sharpe", "max_drawdown", "trades"))
    if not rows:
        return
    table = Table(box=None, title="What the model has seen, and what not, apart", title_justify="left")
    for k, word in enumerate(head):
        table.add_column(word, justify="right" if k > 2 else "left")
    for row in rows:
        table.add_row(*(_safe(cell) for cell in row))
    console.print(table)
    console.print()


def _against(console: Any, result: Result) -> None:
    """The strategy beside its benchmark, by the same definitions."""
    from rich.table import Table

    from engine.metrics import DEFINITIONS
    from engine.result import shown

    theirs = result.benchmark_metrics
    if not theirs:
        return
    table = Table(
        box=None, title=f"Beside the benchmark ({_safe(str(result.config.get('benchmark')))})", title_justify="left"
    )
    table.add_column("")
    names = [name for name in BESIDE if name in theirs]
    for name in names:
        table.add_column(DEFINITIONS[name].label, justify="right")
    table.add_row("strategy", *(shown(name, result.metrics[name]) for name in names))
    table.add_row("benchmark", *(shown(name, theirs[name]) for name in names))
    console.print()
    console.print(table)
    console.print()


def _exits(console: Any, result: Result) -> None:
    """The table of trades by exit reason."""
    from rich.table import Table

    frame = result.by_exit_reason
    if not len(frame):
        console.print("no trades")
        return
    table = Table(box=None, title="Trades by exit", title_justify="left")
    table.add_column("exit")
    for name in ("trades", "win rate", "P&L", "average return"):
        table.add_column(name, justify="right")
    for reason, row in frame.iterrows():
        cells = (f"{row['win_rate']:.1%}", f"{row['pnl']:,.2f}", f"{row['average_return']:.2%}")
        table.add_row(str(reason), f"{int(row['count']):,}", *cells)
    console.print(table)


def _assumptions(console: Any, found: Robustness) -> None:
    """The run under other intrabar orders, delays and costs."""
    from rich.table import Table

    from engine.metrics import DEFINITIONS
    from engine.result import shown

    names = list(next(iter(found.policies.values())))
    table = Table(box=None, title="Under other assumptions", title_justify="left")
    for name in ("", *(DEFINITIONS[name].label for name in names)):
        table.add_column(name, justify="right" if name else "left")
    lines = [(f"intrabar: {policy}", told) for policy, told in found.policies.items()]
    lines += [(f"delay: {delay}", told) for delay, told in found.delays.items()]
    for word, told in lines:
        table.add_row(word, *(shown(name, told[name]) for name in names))
    console.print("\n", table)
    grid = Table(box=None, title="Sharpe by commission (down) and slippage (across), in bps", title_justify="left")
    for word in ("", *(f"{cost * 1e4:g}" for cost in found.slippage)):
        grid.add_column(word, justify="right")
    for commission, row in zip(found.commission, found.sharpe.tolist(), strict=True):
        grid.add_row(f"{commission * 1e4:g}", *("n/a" if math.isnan(value) else f"{value:.2f}" for value in row))
    console.print("\n", grid)


def _safe(text: str) -> str:
    """Text that rich prints as it stands."""
    from rich.markup import escape

    return escape(text)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _bars(result: Result) -> str:
    rate, source = result.facts.bars_per_year, result.manifest.get("data", {}).get("bars_per_year_source")
    return f"{rate:,.2f} bars a year ({source})" if isinstance(rate, int | float) else "bars a year unknown"


def run_document(result: Result, folder: Path, page: Path | None) -> str:
    """A run for programs: one JSON document."""
    from engine.belief import as_document as belief_document
    from engine.belief import believe_stored
    from engine.robust import as_document
    from engine.rundir import load_robustness

    found = load_robustness(folder)
    document = {
        "schema_version": 1,
        "name": result.name,
        "directory": str(folder),
        "report": str(page) if page else None,
        "belief": belief_document(believe_stored(result, folder, found)),
        "metrics": result.metrics,
        "reasons": result.reasons,
        "warnings": result.warnings,
        "not_checked": list(result.manifest.get("not_checked", ())),
        "robustness": None if found is None else as_document(found),
        "manifest": result.manifest,
    }
    return json.dumps(document, allow_nan=False, default=str) + "\n"


def lanes_summary(name: str, frame: pd.DataFrame, place: Path) -> str:
    """A table of lanes for people: what each changed, and how it did."""
    from rich.table import Table

    from engine.metrics import DEFINITIONS
    from engine.result import shown

    console = _console()
    console.rule(f"[bold]{_safe(name)}[/], {_count(len(frame), 'lane')}")
    table = Table(box=None)
    told = [str(column) for column in frame if column != "digest"]
    for column in told:
        label = DEFINITIONS[column].label if column in DEFINITIONS else column
        table.add_column(_safe(label), justify="right", no_wrap=column not in DEFINITIONS)
    for row in frame[told].head(MOST_LANES).to_dict("records"):
        cells = (shown(key, _number(value)) if key in DEFINITIONS else str(value) for key, value in row.items())
        table.add_row(*(_safe(cell) for cell in cells))
    console.print(table)
    if len(frame) > MOST_LANES:
        console.print(f"... and {len(frame) - MOST_LANES:,} more")
    console.print(f"\n{_safe(str(place))}", soft_wrap=True)
    return str(console.file.getvalue())


def _number(value: Any) -> Any:
    """A cell of a frame as a metric: None where it is NaN."""
    return None if isinstance(value, float) and value != value else value


def load_for_info(source: str, said: dict[str, str], symbols: Sequence[str] | None) -> Panel:
    """The panel of a file or packaged set, for a look at it; `said` are the declarations that the command line makes."""
    from engine.data import sources
    from engine.data.packaged import SETS
    from engine.panel import Panel

    if source in SETS:
        from engine.data import packaged

        told = sources.packaged_unless_said(source, said, set(said))
        whole: Panel = packaged.load(source, **told)
        return whole.cut(symbols=list(symbols)) if symbols else whole
    path = sources.find(source)
    if path.suffix.lower() in (".yaml", ".yml"):
        raise DataError(f"{source}: this is a strategy file; expected a .parquet or .csv of bars, or a packaged set")
    packed = [ending.lower() for ending in path.suffixes]  # bars.csv.gz
    read = sources.csv if ".csv" in packed[-2:] else sources.parquet
    told = {"prices": "as_traded", "dividends": "none", **said}
    return Panel.from_frame(read(path, symbols), symbols=symbols, name=path.name, **told)


def data_summary(told: dict[str, Any]) -> str:
    """What a source holds, for people."""
    from rich.table import Table

    console = _console()
    rows = told.get("table") or []
    facts = Table(box=None, show_header=False)
    for key, value in told.items():
        if not isinstance(value, list | dict | tuple):
            facts.add_row(key.replace("_", " "), _safe(_shown(value)))
    console.print(facts)
    if rows and isinstance(rows[0], dict):
        table = Table(box=None)
        for name in rows[0]:
            table.add_column(name.replace("_", " "), justify="left" if name == "symbol" else "right")
        for row in rows[:60]:
            table.add_row(*(_safe(_shown(value)) for value in row.values()))
        console.print(table)
        if len(rows) > 60:
            console.print(f"... and {len(rows) - 60:,} more (--json has them all)")
    if years := told.get("members_per_year"):
        _years(console, years)
    for warning in told.get("warnings", ()):
        console.print(f"[yellow]![/] {_safe(str(warning))}")
    return str(console.file.getvalue())


def _years(console: Any, years: list[dict[str, int]]) -> None:
    """The table of members and members with a bar on the last session of each year."""
    from rich.table import Table

    console.print("Members on the last session of the year")  # as a title it would be wrapped to the table's width
    table = Table(box=None)
    for name in ("year", "members", "with bars"):
        table.add_column(name, justify="right")
    for line in years:
        table.add_row(str(line["year"]), f"{line['members']:,}", f"{line['with_bars']:,}")
    console.print(table)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
