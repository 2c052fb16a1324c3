"""barcast train and barcast walkforward: parse, call, print."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, Quiet, Sets

Device = Annotated[str, typer.Option(help="auto, cpu or cuda; it changes no recipe")]
Out = Annotated[str | None, typer.Option(metavar="FOLDER", help="where models go; default: models/NAME")]


def train(
    recipe: Annotated[str, typer.Argument(help="the recipe, a YAML file")],
    out: Out = None,
    sets: Sets = None,
    device: Device = "auto",
    recommended: Annotated[
        int | None,
        typer.Option(metavar="N", help="of a recipe per symbol: the N that the audit of its data ranks best"),
    ] = None,
    jobs: Annotated[int, typer.Option(help="of a recipe per symbol: symbols trained at once")] = 1,
    seeds: Annotated[int, typer.Option(help="of a recipe per symbol: so many seeds, from the recipe's on")] = 1,
    cost: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="of a recipe per symbol: a rise that is held must exceed it; 3.5%"),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train the model of a recipe and write its folder; a training that was interrupted goes on."""
    import json

    from engine import writing
    from engine.config.units import share
    from engine.errors import ConfigError, DataError
    from signals.training import reporting, symbol_table, symbols
    from signals.training.recipe import read
    from signals.training.train import train as one

    if jobs < 1 or seeds < 1:
        raise ConfigError("--jobs, --seeds: expected 1 or more")
    if recommended is not None and recommended < 1:
        raise ConfigError(f"--recommended: expected 1 or more, got {recommended}")
    said = read(recipe, sets or ())
    if not said.per_symbol and (recommended is not None or jobs > 1 or seeds > 1 or cost is not None):
        raise ConfigError(
            f"--recommended, --jobs, --seeds, --cost: {said.name} is one model; they go with per_symbol: true"
        )
    try:
        trip = symbol_table.COST if cost is None else share(cost)
    except ValueError as error:
        raise ConfigError(f"--cost: {error}") from None
    place = f"models/{said.name}" if out is None else out
    writing.check_folder(place)
    with reporting.resumable(), reporting.watched(quiet or as_json) as say:
        run = reporting.run(device, say)
        if said.per_symbol:
            rows = symbols.train(said, place, run, symbols.Job(recommended, jobs, seeds, trip))
            typer.echo(json.dumps(rows) if as_json else symbol_table.shown(rows), nl=as_json)
            if all("refused" in row for row in rows):
                raise DataError(f"{said.name}: no model was trained: {symbols.why_none(rows)}")
            return
        done = one(said, place, run)
    typer.echo(json.dumps(reporting.facts(done)) if as_json else reporting.trained(done), nl=as_json)


def walkforward(
    recipe: Annotated[str, typer.Argument(help="the recipe, a YAML file")],
    out: Out = None,
    sets: Sets = None,
    device: Device = "auto",
    jobs: Annotated[int, typer.Option(help="folds trained at once, in processes of their own")] = 1,
    seeds: Annotated[int, typer.Option(help="walk with so many seeds, from the recipe's on")] = 1,
    table: Annotated[
        str | None, typer.Option(metavar="FILE", help="write how the forecasts did, beside baselines")
    ] = None,
    baselines: Annotated[bool, typer.Option("--baselines/--no-baselines", help="fit them for the table")] = True,
    quiet: Quiet = False,
) -> None:
    """Train a model per fold and forecast only what came after it: models, and out-of-sample forecasts in one file."""
    from pathlib import Path

    from engine import writing
    from engine.errors import ConfigError
    from signals.training import reporting
    from signals.training.recipe import read
    from signals.training.seeds import walk

    if seeds < 1 or jobs < 1:
        raise ConfigError("--seeds, --jobs: expected 1 or more")
    said = read(recipe, sets or ())
    place = Path(f"models/{said.name}" if out is None else out)
    writing.check_folder(place if out is None else out)
    if table is not None:
        inside = Path(table).resolve().is_relative_to(place.resolve())  # the walk makes that folder
        writing.check_file(table, "--table", parents=inside)
    with reporting.resumable(), reporting.watched(quiet) as say:
        page = walk(said, place, reporting.run(device, say), seeds, jobs, baselines, table is not None)
    if table is not None and page is not None:
        writing.make(Path(table).parent)
        writing.replace(Path(table), page.encode())
    typer.echo(page if page is not None else f"{place}\n", nl=False)
