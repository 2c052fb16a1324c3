"""Several accounts in one session: one tape, and rows that say whose they are.

What a feed gives is everybody's and stands once. Every other row names its `account`. The rows of one account, picked out, are
those of a session of its own on the same tape: recovery, verify and all else that reads journals see nothing else. A session of
one account has no such names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import journal
from engine.errors import ConfigError
from engine.journal import Row
from engine.live import tape
from engine.live.commands import Command
from engine.live.control import CommandBox

MARKET = (tape.WARM_UP, tape.SLICE, tape.LATE, tape.CORRECTION, tape.GAP, tape.ACTION)  # everybody's
OWN = ("name", "config", "base", "universe", "facts", "signals", "order", "adopted")  # of a start row, each account's


@dataclass(frozen=True, slots=True)
class OwnRow(Row):
    """A row as the journal of one account alone would have it."""

    told: dict[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        return self.told


def names_of(start: Mapping[str, Any]) -> tuple[str, ...]:
    """The accounts of a session, in their order; none where there is but one, which has no name."""
    return tuple(one["name"] for one in start.get("accounts", ()))


def names_in(folder: Path) -> tuple[str, ...]:
    """The same, of the session in `folder`."""
    return names_of(next(iter(journal.read(folder / tape.JOURNAL))).body)


def rows(folder: Path, account: str = "") -> Iterator[Row]:
    """The rows of one account, and of a ruined one none of what came later; all of them where there is but one.

    ConfigError if there is no such account.
    """
    source = journal.read(folder / tape.JOURNAL)
    first = next(source)
    names = names_of(first.body)
    if account not in (names or ("",)):
        which = f"the accounts {', '.join(names)}; name one with --account" if names else "one account, without a name"
        raise ConfigError(f"{folder}: this session has {which}")
    if not names:
        yield first
        yield from source
        return
    yield own_row(first, start_of(first.body, account))
    alive = True
    for row in source:
        body = row.body
        whose = body.pop("account", None)
        if whose == account:
            yield own_row(row, body)
            alive = alive and (row.kind != tape.DECISION or body["alive"])
        elif whose is None and alive:
            yield row


def own_row(row: Row, body: dict[str, Any]) -> OwnRow:
    """The row with another body."""
    return OwnRow(row.seq, row.kind, row.raw, row.offset, row.end, row.hash, body)


def start_of(start: Mapping[str, Any], account: str) -> dict[str, Any]:
    """The start row as the account's own session would have it; `beside`: the accounts there are."""
    one = next(one for one in start["accounts"] if one["name"] == account)
    rest = {key: value for key, value in start.items() if key != "accounts"}
    return {**rest, **one, "beside": list(names_of(start))}


def header_of(headers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One start row of the start rows that the accounts would have by themselves."""
    return {**headers[0], "accounts": [{key: header[key] for key in OWN} for header in headers]}


class Round:
    """The rows of one arrival that are everybody's: who comes first writes them, the others pass over them."""

    def __init__(self) -> None:
        self.number, self.rows = 0, list[Row]()

    def next(self) -> None:
        """Another arrival."""
        self.number, self.rows = self.number + 1, []


class Pen:
    """The journal's writer in the hand of one account."""

    def __init__(self, writer: Any, account: str, shared: Round) -> None:
        self.writer, self.account, self.shared = writer, account, shared
        self._round, self._read = -1, 0

    def append(self, kind: str, body: Mapping[str, Any]) -> Row:
        """The row, written unless it is everybody's and stands already."""
        if kind not in MARKET:
            row: Row = self.writer.append(kind, {**body, "account": self.account})
            return row
        if self._round != self.shared.number:
            self._round, self._read = self.shared.number, 0
        if self._read == len(self.shared.rows):
            self.shared.rows.append(self.writer.append(kind, body))
        self._read += 1
        return self.shared.rows[self._read - 1]

    def close(self) -> str:
        """The head; the journal is closed once for all accounts."""
        self.writer.commit()
        return str(self.writer.head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.writer, name)


class Post:
    """Commands for several accounts: a file stays until every account that it is for has journaled it."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.box = CommandBox(folder, names)
        self.living = list(names)
        self.awaited: dict[str, set[str]] = {}

    def waiting(self, account: str, symbols: tuple[str, ...]) -> list[Command]:
        """What waits for this account."""
        out = []
        for command in self.box.waiting(symbols):
            if command.account and command.account not in self.living:
                self.box.refuse(command.key, f"{command.name}: the account {command.account} has ended")
                continue
            meant = {command.account} if command.account else set(self.living)
            if account in self.awaited.setdefault(command.key, meant):
                out.append(command)
        return out

    def done(self, account: str, key: str) -> None:
        """This account has journaled it."""
        left = self.awaited.get(key, set())
        left.discard(account)
        if not left & set(self.living):
            self.awaited.pop(key, None)
            self.box.done(key)


class OwnBox:
    """A session's command box, of one account."""

    def __init__(self, post: Post, account: str) -> None:
        self.post, self.account = post, account

    def waiting(self, symbols: tuple[str, ...]) -> list[Command]:
        return self.post.waiting(self.account, symbols)

    def done(self, key: str) -> None:
        self.post.done(self.account, key)

    def refuse(self, key: str, why: str) -> None:
        self.post.box.refuse(key, why)
