"""What Python callers hand in where the command line can only hand in text: paths, lists of texts, functions."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.errors import BarcastError, ConfigError


def path_of(value: Any, name: str, kind: type[BarcastError] = ConfigError) -> Path:
    """`value` as a path; an error of `kind` where it can be none."""
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str) or "\0" in os.fspath(value):
        raise kind(f"{name}: expected a path, got {value!r:.80}; give it as text or a pathlib.Path")
    return Path(value)


def paths_of(values: Any, name: str) -> list[Path]:
    """One path or several, as a list; ConfigError for what is none."""
    return [path_of(value, name) for value in _several(values, name, "paths")]


def texts_of(values: Any, name: str, example: str) -> list[str]:
    """One text or several, as a list; ConfigError for what is none."""
    found = _several(values, name, "texts")
    for value in found:
        if not isinstance(value, str):
            raise ConfigError(f"{name}: expected texts such as {example!r}, got {value!r:.80}; write it as text")
    return found


def _several(values: Any, name: str, what: str) -> list[Any]:
    if isinstance(values, str | bytes | os.PathLike):
        return [values]
    if not isinstance(values, Iterable):
        raise ConfigError(f"{name}: expected a list of {what}, got {values!r:.80}; leave it out where there are none")
    return list(values)
