"""barcast features: the sets and their columns; features built, kept, and looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import AsJson, Calendar, Dividends, MissingOpen, Prices, Quiet, Symbols

if TYPE_CHECKING:
    from engine.panel import Panel

app = typer.Typer(help="Features: named columns of numbers made from bars.", no_args_is_help=True)
Source = Annotated[
    str,
    typer.Argument(metavar="PANEL_OR_CONFIG", help="a .parquet or .csv of bars, a packaged set, or a strategy file"),
]
Set = Annotated[str, typer.Option("--set", metavar="NAME", help="which columns (barcast features list)")]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="threads; the numbers do not depend on it")]


@app.callback()
def root() -> None:
    """Features: named columns of numbers made from bars."""


@app.command("list")
def list_(
    markdown: Annotated[bool, typer.Option("--markdown", help="every column, as a page for people")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which sets there are, and what is in them."""
    import json

    from signals.features import feature_set, names

    sets = [feature_set(name) for name in names()]
    if as_json:
        told = [
            {
                "name": features.name,
                "memory": features.memory,
                "needs": features.needs,
                "sha256": features.sha256,
                "columns": [{"name": c.name, "formula": c.formula, "memory": c.memory} for c in features.columns],
            }
            for features in sets
        ]
        typer.echo(json.dumps({"schema_version": 1, "sets": told}))
        return
    if markdown:
        from signals.features.page import page

        typer.echo(page(sets), nl=False)
        return
    for features in sets:
        typer.echo(f"{features.name:16} {len(features):3} columns, memory {features.memory:4} slices")


@app.command()
def build(
    source: Source,
    name: Set,
    jobs: Jobs = 1,
    prices: Prices = None,
    dividends: Dividends = None,
    calendar: Calendar = None,
    missing_open: MissingOpen = None,
    symbols: Symbols = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compute the features of bars and keep them; what has been built before is found again."""
    import json
    from time import perf_counter

    from engine.cli.show import talking
    from signals.features import feature_set
    from signals.features.store import build as made

    features = feature_set(name)
    with talking(quiet or as_json) as say:
        say("reading bars")
        panel = opened(source, prices, dividends, calendar, missing_open, symbols)
        say(f"{len(features)} columns")
        begun = perf_counter()
        found = made(panel, features, jobs)
        seconds = perf_counter() - begun
    count, slices, width = found.values.shape
    if as_json:
        told = {"set": name, "sha256": found.sha256, "instruments": count, "slices": slices, "columns": width}
        place = None if found.place is None else str(found.place)
        typer.echo(json.dumps({"schema_version": 1, **told, "seconds": seconds, "place": place}))
        return
    size = f"{count:,} instruments x {slices:,} slices x {width} columns, {found.values.nbytes / 1e6:,.1f} MB"
    typer.echo(f"{name}: {size}, {seconds:.1f} s\n{found.place or 'not kept: BARCAST_CACHE is off'}")


@app.command()
def report(
    source: Source,
    name: Set,
    jobs: Jobs = 1,
    prices: Prices = None,
    dividends: Dividends = None,
    calendar: Calendar = None,
    missing_open: MissingOpen = None,
    symbols: Symbols = None,
    alike: Annotated[float, typer.Option(min=0, max=1, help="list pairs of columns correlated beyond this")] = 0.98,
    years: Annotated[bool, typer.Option("--years", help="also the quantiles of every year")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say how much of the features is not known, how they lie and drift, and which say the same."""
    import json
    from dataclasses import asdict

    from engine.cli.show import talking
    from signals.features import feature_set
    from signals.features.page import summary
    from signals.features.report import report as looked
    from signals.features.store import build as made

    features = feature_set(name)
    with talking(quiet or as_json) as say:
        say("reading bars")
        panel = opened(source, prices, dividends, calendar, missing_open, symbols)
        say(f"{len(features)} columns")
        found = looked(made(panel, features, jobs), alike)
    if as_json:
        typer.echo(json.dumps(without_nan({"schema_version": 1, **asdict(found)})))
    else:
        typer.echo(summary(found, years), nl=False)


def opened(
    source: str,
    prices: str | None,
    dividends: str | None,
    calendar: str | None,
    missing_open: str | None,
    symbols: str | None,
) -> Panel:
    """The panel of a command's arguments."""
    from engine.data.opening import open_panel

    said = {"prices": prices, "dividends": dividends, "calendar": calendar, "missing_open": missing_open}
    return open_panel(source, said, None if symbols is None else [name.strip() for name in symbols.split(",")])


def without_nan(told: Any) -> Any:
    """The same with None for NaN, which JSON does not have."""
    if isinstance(told, dict):
        return {key: without_nan(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [without_nan(value) for value in told]
    return None if isinstance(told, float) and told != told else told
