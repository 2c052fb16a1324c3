"""The command line: parse, call, print. Nothing heavy is imported until a command needs it, so `--help` stays quick.

Results go to stdout, progress and warnings to stderr. Exit codes: 0 done, 1 unexpected, 2 configuration, 4 data, 5 plugin,
6 journal, 7 a session that does not come out of its own tape, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli import checking, comparing, live, luck
from engine.cli.auditing import audit
from engine.cli.claiming import audit_claims
from engine.cli.extending import Commands
from engine.cli.fetching import fetch
from engine.cli.fixing import fix
from engine.cli.ledger import trials
from engine.cli.options import AsJson, Calendar, Dividends, MissingOpen, Plugins, Prices, Quiet, Sets
from engine.cli.simulating import simulate
from engine.cli.sweeping import sweep
from engine.errors import BarcastError, ConfigError

INTERRUPTED = 130
app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    help="Backtests one can believe: YAML strategies over real bars, every fill and refusal explained.",
)
data = typer.Typer(help="Look at bars before trusting them.")
app.add_typer(data, name="data")
data.command()(simulate)
data.command()(audit)
data.command()(fix)
data.command()(fetch)

Symbols = Annotated[str | None, typer.Option(help="comma-separated; short for --set data.symbols=[...]")]
Start = Annotated[str | None, typer.Option(help="first date; short for --set data.start=...")]
End = Annotated[str | None, typer.Option(help="last date; short for --set data.end=...")]
Capital = Annotated[str | None, typer.Option(help="short for --set capital=...")]
SharedJs = Annotated[
    bool, typer.Option("--shared-js", help="reports share one script file above them, 4.8 MB less in each")
]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version and leave")] = False,
) -> None:
    """Backtests one can believe: YAML strategies over real bars, every fill and refusal explained."""
    if version:
        import engine

        typer.echo(f"barcast {engine.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    config: Annotated[str, typer.Argument(help="the strategy file")],
    sets: Sets = None,
    symbols: Symbols = None,
    start: Start = None,
    end: End = None,
    capital: Capital = None,
    plugin: Plugins = None,
    out: Annotated[str, typer.Option(help="where run directories go")] = "runs",
    report: Annotated[bool, typer.Option("--report", help="also write report.html")] = False,
    shared_js: SharedJs = False,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="also run it under other intrabar orders, costs and delays")
    ] = False,
    lanes: Annotated[
        str | None, typer.Option(metavar="FILE", help="run it under every override this file lists")
    ] = None,
    ledger: Annotated[
        bool, typer.Option("--ledger/--no-ledger", help="count it among the trials of this folder")
    ] = True,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a strategy file and keep its result; with --lanes, run it under many overrides and keep their table."""
    if not out.strip():
        raise ConfigError("--out: expected a folder, got nothing; leave it out for runs")
    if lanes is not None:
        wanted = overrides(sets, symbols, start, end, capital)
        _lanes(config, wanted, lanes, plugin or [], out, ledger, as_json, quiet)
        return
    from engine.cli.show import run_document, run_summary, talking
    from engine.run import run_and_save

    wanted = overrides(sets, symbols, start, end, capital)
    with talking(quiet or as_json) as say:
        result, folder = run_and_save(config, wanted, plugin or (), out, say, robustness, ledger)
        page = None
        if report or shared_js:
            say("writing the report")
            from engine.report import write

            page = write(folder, result, shared=shared_js)
    typer.echo(run_document(result, folder, page) if as_json else run_summary(result, folder, page), nl=False)


def _lanes(
    config: str, sets: list[str], file: str, plugin: list[str], out: str, ledger: bool, as_json: bool, quiet: bool
) -> None:
    """Run the lanes of a file, keep their table, and show it."""
    import json

    from engine.cli.show import lanes_summary, talking
    from engine.lane import combinations, configure, frame_of, read_grid, run_points, save
    from engine.plugins import load_files
    from engine.run import load_config, prepare

    with talking(quiet or as_json) as say:
        hashes = load_files(plugin)
        loaded = load_config(config, sets)
        points = combinations(read_grid(file))
        for k, point in enumerate(points):
            configure(loaded, point, k)  # a mistake is told before anything is read
        inputs = prepare(loaded, None, None, say)
        done = run_points(loaded, points, inputs, progress=lambda k, n: say(f"lane {k} of {n}"))
        place = save(done, loaded, out)
        if ledger:
            from engine import trials as kept

            kept.note(Path(out) / kept.LEDGER, kept.of_lanes(loaded, done, inputs, hashes))
    table = frame_of(done)
    if as_json:
        rows = json.loads(table.to_json(orient="records", double_precision=15))
        typer.echo(json.dumps({"schema_version": 1, "name": loaded.name, "file": str(place), "lanes": rows}))
    else:
        typer.echo(lanes_summary(loaded.name, table, place), nl=False)


