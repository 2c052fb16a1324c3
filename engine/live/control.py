"""Commands from outside the process: a folder of small files in the session's own. A file stays until its command is
journaled, so that one left while nothing runs, or half heard before a crash, is heard by the next start, and acts once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from engine.errors import BarcastError, OutputError, first_line
from engine.live.clock import Clock
from engine.live.commands import Command

FOLDER, REFUSED = "commands", ".refused"


class CommandBox:
    """The receiving end."""

    def __init__(self, session: Path, accounts: Sequence[str] = ()) -> None:
        self.folder, self.accounts = session / FOLDER, accounts
        self.folder.mkdir(parents=True, exist_ok=True)

    def waiting(self, symbols: tuple[str, ...]) -> list[Command]:
        """The commands that wait, oldest first; a file that makes no sense is put aside beside the reason."""
        names = sorted(name for name in os.listdir(self.folder) if name.endswith(".json"))
        out = []
        for name in names:
            try:
                command = Command(**{**json.loads((self.folder / name).read_text()), "key": name.removesuffix(".json")})
                command.check(symbols, self.accounts)
                out.append(command)
            except (BarcastError, OSError, ValueError, TypeError) as error:
                self.refuse(name.removesuffix(".json"), first_line(error, typed=not isinstance(error, BarcastError)))
        return out

    def refuse(self, key: str, why: str) -> None:
        """Put a command aside, with the reason."""
        (self.folder / f"{key}{REFUSED}").write_text(why + "\n")
        self.done(key)

    def done(self, key: str) -> None:
        """It is journaled, or refused."""
        (self.folder / f"{key}.json").unlink(missing_ok=True)


def post(session: Path, command: Command, clock: Clock) -> str:
    """Leave a command for a session; its key. OutputError if the folder cannot be written."""
    folder = session / FOLDER
    key = f"{clock.now():020d}-{os.getpid()}"
    body = {name: value for name, value in asdict(command).items() if name != "key"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f".{key}.new"
        new.write_text(json.dumps(body))
        os.replace(new, folder / f"{key}.json")
    except OSError as error:
        raise OutputError(f"{folder}: the command could not be left: {error.strerror or error}. Make room") from error
    return key


def answer(session: Path, key: str, clock: Clock, seconds: float) -> str:
    """`journaled`, `waits`, or why it was refused, after waiting for so long at most."""
    folder, until = session / FOLDER, clock.elapsed() + seconds
    while True:
        if (folder / f"{key}{REFUSED}").exists():
            return (folder / f"{key}{REFUSED}").read_text().strip()
        if not (folder / f"{key}.json").exists():
            return "journaled"
        if clock.elapsed() >= until:
            return "waits"
        clock.sleep(0.05)
