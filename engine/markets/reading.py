"""A simulation file, or a mapping of the same shape, becomes Settings; every mistake is told at its line and column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.config.loader import Document, parse
from engine.config.loading import read_bytes
from engine.config.mapping import document_of
from engine.config.reading import validated
from engine.config.translate import Places
from engine.errors import ConfigError
from engine.markets.settings import Settings


def read(source: str | Path | Mapping[str, Any] | Settings) -> Settings:
    """The Settings of a YAML file or a mapping; ConfigError lists every mistake at its place."""
    if isinstance(source, Settings):
        return source
    if isinstance(source, Mapping):
        return _validate(document_of(source, "simulation"))
    raw = read_bytes(Path(source))
    if not raw.strip():
        raise ConfigError(f"{source}: the file is empty; it needs name, names and bars")
    return _validate(parse(raw, str(source)))


def reseeded(settings: Settings, seed: int) -> Settings:
    """The same settings with another seed."""
    return settings.model_copy(update={"seed": seed})


def _validate(document: Document) -> Settings:
    return validated(Settings, Places(document, {}))
