"""Taking over the account of another session: what it held at its end becomes what a new one begins with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine import journal
from engine.errors import ConfigError
from engine.live import tape
from engine.live.tape import JOURNAL
from engine.shapes import Account
from engine.types import Universe

PER_NAME = tuple(name for name in Account._fields if name not in ("money", "reach"))
ROWS = ("entry_t", "exit_t")


def taken_over(folder: Path, universe: Universe, say: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """The body of an adopted row: the account of the session in `folder`, its columns in the order of `universe`.

    ConfigError if the session is not closed, or holds what the new universe does not have. Waiting orders are not taken over:
    an order lives for one slice.
    """
    say("reading the other session")
    kinds: list[str] = []
    start, last, head = None, None, ""
    for row in journal.read(folder / JOURNAL):
        start = row.body if row.kind == tape.START else start
        last = row if row.kind == tape.CHECKPOINT else last
        kinds = [*kinds[-1:], row.kind]
        head = row.hash
    assert start is not None
    if "accounts" in start:
        raise ConfigError(f"{folder}: a session of several accounts; only one of a single account can be taken over")
    if last is None or kinds[-1] != tape.CLOSE:
        raise ConfigError(
            f"{folder}: its journal does not end in a close; start it once more with its own file and stop it"
        )
    state, symbols = last.body["state"], list(start["universe"]["symbols"])
    place = {symbol: i for i, symbol in enumerate(symbols)}
    held = [symbols[i] for i in np.flatnonzero(state["account.quantity"])]
    if lost := [symbol for symbol in held if symbol not in universe.symbols]:
        raise ConfigError(
            f"{folder}: it holds {', '.join(lost[:5])}, which the new session does not have. Exit them first"
        )
    columns = np.array([place.get(symbol, -1) for symbol in universe.symbols], np.int64)
    out = {"money": state["account.money"].copy()}
    fresh = blank(len(columns))
    for name in (*PER_NAME, "reach"):
        old, new = state[f"account.{name}"], fresh[name]
        new[..., columns >= 0] = old[..., columns[columns >= 0]]
        out[name] = new
    return {
        "session": str(start["name"]), "head": head, "digest": last.body["digest"], "slices": last.body["t"] + 1, "state": out
    }  # fmt: skip


def blank(n: int) -> dict[str, np.ndarray]:
    """The columns of a flat account."""
    from engine.account import Book

    account = Book.open(0.0, n, 0).account
    return {name: getattr(account, name) for name in (*PER_NAME, "reach")}


def shifted(state: Mapping[str, np.ndarray], old: int, new: int) -> dict[str, np.ndarray]:
    """The same account where slice `new` comes next instead of slice `old`; what lies before slice 0 counts as slice 0."""
    out = dict(state)
    for name in ROWS:
        rows = state[name]
        out[name] = np.where(rows < 0, -1, np.maximum(0, rows + (new - old)))
    return out
