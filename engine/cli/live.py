"""The commands of paper sessions: paper, verify, and what one says to a session that runs."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, Plugins, Quiet, Sets

Folder = Annotated[str, typer.Argument(metavar="SESSION", help="the session's folder")]
Wait = Annotated[float, typer.Option(help="seconds to wait for the session to journal it")]
Account = Annotated[str, typer.Option(metavar="NAME", help="of a session of several accounts; default: all of them")]
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="the instrument")]


def paper(
    configs: Annotated[
        list[str], typer.Argument(metavar="CONFIG...", help="the strategy file, with a feed; several: an account each")
    ],
    session: Annotated[str | None, typer.Option(metavar="FOLDER", help="default: sessions/<name>")] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    adopt: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="begin with the account of this closed session")
    ] = None,
    backtest: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="hold equity against what this run's returns make likely; one for each file"),
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
    from engine.errors import ConfigError

    page, runs = PageOptions(allow_control, port) if web or allow_control or port else None, backtest or []
    if len(configs) > 1:
        from engine.cli.contesting import run_contest

        if adopt is not None:
            raise ConfigError("--adopt: a session of several accounts begins with its own capital; leave it out")
        typer.echo(run_contest(configs, session, sets or (), plugin or (), quiet, page, runs, notify), nl=False)
        return
    if len(runs) > 1:
        raise ConfigError(f"--backtest: one file has one backtest, got {len(runs)}")
    run = runs[0] if runs else None
    typer.echo(run_session(configs[0], session, sets or (), plugin or (), adopt, quiet, page, run, notify), nl=False)


def verify(
    session: Folder,
    plugin: Plugins = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Replay a session's tape from its beginning as a backtest; print a certificate, or the first event that differs."""
    import json
    from dataclasses import asdict
    from pathlib import Path

    from engine.cli.show import talking
    from engine.cli.watching import certificate
    from engine.live.accounts import names_in
    from engine.live.paper import verify_session

    with talking(quiet or as_json) as say:
        names = names_in(Path(session))
        found = {name: verify_session(session, plugin or (), say=say, account=name) for name in names or ("",)}
    if as_json:
        shown = {
            name: asdict(one) | {"largest": None if one.largest == float("inf") else one.largest}
            for name, one in found.items()
        }
        typer.echo(json.dumps({"schema_version": 1, **({"accounts": shown} if names else shown[""])}))
    else:
        typer.echo("\n".join(certificate(one) for one in found.values()), nl=False)


def status(
    session: Folder,
    as_json: AsJson = False,
) -> None:
    """Say how a session stands."""
    from engine.cli.watching import status_of

    typer.echo(status_of(session, as_json), nl=False)


def attach(session: Folder) -> None:
    """Watch a session that another process runs; Ctrl-C stops watching, not the session."""
    from engine.cli.watching import watch

    watch(session)


def pause(session: Folder, account: Account = "", wait: Wait = 5.0) -> None:
    """Open nothing new until resume."""
    _tell(session, wait, "pause", account=account)


def resume(
    session: Folder,
    reason: Annotated[str, typer.Option(help="why; it goes into the journal")] = "",
    account: Account = "",
    wait: Wait = 5.0,
) -> None:
    """Let a session that was paused or killed trade again."""
    _tell(session, wait, "resume", reason=reason, account=account)


def leave(session: Folder, symbol: Symbol, account: Account = "", wait: Wait = 5.0) -> None:
    """Close the position in an instrument; it may be opened again unless it is locked too."""
    _tell(session, wait, "exit", symbol=symbol, account=account)


def lock(
    session: Folder,
    symbol: Symbol,
    until: Annotated[str, typer.Option(help="date (inclusive), or date and time in UTC, of the bars")],
    account: Account = "",
    wait: Wait = 5.0,
) -> None:
    """Open or grow nothing in an instrument up to a bar time."""
    from engine.cli.watching import bar_time

    _tell(session, wait, "lock", symbol=symbol, until=bar_time(until), account=account)


def unlock(session: Folder, symbol: Symbol, account: Account = "", wait: Wait = 5.0) -> None:
    """Let an instrument be opened again."""
    _tell(session, wait, "unlock", symbol=symbol, account=account)


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
    account: Account = "",
    wait: Wait = 5.0,
) -> None:
    """Let a signal speak from a new model, which has not seen the next slice, from that slice on."""
    from pathlib import Path

    _tell(session, wait, "hand-over", signal=name, model=str(Path(model).resolve()), reason=reason, account=account)


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
