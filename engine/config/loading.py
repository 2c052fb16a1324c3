"""load(): a file, a mapping, and overrides become a Config, or one ConfigError that tells every problem at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.config import overrides
from engine.config.agreements import disagreements
from engine.config.loader import MAX_BYTES, parse
from engine.config.mapping import document_of
from engine.config.models import Config
from engine.config.problems import nearest, refuse
from engine.config.translate import Path_, Places, problems_of
from engine.errors import ConfigError


def load(
    source: str | Path | Mapping[str, Any] | Config, sets: Sequence[str] = (), file_name: str | None = None
) -> Config:
    """The Config of a YAML file (or of a mapping of the same shape, or a Config) with `--set` overrides applied on top.

    ConfigError lists every mistake as file:line:column, what was expected, what was there, and the nearest right word.
    Text given as `source` is always a path, never YAML.
    """
    base: Path | None = None
    if isinstance(source, Config):
        said = source.resolved() if source._said is None else source._said
        document, base = document_of(said, file_name or "configuration"), source.base
    elif isinstance(source, Mapping):
        document = document_of(source, file_name or "configuration")
    else:
        path = Path(source)
        document, base = parse(read_bytes(path), file_name or str(source)), path.parent
    places = Places(document, overrides.apply(document, [sets] if isinstance(sets, str) else sets))
    config = _validate(places)
    config._base, config._said, config._places = base, document.data, places
    return config


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, a little more than are allowed at most."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if not isinstance(error, FileNotFoundError):
            why = (error.strerror if isinstance(error, OSError) else str(error)) or "cannot be read"
            raise ConfigError(f"{str(path)!r}: {why[0].lower()}{why[1:]}; give the path of a YAML file") from None
        around = path.parent
        known = sorted(p.name for p in around.glob("*.y*ml")) if around.is_dir() else []
        hint = nearest(path.name, known) if around.is_dir() else f"; there is no folder {around} either"
        raise ConfigError(f"{path}: no such file{hint or '; correct the path'}") from None


def refusal(config: Config, path: Path_, message: str) -> ConfigError:
    """The ConfigError of a mistake that is seen only when the run begins, at the place where `config` says it."""
    places = config._places
    if places is None:
        return ConfigError(f"{'.'.join(map(str, path))}: {message}")
    return refuse(places.document.name, places.document.lines, [places.problem(path, message)])


def _validate(places: Places) -> Config:
    document = places.document
    problems, hidden = disagreements(places), 0
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        told, hidden = problems_of(error, places)
        problems += told
    if problems:
        raise refuse(document.name, document.lines, problems, hidden)
    return config
