"""A signal's arguments as its plugin takes them: files found, beside the strategy file first, and signals inside it made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import plugins as registry
from engine.data.sources import find
from engine.errors import ConfigError
from engine.forecasts import make_signal


def located(name: str, factory: Any, params: dict[str, Any], base: Path | None) -> dict[str, Any]:
    """A copy of `params` with what the plugin calls `paths` found, and the signals made that those called `nested` list.

    ConfigError if a path is no text.
    """
    params = dict(params)  # the configuration's own stay as they were written: a run's hash is of what was said
    for key in getattr(factory, "paths", ()):
        if key in params:
            if not isinstance(params[key], str):
                raise ConfigError(f"signals.{name}.{key}: expected a path, got {params[key]!r:.80}")
            params[key] = str(find(params[key], base))
    for key in getattr(factory, "nested", ()):
        if isinstance(params.get(key), list):
            params[key] = [_member(f"{name}.{key}.{k}", one, base) for k, one in enumerate(params[key])]
    return params


def _member(name: str, said: Any, base: Path | None) -> Any:
    """A signal inside another one's arguments: made from its plugin; a path found; anything else as it is."""
    if isinstance(said, str):
        return str(find(said, base))
    if not isinstance(said, Mapping) or not isinstance(said.get("plugin"), str):
        return said  # the one that is given it tells what is wrong
    rest = {key: value for key, value in said.items() if key != "plugin"}
    factory = registry.get("barcast.signals", said["plugin"])
    return make_signal(name, factory, located(name, factory, rest, base))