@app.command()
def explain(
    run: Annotated[str, typer.Argument(help="a run directory")],
    at: Annotated[str, typer.Option(help="date, or date and time in UTC")],
    symbol: Annotated[str, typer.Option(help="the instrument")],
) -> None:
    """Say why an instrument was, or was not, traded at a slice."""
    from engine.result import Result

    typer.echo(Result.load(run).explain(at, symbol))


@app.command()
def report(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="run directories")],
    shared_js: SharedJs = False,
    base: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="where relative paths of the strategy file begin; else here")
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="another run, or a file of date and value, beside it")
    ] = None,
) -> None:
    """Write report.html into run directories: one file each, no network."""
    from engine.report import write
    from engine.report.against import beside
    from engine.result import Result

    for run in runs:
        result = None if benchmark is None else beside(Result.load(run), benchmark)
        typer.echo(str(write(run, result, base=base, shared=shared_js)))


@app.command()
def crosscheck(
    config: Annotated[str, typer.Argument(help="the strategy file")],
    sets: Sets = None,
    symbols: Symbols = None,
    start: Start = None,
    end: End = None,
    capital: Capital = None,
    plugin: Plugins = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a strategy file in barcast and in backtrader and compare every fill; exits 1 if anything differs."""
    from engine.cli.beside import crosscheck_document, crosscheck_summary
    from engine.cli.show import talking
    from engine.crosscheck import crosscheck as compare

    with talking(quiet or as_json) as say:
        wanted = overrides(sets, symbols, start, end, capital)
        result = compare(config, sets=wanted, plugins=plugin or (), progress=say)
    typer.echo(crosscheck_document(result) if as_json else crosscheck_summary(result), nl=False)
    if not result.same:
        raise typer.Exit(1)


app.command()(checking.check)
app.command()(checking.audit)
app.command()(trials)
app.command()(luck.overfitting)
app.command()(luck.chance)
app.command()(luck.cpcv)
app.command()(audit_claims)
app.command()(sweep)
app.command()(comparing.compare)
app.command()(comparing.export)
live.register(app)


@app.command()
def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="the keys as a page for people instead")] = False,
) -> None:
    """Print the JSON Schema of strategy files, for editors."""
    from engine.config import schema_text
    from engine.config.page import page

    typer.echo(page() if markdown else schema_text(), nl=False)


@data.command()
def info(
    source: Annotated[str, typer.Argument(help="a .parquet or .csv file, or a packaged set: sp500, nasdaq, us20")],
    prices: Prices = None,
    dividends: Dividends = None,
    missing_open: MissingOpen = None,
    calendar: Calendar = None,
    symbols: Symbols = None,
    members: Annotated[str | None, typer.Option(help="a .csv or .parquet file of symbol, start, end")] = None,
    members_end: Annotated[str, typer.Option(help="inclusive or exclusive")] = "inclusive",
    as_json: AsJson = False,
) -> None:
    """Say what bars a source holds, and what is odd about them."""
    import json

    from engine.cli.show import data_summary, load_for_info
    from engine.data.info import describe
    from engine.universes import described

    wanted = symbols.split(",") if symbols else None
    said = {"prices": prices, "dividends": dividends, "missing_open": missing_open, "calendar": calendar}
    panel = load_for_info(source, {key: value for key, value in said.items() if value is not None}, wanted)
    told = describe(panel) if members is None else described(panel, members, members_end)
    typer.echo(
        json.dumps({"schema_version": 1, **told}, default=str) + "\n" if as_json else data_summary(told), nl=False
    )


def overrides(
    sets: list[str] | None, symbols: str | None, start: str | None, end: str | None, capital: str | None
) -> list[str]:
    """Every override of a command as key=value, shorthands after the explicit ones."""
    out = list(sets or ())
    if symbols is not None:
        quoted = ", ".join('"' + name.strip().replace('"', "") + '"' for name in symbols.split(","))
        out.append(f"data.symbols=[{quoted}]")
    for key, value in (("data.start", start), ("data.end", end), ("capital", capital)):
        if value is not None:
            out.append(f"{key}={value}")
    return out


def main() -> None:
    """Run the command line; a mistake somebody can mend is printed without a traceback."""
    import gc

    gc.set_threshold(
        200_000
    )  # a command is short; collecting while half of pandas is being imported costs a tenth of it
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BarcastError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemExit) as left:  # typer leaves without a word where it is interrupted
        if isinstance(left, SystemExit) and left.code != INTERRUPTED:
            raise
        typer.echo("interrupted; nothing half-done was kept", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("BARCAST_DEBUG"):
            raise
        if isinstance(error, OSError) and error.filename is None:  # of a file it would have a name
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries once more as it leaves
            typer.echo(f"the output could not be written: {error.strerror}. Send it elsewhere, or make room", err=True)
            sys.exit(1)
        typer.echo(f"unexpected {type(error).__name__}: {error}. This is a bug; BARCAST_DEBUG=1 shows where", err=True)
        sys.exit(1)
