"""The commands of paper sessions: paper, verify, and what one says to a session that runs."""

from __future__ import annotations

from typing import Annotated

import typer

Folder = Annotated[str, typer.Argument(metavar="SESSION", help="the session's folder")]
Plugins = Annotated[list[str] | None, typer.Option("--plugin", metavar="FILE", help="a Python file of your plugins")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override one key; may be repeated")]
Wait = Annotated[float, typer.Option(help="seconds to wait for the session to journal it")]
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="the instrument")]


def paper(
    config: Annotated[str, typer.Argument(help="the strategy file, with a feed")],
    session: Annotated[str | None, typer.Option(metavar="FOLDER", help="default: sessions/<name>")] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    adopt: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="begin with the account of this closed session")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="nothing on stderr but the page's address")] = False,
    web: Annotated[bool, typer.Option("--web", help="show it on a page of this machine")] = False,
    allow_control: Annotated[
        bool, typer.Option("--allow-control", help="the page may pause, exit and kill, not only show")
    ] = False,
    port: Annotated[int, typer.Option(help="of the page; default: any that is free")] = 0,
    notify: Annotated[
        str | None, typer.Option(metavar="CMD", help="run this once per alarm, with a line of JSON on its stdin")
    ] = None,
) -> None:
    """Run a paper session, or go on with one that is there; Ctrl-C stops it cleanly."""
    from engine.cli.watching import PageOptions, run_session

    page = PageOptions(allow_control, port) if web or allow_control or port else None
    typer.echo(run_session(config, session, sets or (), plugin or (), adopt, quiet, page, notify), nl=False)


def verify(
    session: Folder,
    plugin: Plugins = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout, and nothing else")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")] = False,
) -> None:
    """Replay a session's tape from its beginning as a backtest; print a certificate, or the first event that differs."""
    import json
    from dataclasses import asdict

    from engine.cli.show import talking
    from engine.cli.watching import certificate
    from engine.live.paper import verify_session

    with talking(quiet or as_json) as say:
        found = verify_session(session, plugin or (), say=say)
    if as_json:
        shown = asdict(found) | {"largest": None if found.largest == float("inf") else found.largest}
        typer.echo(json.dumps({"schema_version": 1, **shown}))
    else:
        typer.echo(certificate(found), nl=False)


def status(
    session: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout, and nothing else")] = False,
) -> None:
    """Say how a session stands."""
    from engine.cli.watching import status_of

    typer.echo(status_of(session, as_json), nl=False)


def attach(session: Folder) -> None:
    """Watch a session that another process runs; Ctrl-C stops watching, not the session."""
    from engine.cli.watching import watch

    watch(session)


def pause(session: Folder, wait: Wait = 5.0) -> None:
    """Open nothing new until resume."""
    _tell(session, wait, "pause")


def resume(
    session: Folder,
    reason: Annotated[str, typer.Option(help="why; it goes into the journal")] = "",
    wait: Wait = 5.0,
) -> None:
    """Let a session that was paused or killed trade again."""
    _tell(session, wait, "resume", reason=reason)


def leave(session: Folder, symbol: Symbol, wait: Wait = 5.0) -> None:
    """Close the position in an instrument; it may be opened again unless it is locked too."""
    _tell(session, wait, "exit", symbol=symbol)


def lock(
    session: Folder,
    symbol: Symbol,
    until: Annotated[str, typer.Option(help="date (inclusive), or date and time in UTC, of the bars")],
    wait: Wait = 5.0,
) -> None:
    """Open or grow nothing in an instrument up to a bar time."""
    from engine.cli.watching import bar_time

    _tell(session, wait, "lock", symbol=symbol, until=bar_time(until))


def unlock(session: Folder, symbol: Symbol, wait: Wait = 5.0) -> None:
    """Let an instrument be opened again."""
    _tell(session, wait, "unlock", symbol=symbol)


def kill(
    session: Folder,
    flatten: Annotated[bool, typer.Option("--flatten", help="close every position too")] = False,
    wait: Wait = 5.0,
) -> None:
    """Drop every order and open nothing until resume; with --flatten, close everything."""
    _tell(session, wait, "kill", flatten=flatten)


def hand_over(
    session: Folder,
    name: Annotated[str, typer.Argument(metavar="SIGNAL", help="the signal, as the strategy file names it")],
    model: Annotated[str, typer.Argument(metavar="MODEL", help="the new model's folder; the old one is kept")],
    reason: Annotated[str, typer.Option(help="why; it goes into the journal")] = "",
    wait: Wait = 5.0,
) -> None:
    """Let a signal speak from a new model, which has not seen the next slice, from that slice on."""
    from pathlib import Path

    _tell(session, wait, "hand-over", signal=name, model=str(Path(model).resolve()), reason=reason)


def _tell(session: str, wait: float, name: str, **said: object) -> None:
    from engine.cli.watching import tell

    typer.echo(tell(session, wait, name, said))


journal = typer.Typer(help="Read a session's journal.")


@journal.command()
def show(
    session: Folder,
    kind: Annotated[list[str] | None, typer.Option(help="only rows of this kind; may be repeated")] = None,
    last: Annotated[int | None, typer.Option(help="only the last so many rows")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="a JSON document per row")] = False,
) -> None:
    """Print the rows: number, kind, and what they say."""
    from engine.cli.rows import printed

    for line in printed(session, kind or (), last, as_json):
        typer.echo(line)


@journal.command()
def export(
    session: Folder,
    out: Annotated[str | None, typer.Option(metavar="FOLDER", help="default: export in the session's folder")] = None,
) -> None:
    """Write the journal as Parquet tables: slices, forecasts, decisions, fills, orders, events."""
    from engine.live.export import export as write

    for path, rows in write(session, out):
        typer.echo(f"{path}  {rows:,} rows")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (paper, verify, status, attach, pause, resume, lock, unlock, kill):
        app.command()(command)
    app.command("exit")(leave)
    app.command("hand-over")(hand_over)
    app.add_typer(journal, name="journal")
