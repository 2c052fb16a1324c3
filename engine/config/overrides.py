"""`--set a.b=value`: one key of the file said on the command line, read by the file's own rules for values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from engine.config.loader import Document, parse
from engine.errors import ConfigError

Path_ = tuple[str | int, ...]


def apply(document: Document, sets: Sequence[str]) -> dict[Path_, str]:
    """Write each override into the document's data; the paths written, with what to call their place in a message."""
    placed: dict[Path_, str] = {}
    for item in sets:
        dotted, equals, text = item.partition("=")
        path = tuple(part.strip() for part in dotted.split("."))
        if not equals or not all(path):
            raise ConfigError(f"--set {item}: expected key=value such as strategy.confidence=0.7")
        _write(document.data, path, _value(text, dotted), f"--set {dotted}")
        for old in [known for known in placed if known[: len(path)] == path]:
            del placed[old]
        placed[path] = f"--set {dotted}"
    return placed


def _value(text: str, dotted: str) -> Any:
    """The value of one override: a scalar, or a list or mapping in YAML's flow style."""
    if not text.strip():
        return None
    try:
        return parse(f"value: {text}\n", f"--set {dotted}").data["value"]
    except (ConfigError, yaml.YAMLError) as error:
        said = str(error).splitlines()[0].split(": ", 1)[-1]
        raise ConfigError(f"--set {dotted}: {text!r} cannot be read: {said}") from None


def _write(data: Any, path: tuple[str, ...], value: Any, source: str) -> None:
    for k, part in enumerate(path[:-1]):
        inner = data.get(part)
        if inner is None:
            inner = data[part] = {}
        if not isinstance(inner, dict):
            raise ConfigError(f"{source}: {'.'.join(path[: k + 1])} holds no keys; set it whole")
        data = inner
    data[path[-1]] = value
