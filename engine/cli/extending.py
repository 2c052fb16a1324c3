"""Commands of other rooms and of other people: `barcast NAME` where NAME is registered under `barcast.commands`.

An entry point names a function, which becomes a command, or a typer.Typer, which becomes a command with commands of its own:

    [project.entry-points."barcast.commands"]
    features = "signals.commands.features:app"

Its module is imported when its name is typed, and for `barcast --help`, which has to say what it does. So it imports nothing
heavy itself: typer at the top, everything else inside the function, as the commands of this folder do. Results go to stdout,
progress to stderr, mistakes are raised as engine.errors, whose exit codes the command line gives. Our own commands cannot be
taken over, and one that cannot be imported is listed with the reason.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from engine.errors import PluginError

GROUP = "barcast.commands"


class Commands(TyperGroup):
    """Our own commands, and those registered under GROUP, looked up when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        from engine import plugins

        registered = plugins.names(GROUP)
        if taken := sorted(set(registered) & set(self.commands)):
            raise PluginError(f"{GROUP}: barcast has a command {taken[0]!r} of its own; give yours another name")
        return [*super().list_commands(ctx), *registered]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or None if nobody has registered it."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        from engine import plugins

        if cmd_name not in plugins.names(GROUP):
            return None
        try:
            return as_command(cmd_name, plugins.get(GROUP, cmd_name))
        except PluginError as error:
            return _broken(cmd_name, error)


def as_command(name: str, thing: Any) -> Any:
    """A function or a typer.Typer as the command `name`; PluginError for anything else."""
    if isinstance(thing, typer.Typer):
        app = thing
    elif callable(thing):
        app = typer.Typer(add_completion=False)
        app.command()(thing)
    else:
        raise PluginError(f"{GROUP}: {name!r} must be a function or a typer.Typer, it is {thing!r:.80}")
    command = typer.main.get_command(app)
    command.name = name
    return command


def _broken(name: str, error: PluginError) -> Any:
    """A command whose help is what is wrong with it, and which fails with that."""

    def command() -> None:
        raise error

    command.__doc__ = f"Not available: {error}"
    return as_command(name, command)
