"""`--set a.b=value`: one key of the file said on the command line, read by the file's own rules for values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.config.loader import MAX_DEPTH, Document, describe, parse
from engine.errors import ConfigError

Path_ = tuple[str | int, ...]


def apply(document: Document, sets: Sequence[str]) -> dict[Path_, str]:
    """Write each override into the document's data; the paths written, with what to call their place in a message."""
    placed: dict[Path_, str] = {}
    for item in sets:
        dotted, equals, text = item.partition("=")
        path = tuple(part.strip() for part in dotted.split("."))
        place = f"--set {'.'.join(path)}"
        if not equals or not all(path) or len(path) > MAX_DEPTH or not dotted.isprintable():
            raise ConfigError(f"--set: expected key=value such as strategy.confidence=0.7, got {describe(item)}")
        _write(document.data, path, _value(text, place), place)
        for old in [known for known in placed if known[: len(path)] == path]:
            del placed[old]
        placed[path] = place
    return placed


def _value(text: str, place: str) -> Any:
    """The value of one override: a scalar, or a list or mapping in YAML's flow style."""
    if not text.strip():
        return None
    if len(text.splitlines()) > 1:
        raise ConfigError(f"{place}: {describe(text)} cannot be read: expected one line")
    try:
        return parse(f"value: {text}\n", place).data["value"]
    except ConfigError as error:
        said = str(error).splitlines()[0].removeprefix(place).split(": ", 1)[-1]
        raise ConfigError(f"{place}: {describe(text)} cannot be read: {said}") from None


def _write(data: dict[str, Any], path: tuple[str, ...], value: Any, place: str) -> None:
    for k, part in enumerate(path[:-1]):
        inner = data.get(part)
        if inner is None:
            inner = data[part] = {}
        if not isinstance(inner, dict):
            what = "a list" if isinstance(inner, list) else describe(inner)
            raise ConfigError(f"{place}: {'.'.join(path[: k + 1])} is {what} and holds no keys; set it whole")
        data = inner
    data[path[-1]] = value
