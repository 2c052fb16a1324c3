"""What must agree between the parts of a file: names that are registered or defined, and nothing said twice.

Reads the raw data, so that these problems are told together with those the models find.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from engine.config.loader import describe
from engine.config.problems import Problem, listed, nearest
from engine.config.translate import Path_, Places
from engine.data.fetch.vendors import FETCHED
from engine.errors import PluginError

BUILT_IN = {  # for a checkout that is not installed
    "barcast.signals": ("momentum", "reversal", "precomputed"),
    "barcast.strategies": ("threshold", "quintile", "orders"),
    "barcast.sources": ("parquet", "csv", "packaged", "yfinance", "ccxt"),
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
Told = Iterator[Problem]


def disagreements(places: Places) -> list[Problem]:
    """Every problem between the parts of the document."""
    data = places.document.data
    signals, strategy, source = (
        _mapping(data.get("signals")),
        _mapping(data.get("strategy")),
        _mapping(data.get("data")),
    )
    told = [*_signals(places, signals), *_known(places, "barcast.sources", "source", source, ("data", "source"))]
    if strategy.get("rule") == "orders":
        told += _silent(places, signals)
    told += _known(places, "barcast.strategies", "rule", strategy, ("strategy", "rule"))
    if strategy.get("rule") in ("threshold", "quintile") and isinstance(strategy["rule"], str):
        if "signals" not in data:
            told.append(places.problem(("signals",), "missing; it must be said", missing=True))
        told += _uses(places, strategy.get("signal"), signals)
        told += _max_weight(places, strategy, _mapping(data.get("caps")))
    return told


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def registered(group: str) -> list[str]:
    """The names registered in `group`; ours where nothing is installed."""
    try:
        from engine import plugins

        known = plugins.names(group)
    except (ImportError, PluginError):
        known = []
    more = [name for name in FETCHED if name not in known] if group == "barcast.sources" else []  # need no registering
    return sorted([*known, *more]) if known else list(BUILT_IN[group])


def _known(places: Places, group: str, what: str, section: dict[str, Any], path: Path_) -> Told:
    word = section.get(str(path[-1]))
    if isinstance(word, str) and word.strip():
        known = registered(group)
        if word not in known:
            said = f"no {what} is registered as {describe(word)}{nearest(word, known) or '.'} Known: {listed(known)}"
            yield places.problem(path, said)


def _signals(places: Places, signals: dict[str, Any]) -> Told:
    for name, spec in signals.items():
        if not _NAME.fullmatch(name):
            said = "expected a word of letters, digits, _ and - as the name of a signal"
            yield places.problem(("signals", name), f"{said}, got {describe(name)}", key=True)
        yield from _known(places, "barcast.signals", "signal", _mapping(spec), ("signals", name, "plugin"))


def _uses(places: Places, signal: Any, signals: dict[str, Any]) -> Told:
    if not isinstance(signal, str):
        return
    if signal not in signals:
        there = f"There is {listed(list(signals))}" if signals else "There is none: define it under signals"
        said = f"no signal is called {describe(signal)}{nearest(signal, list(signals)) or '.'} {there}"
        yield places.problem(("strategy", "signal"), said)
        return
    for name in signals:
        if name != signal:
            said = f"nothing uses this signal; the strategy reads {describe(signal)}. Remove it"
            yield places.problem(("signals", name), said, key=True)


def _silent(places: Places, signals: dict[str, Any]) -> Told:
    for name in signals:
        yield places.problem(("signals", name), "nothing uses this signal; rule orders reads none. Remove it", key=True)


def _max_weight(places: Places, strategy: dict[str, Any], caps: dict[str, Any]) -> Told:
    if strategy.get("max_weight") is not None and "max_weight" in caps:
        there = places.words(("caps", "max_weight"))
        if strategy.get("rule") == "quintile":
            yield places.problem(("strategy", "max_weight"), f"said here and in caps.max_weight{there}; say it once")
