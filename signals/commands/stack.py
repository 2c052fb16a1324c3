"""barcast stack: parse, call, print."""

from __future__ import annotations

from typing import Annotated

import typer


def stack(
    walks: Annotated[list[str], typer.Argument(help="folders that barcast walkforward has written, two or more")],
    out: Annotated[str, typer.Option(metavar="FILE", help="the stacker, JSON")],
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="of the recipe, such as data.path=FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the stacker on stdout, and nothing else")] = False,
) -> None:
    """Fit how much each model of an ensemble counts, on out-of-fold forecasts only."""
    from pathlib import Path

    from engine import writing
    from engine.errors import ConfigError
    from signals.training import material
    from signals.training.recipe import read
    from signals.training.stack import stack as fitted
    from signals.training.stack import write

    for one in sets or ():
        if not one.startswith("data."):
            raise ConfigError(
                f"--set {one[:60]}: only data.* may be said, where the bars lie; the rest is the models' own"
            )
    writing.check_file(out)
    made = fitted(
        walks, lambda recipe: material.material(read(recipe, sets or ())), lambda text: typer.echo(text, err=True)
    )
    write(Path(out), made)
    if as_json:
        typer.echo(made.model_dump_json())
        return
    typer.echo(f"{out}: {made.unit} of {len(made.members)} members, {len(made.parts)} parts")
    for part in made.parts:
        slopes = "  ".join(f"{value: .5g}" for value in part.coefficients)
        typer.echo(f"  after {part.valid_from[:10]}  {part.rows:>9,} rows  {part.intercept: .5g}  {slopes}")
