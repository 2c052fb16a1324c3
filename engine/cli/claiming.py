"""barcast audit-claims: which of somebody's reported figures cannot be true together, and what they honestly are."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from engine.cli.options import AsJson


def audit_claims(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="YAML or JSON of reported figures")],
    as_json: AsJson = False,
) -> None:
    """Say which reported figures contradict each other, and why; exit 1 if any do."""
    from dataclasses import asdict

    from engine.claims.auditing import audit_file, text_of

    audited = [one for file in files for one in audit_file(file)]
    if as_json:
        told = [
            {"name": one.name, "possible": one.possible, "findings": [asdict(f) for f in one.findings]}
            for one in audited
        ]
        typer.echo(json.dumps({"schema_version": 1, "reports": told}))
    else:
        typer.echo(text_of(audited))
    if not all(one.possible for one in audited):
        raise typer.Exit(1)
