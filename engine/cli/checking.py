"""`barcast check` and `barcast audit`: what plugins and pipelines are asked, and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.checks.finding import Finding
    from engine.checks.plugin import Checked

AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout, and nothing else")]
Seed = Annotated[int, typer.Option(help="of the made bars and poisons; the same seed asks the same")]
MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]–[/]"}


def check(
    plugin: Annotated[str, typer.Argument(help="a .py file of yours, or a registered signal or strategy")],
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="an argument of the plugin; may be repeated")
    ] = None,
    bars: Annotated[
        str | None, typer.Option(help="a .parquet or .csv file, or a packaged set, in place of made bars")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Ask a signal or strategy everything the engine relies on; exit 1 if it breaks its contract."""
    import json

    from engine.checks.plugin import check_plugin, read_params
    from engine.cli.show import load_for_info

    panel = None if bars is None else load_for_info(bars, "as_traded", "none", "refuse", None, None)
    checked = check_plugin(plugin, read_params(sets or []), panel, seed)
    if as_json:
        told = [{"name": c.name, "kind": c.noun, "passed": c.passed, "findings": rows_of(c.findings)} for c in checked]
        typer.echo(json.dumps({"schema_version": 1, "plugins": told}))
    else:
        typer.echo(check_summary(checked), nl=False)
    if not all(c.passed for c in checked):
        raise typer.Exit(1)


def rows_of(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON can hold them."""
    from dataclasses import asdict

    return [asdict(finding) for finding in findings]


def check_summary(checked: Sequence[Checked]) -> str:
    """A line for each check; for a failure also what was asked, what came, and where to look."""
    from rich.padding import Padding

    from engine.cli.show import _console, _safe

    console = _console()
    for one in checked:
        console.print(f"[bold]{_safe(one.name)}[/] ({one.noun})")
        for finding in one.findings:
            line = _safe(finding.came) if finding.passed is not False else ""
            console.print(f"  {MARKS[finding.passed]} {finding.check:<12}{line}", no_wrap=True, overflow="ellipsis")
            if finding.passed is False:
                for word, text in (("asked", finding.asked), ("came", finding.came), ("look at", finding.where)):
                    console.print(Padding(f"[dim]{word:<8}[/] {_safe(text)}", (0, 0, 0, 6)))
        failed = sum(finding.passed is False for finding in one.findings)
        asked = sum(finding.passed is not None for finding in one.findings)
        verdict = "[green]keeps its contract[/]" if one.passed else f"[red]breaks it in {failed}[/]"
        console.print(f"  {asked} checks: {verdict}\n")
    return "".join(line.rstrip() + "\n" for line in str(console.file.getvalue()).splitlines())
