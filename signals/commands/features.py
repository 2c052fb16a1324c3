"""barcast features: the sets and their columns."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Features: named columns of numbers made from bars.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout, and nothing else")]


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
