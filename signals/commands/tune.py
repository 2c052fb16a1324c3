"""barcast tune: parse, call, print."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, Quiet, Sets


def tune(
    recipe: Annotated[str, typer.Argument(help="the recipe, a YAML file; its section tune says what is tried")],
    grid: Annotated[
        str | None, typer.Option(metavar="FILE", help="a file of the keys of that section, in its place")
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="where the study and best.yaml go; default: tune/NAME")
    ] = None,
    runs: Annotated[str, typer.Option(metavar="FOLDER", help="each trial is noted in trials.sqlite there")] = "runs",
    storage: Annotated[
        str | None,
        typer.Option(metavar="FILE|URL", help="of the study, a journal or sqlite:///FILE; default: in --out"),
    ] = None,
    sets: Sets = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    jobs: Annotated[int, typer.Option(help="processes that share the trials")] = 1,
    whole: Annotated[bool, typer.Option("--all", help="show every trial")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search a recipe's parameters on its validation range, and write the recipe that did best; started again it goes on."""
    import json
    from pathlib import Path

    from engine import writing
    from engine.errors import ConfigError, DataError
    from engine.trials import LEDGER
    from signals.training import reporting as training
    from signals.training.recipe import read
    from signals.tuning import reporting, section
    from signals.tuning.helpers import together

    if jobs < 1:
        raise ConfigError(f"--jobs {jobs}: expected 1 or more")
    said = read(recipe, sets or ())
    wanted = said.tune if grid is None else section.read(grid)
    if wanted is None:
        raise ConfigError(f"{recipe}: it has no section tune; add one, or give --grid FILE")
    place, noted = Path(f"tune/{said.name}" if out is None else out), str(Path(runs) / LEDGER)
    writing.check_folder(place if out is None else out)
    writing.check_folder(runs, "--runs")
    with training.resumable(), training.watched(quiet or as_json) as say:
        found = together(said, wanted, place, Path(runs), training.run(device, say), jobs, storage)
    if as_json:
        typer.echo(json.dumps(reporting.facts(found, noted), allow_nan=False))
    else:
        typer.echo(reporting.shown(found, noted, whole), nl=False)
    if found.complete and found.best is None:
        failed = [row for row in found.rows if row.state == "failed"]
        why = f"; trial {failed[0].number}: {failed[0].why or 'its loss is no number'}" if failed else ""
        raise DataError(f"{place}: {len(failed)} of {len(found.rows)} trials failed and none is complete{why}")
