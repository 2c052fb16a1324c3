"""Commands of the page: left where the command line leaves its own, so that they are journaled and act alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import ConfigError
from engine.live.clock import Clock
from engine.live.commands import Command
from engine.live.instructing import JOURNALED, LATCHED, instruct

ALLOWED = ("pause", "resume", "exit", "kill")
FIELDS: Mapping[str, type] = {"name": str, "symbol": str, "flatten": bool, "reason": str}
LONGEST = 200  # characters of a reason
WAIT = 3.0  # seconds for the session to journal it
BY = "from the page"


def command_of(body: Any, symbols: tuple[str, ...], account: str = "") -> Command:
    """The command that a page asks for, of its account unless it is a kill, which is of all; ConfigError for anything else."""
    if not isinstance(body, dict) or not body.keys() <= FIELDS.keys():
        raise ConfigError(f"command: expected an object of {', '.join(FIELDS)}")
    for name, kind in FIELDS.items():
        if name in body and type(body[name]) is not kind:
            raise ConfigError(f"command: {name} must be a {kind.__name__}")
    if body.get("name") not in ALLOWED:
        raise ConfigError(f"command: expected one of {', '.join(ALLOWED)}")
    why = str(body.get("reason", "")).strip()
    if len(why) > LONGEST or not why.isprintable():
        raise ConfigError(f"command: a reason has at most {LONGEST} characters, on one line")
    said = why or ("" if body["name"] == "resume" else BY)
    command = Command(body["name"], "", body.get("symbol", ""), flatten=body.get("flatten", False), reason=said)
    command.check(symbols)
    return command if command.name == "kill" else replace(command, account=account)


def obey(folder: Path, command: Command, clock: Clock, wait: float = WAIT) -> str:
    """What became of it, in a line for the page."""
    told = instruct(folder, command, clock, wait)
    word = f"{command.name} {command.symbol}".strip()
    if told.state == LATCHED:
        return f"{word}: latched, nothing more is sent{told.broker}; it could not be journaled"
    if told.state == JOURNALED:
        return f"{word}: journaled; it acts from the next slice on{told.broker}"
    return f"{word}: left for the session, which has not read it yet{told.broker}"
