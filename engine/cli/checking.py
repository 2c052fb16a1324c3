"""`barcast check` and `barcast audit`: what plugins and pipelines are asked, and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import AsJson, Plugins, Quiet, Sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.audit.auditing import Audit
    from engine.checks.finding import Finding
    from engine.checks.plugin import Checked

Seed = Annotated[int, typer.Option(min=0, help="of the made bars and poisons; the same seed asks the same")]
AUDIT_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}
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

    panel = None if bars is None else load_for_info(bars, {}, None)
    checked = check_plugin(plugin, read_params(sets or []), panel, seed)
    if as_json:
        told = [{"name": c.name, "kind": c.noun, "passed": c.passed, "findings": rows_of(c.findings)} for c in checked]
        typer.echo(json.dumps({"schema_version": 1, "plugins": told}))
    else:
        typer.echo(check_summary(checked), nl=False)
    if not all(c.passed for c in checked):
        raise typer.Exit(1)


def audit(
    config: Annotated[str, typer.Argument(help="the strategy file")],
    sets: Sets = None,
    plugin: Plugins = None,
    cuts: Annotated[int, typer.Option(min=1, help="slices at which the future is poisoned")] = 8,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look for look-ahead in a whole pipeline, from bars to account; exit 1 if something reads the future."""
    import json

    from engine.audit import audit as run_audit
    from engine.cli.show import talking

    with talking(quiet or as_json) as say:
        told = run_audit(config, sets=sets or (), plugins=plugin or (), cuts=cuts, seed=seed, progress=say)
    if as_json:
        document = {"schema_version": 1, "name": told.name, "passed": told.passed, "findings": rows_of(told.findings)}
        typer.echo(json.dumps(document))
    else:
        typer.echo(audit_summary(told), nl=False)
    if not told.passed:
        raise typer.Exit(1)


def audit_summary(told: Audit) -> str:
    """The table of an audit: each question, its verdict, the numbers, and where to look."""
    from rich.table import Table

    from engine.cli.show import _console, _safe

    console = _console()
    console.rule(f"[bold]{_safe(told.name)}[/], causality")
    console.print(f"{told.slices:,} slices, {told.instruments:,} instruments\n")
    table = Table(box=None, padding=(0, 1, 1, 0))
    for column, wide in (("", 1), ("question", 24), ("what came", None), ("where", 26)):
        table.add_column(column, max_width=wide, overflow="fold")
    for finding in told.findings:
        asked = f"[bold]{_safe(finding.check)}[/]\n[dim]{_safe(finding.asked)}[/]"
        came = f"[red]{_safe(finding.came)}[/]" if finding.passed is False else _safe(finding.came)
        table.add_row(AUDIT_MARKS[finding.passed], asked, came, _safe(finding.where))
    console.print(table)
    proved, open_ = (sum(finding.passed is value for finding in told.findings) for value in (True, None))
    failed = f"[red]{len(told.leaks)} failed[/], the first is the one to mend first"
    verdict = "[green]no leak found[/]" if told.passed else failed
    console.print(f"{verdict}; {proved} passed, {open_} cannot be proved or were not asked (?)")
    return "".join(line.rstrip() + "\n" for line in str(console.file.getvalue()).splitlines())


def rows_of(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON can hold them."""
    from dataclasses import asdict

    return [asdict(finding) for finding in findings]


def check_summary(checked: Sequence[Checked]) -> str:
    """A line for each check; for a failure also what was asked, what came, and where to look."""
    from rich.padding import Padding

    from engine.cli.show import _console, _count, _safe

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
        console.print(f"  {_count(asked, 'check')}: {verdict}\n")
    return "".join(line.rstrip() + "\n" for line in str(console.file.getvalue()).splitlines())
