"""The first row of a session: everything that decides beside the tape, and whether a restart may go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.contracts import Signal
from engine.errors import ConfigError
from engine.live.feed import Facts, Feed
from engine.live.state import difference
from engine.live.tape import COLUMNS, Body, universe_of, universe_row
from engine.manifest import code_hash, git_commit, plain, processor, versions

if TYPE_CHECKING:
    from engine.config import Config

FORMAT = 1
FREE = ("speed",)  # keys of the feed that decide nothing
DECLARED = ("prices", "dividends", "calendar", "missing_open", "daily", "dated")
ADOPT = "Restart with what it was begun with, or begin a new session that takes its account over: --adopt"


def header(config: Config, feed: Feed, signals: Mapping[str, Signal], plugins: Mapping[str, str], now: int) -> Body:
    """The body of the start row."""
    return {
        "format": FORMAT,
        "name": config.name,
        "config": settled(config.resolved()),
        "base": "" if config.base is None else str(config.base),
        "universe": universe_row(feed.universe),
        "facts": asdict(feed.facts),
        "signals": {name: told(signal) for name, signal in signals.items()},
        "plugins": dict(plugins),
        "code": code_hash(),
        "commit": git_commit() or "",
        "versions": versions(),
        "processor": processor(),
        "started": now,
    }


def told(signal: Signal) -> dict[str, Any]:
    """What a signal is; `fingerprint` is a trained model's hash, where the signal has one."""
    return {"unit": signal.unit, "window": int(signal.window), "fingerprint": str(getattr(signal, "fingerprint", ""))}


def settled(resolved: dict[str, Any]) -> dict[str, Any]:
    """A resolved configuration without what decides nothing."""
    out: dict[str, Any] = plain(resolved)
    if out.get("feed"):
        out["feed"] = {key: value for key, value in out["feed"].items() if key not in FREE}
    return out


def facts_of(start: Mapping[str, Any]) -> Facts:
    """The facts a session was begun with: they stay, also where the feed has since seen more bars to count."""
    return Facts(**start["facts"])


def check_same(start: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    """Nothing; ConfigError that names the first thing that is no longer what the session was begun with."""
    if start["format"] != FORMAT:
        raise ConfigError(f"{where}: written by another version (format {start['format']}, expected {FORMAT}). {ADOPT}")
    for key, word in (("config", "the strategy file"), ("plugins", "plugins"), ("signals", "models")):
        if changed := first_change(start[key], now[key], key):
            raise ConfigError(f"{where}: {word} changed: {changed}. {ADOPT}")
    if start["code"] != now["code"]:
        raise ConfigError(f"{where}: the code changed: {start['code'][:12]} then, {now['code'][:12]} now. {ADOPT}")
    for key in DECLARED:
        if start["facts"][key] != now["facts"][key]:
            raise ConfigError(f"{where}: {key} was {start['facts'][key]}, the feed says {now['facts'][key]}. {ADOPT}")
    mine, theirs = universe_of(start["universe"]), universe_of(now["universe"])
    columns = ({name: getattr(u, name) for name in COLUMNS} for u in (mine, theirs))
    if mine.symbols != theirs.symbols or (changed := difference(*columns)):
        changed = "its symbols" if mine.symbols != theirs.symbols else changed
        raise ConfigError(f"{where}: the universe changed: {changed}. {ADOPT}")


def first_change(then: Any, now: Any, path: str) -> str:
    """The first place where two plain values differ, with both; empty if none does."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in sorted({*then, *now}):
            if key not in then or key not in now:
                return f"{path}.{key} is {'gone' if key in then else 'new'}"
            if said := first_change(then[key], now[key], f"{path}.{key}"):
                return said
        return ""
    same = then == now or (then != then and now != now)
    return "" if same else f"{path} was {then!r:.60}, is {now!r:.60}"
