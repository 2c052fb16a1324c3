"""load(): a file, a mapping, and overrides become a Config, or one ConfigError that tells every problem at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from engine.config import overrides
from engine.config.loader import Document, describe, parse
from engine.config.models import (
    Caps,
    Config,
    Data,
    Execution,
    Exits,
    Exposure,
    Sizing,
    Switch,
    Switches,
)
from engine.config.problems import Mark, Problem, nearest, refuse
from engine.config.rules import PythonStrategy, Quintile, Threshold
from engine.errors import ConfigError, PluginError

Path_ = tuple[str | int, ...]
MODELS: dict[Path_, type[BaseModel]] = {
    (): Config, ("data",): Data, ("exits",): Exits, ("sizing",): Sizing, ("sizing", "exposure"): Exposure, ("caps",): Caps,
    ("switches",): Switches, ("switches", "max_drawdown"): Switch, ("switches", "daily_loss"): Switch, ("execution",): Execution,
}  # fmt: skip
BUILT_IN = {
    "barcast.signals": ("momentum", "reversal", "precomputed"),
    "barcast.strategies": ("threshold", "quintile"),
    "barcast.sources": ("parquet", "csv", "packaged"),
}


def load(source: str | Path | Mapping[str, Any], sets: Sequence[str] = (), file_name: str | None = None) -> Config:
    """The Config of a YAML file (or of a mapping of the same shape) with `--set` overrides applied on top.

    ConfigError lists every mistake as file:line:column, what was expected, what was there, and the nearest right word.
    """
    base: Path | None = None
    if isinstance(source, Mapping):
        import json

        try:
            text = json.dumps(source)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"configuration: expected plain keys and values, got something else: {error}") from None
        name = file_name or "configuration"
        document = parse(text, name)
    else:
        path = Path(source)
        name, base = file_name or str(source), path.parent
        document = parse(_read(path), name)
    placed = overrides.apply(document, sets)
    config = _validate(document, placed)
    config._base = base
    return config


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        around = path.parent if path.parent.is_dir() else Path()
        known = [p.name for p in around.glob("*.y*ml")]
        hint = nearest(path.name, known) if known else ""
        why = "no such file" if isinstance(error, FileNotFoundError) else (error.strerror or "cannot be read")
        raise ConfigError(f"{path}: {why}{hint}") from None


def _validate(document: Document, placed: dict[Path_, str]) -> Config:
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        problems = [_problem(document, placed, item) for item in error.errors(include_url=False)]
        problems += _agreements(document, placed)
        raise refuse(document.name, document.lines, problems) from None
    problems = _agreements(document, placed)
    if problems:
        raise refuse(document.name, document.lines, problems)
    return config


def _place(document: Document, placed: dict[Path_, str], path: Path_, key: bool) -> tuple[Mark, str]:
    """(mark, name of the place) of a path: its key's or its value's, or of the nearest thing above that has one."""
    for upto in range(len(path), -1, -1):
        if path[:upto] in placed:
            return Mark(0, 0), placed[path[:upto]]
    marks = document.keys if key else document.values
    while path not in marks:
        path = path[:-1]
    return marks[path], ""


def _walk(data: Any, loc: tuple[str | int, ...]) -> Path_:
    """The path in the document that a pydantic location means; names of union members are not in the document."""
    path: list[str | int] = []
    for k, item in enumerate(loc):
        inside = (isinstance(data, dict) and item in data) or (isinstance(data, list) and isinstance(item, int))
        if inside and not (isinstance(data, list) and not 0 <= int(item) < len(data)):
            data = data[item]
            path.append(item)
        elif k == len(loc) - 1 and not (path == ["strategy"] and item in ("threshold", "quintile", "python")):
            path.append(item)
    return tuple(path)


def _model_at(data: Any, path: Path_) -> type[BaseModel] | None:
    if path == ("strategy",):
        rule = data.get("strategy", {}).get("rule") if isinstance(data.get("strategy"), dict) else None
        if rule == "threshold":
            return Threshold
        return Quintile if rule == "quintile" else PythonStrategy
    return MODELS.get(path)


def _problem(document: Document, placed: dict[Path_, str], item: Any) -> Problem:
    path = _walk(document.data, item["loc"])
    dotted = ".".join(str(part) for part in path)
    kind, given = item["type"], item.get("input")
    if kind == "extra_forbidden":
        mark, source = _place(document, placed, path, key=True)
        model = _model_at(document.data, path[:-1])
        known = list(model.model_fields) if model else []
        takes = f" It takes {', '.join(known)}." if known else ""
        return Problem(mark, dotted, f"no such key{nearest(str(path[-1]), known) or '.'}{takes}", source)
    if kind == "missing":
        mark, source = _place(document, placed, path[:-1], key=False)
        return Problem(mark, dotted, "missing; it must be said", source)
    mark, source = _place(document, placed, path, key=False)
    if kind == "literal_error":
        known = item["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = nearest(given, known) if isinstance(given, str) else ""
        return Problem(mark, dotted, f"expected {_either(known)}, got {describe(given)}{hint}", source)
    if kind == "value_error":
        return Problem(mark, dotted, str(item["ctx"]["error"]), source)
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return Problem(mark, dotted, f"expected keys and values, got {describe(given)}", source)
    if kind == "string_pattern_mismatch":
        said = "expected letters, digits, dots, dashes and underscores (at most 80, a letter or digit first)"
        return Problem(mark, dotted, f"{said}, got {describe(given)}", source)
    if kind in ("too_short", "less_than_equal"):
        limit = item["ctx"].get("min_length", item["ctx"].get("le"))
        word = "at least one entry" if kind == "too_short" else f"at most {limit:g}"
        return Problem(mark, dotted, f"expected {word}, got {describe(given)}", source)
    return Problem(mark, dotted, f"{item['msg'][0].lower()}{item['msg'][1:]}, got {describe(given)}", source)


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _agreements(document: Document, placed: dict[Path_, str]) -> list[Problem]:
    """What must agree between parts of the file, told at the place that can be mended."""
    data, problems = document.data, []

    def tell(path: Path_, message: str) -> None:
        mark, source = _place(document, placed, path, key=False)
        problems.append(Problem(mark, ".".join(map(str, path)), message, source))

    signals = data.get("signals")
    signals = signals if isinstance(signals, dict) else {}
    for name, spec in signals.items():
        if isinstance(spec, dict) and isinstance(spec.get("plugin"), str):
            _registered("barcast.signals", "signal", spec["plugin"], ("signals", name, "plugin"), tell)
    source = data.get("data", {}).get("source") if isinstance(data.get("data"), dict) else None
    if isinstance(source, str):
        _registered("barcast.sources", "source", source, ("data", "source"), tell)
    strategy = data.get("strategy")
    if isinstance(strategy, dict):
        _strategy_agrees(strategy, signals, data, tell)
    return problems


def _registered(group: str, what: str, word: str, path: Path_, tell: Any) -> None:
    try:
        from engine import plugins

        known = plugins.names(group)
    except PluginError:
        known = []
    known = known or list(BUILT_IN[group])
    if word not in known:
        tell(path, f"no {what} is registered as {word!r}{nearest(word, known) or '.'} Known: {', '.join(known)}")


def _strategy_agrees(strategy: dict[str, Any], signals: dict[str, Any], data: dict[str, Any], tell: Any) -> None:
    rule, signal, caps = strategy.get("rule"), strategy.get("signal"), data.get("caps")
    if isinstance(rule, str):
        _registered("barcast.strategies", "rule", rule, ("strategy", "rule"), tell)
    if rule not in ("threshold", "quintile"):
        return
    if isinstance(signal, str) and signals and signal not in signals:
        tell(
            ("strategy", "signal"),
            f"no signal is called {signal!r}{nearest(signal, list(signals)) or '.'} There is {', '.join(signals)}",
        )
    elif isinstance(signal, str):
        for name in signals:
            if name != signal:
                tell(("signals", name), f"nothing uses this signal; the strategy reads {signal!r}. Remove it")
    if strategy.get("max_weight") is not None and isinstance(caps, dict) and caps.get("max_weight") not in (None, 1.0):
        tell(("strategy", "max_weight"), "said here and in caps.max_weight; say it once")
