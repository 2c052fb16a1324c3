"""A simulation file, or a mapping of the same shape, becomes Settings; every mistake is told at its line and column."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from engine.config.loader import Document, describe, parse
from engine.config.loading import read_bytes
from engine.config.mapping import document_of
from engine.config.problems import At, Mistakes, Problem, nearest, refuse
from engine.config.translate import Path_, Places
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
    try:
        return Settings.model_validate(document.data)
    except ValidationError as error:
        places = Places(document, {})
        problems = [one for item in error.errors(include_url=False) for one in _problems(places, item)]
        raise refuse(document.name, document.lines, problems) from None


def _problems(places: Places, item: Any) -> list[Problem]:
    """What one error of pydantic means, at its place."""
    kind, path = item["type"], tuple(item["loc"])
    cause = item["ctx"].get("error") if kind == "value_error" else None
    if isinstance(cause, At | Mistakes):
        return [_at(places, path, at) for at in (cause.items if isinstance(cause, Mistakes) else (cause,))]
    if kind == "extra_forbidden":
        known = list(_model(path[:-1]).model_fields)
        near = nearest(str(path[-1]), known) or "."
        return [places.problem(path, f"no such key{near} It takes {', '.join(known)}.", key=True)]
    if kind == "missing":
        return [places.problem(path, "missing; it must be said", missing=True)]
    return [places.problem(path, _said(kind, item))]


def _at(places: Places, section: Path_, at: At) -> Problem:
    path = (*section, *at.path)
    there = places.words((*section, *at.also)) if at.also else ""
    return places.problem(path, str(at).replace("{there}", there), key=at.unknown)


def _said(kind: str, item: Any) -> str:
    """What was expected, and what was there."""
    ctx, got = item.get("ctx", {}), f"got {describe(item.get('input'))}"
    if kind == "value_error":
        return str(ctx["error"])
    if kind == "literal_error":
        words = ctx["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = nearest(item["input"], words) if isinstance(item["input"], str) else ""
        return f"expected {' or '.join(words)}, {got}{hint}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"expected keys and values, {got}"
    if kind == "tuple_type":
        return f"expected a list, {got}"
    if kind == "string_pattern_mismatch":
        return f"expected letters, digits, dots, dashes and underscores (at most 80, a letter or digit first), {got}"
    if kind == "less_than_equal":
        return f"expected at most {ctx['le']:,}, {got}"
    return f"{item['msg'][0].lower()}{item['msg'][1:]}, {got}"


def _model(path: Sequence[str | int]) -> type[BaseModel]:
    """The model whose keys stand at `path`."""
    model: type[BaseModel] = Settings
    for key in path:
        if isinstance(key, str):
            model = _inside(model.model_fields[key].annotation) or model
    return model


def _inside(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation: itself, one of a union, or what a tuple holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (types.UnionType, typing.Union, tuple):
        found = (_inside(part) for part in typing.get_args(annotation))
        return next((model for model in found if model is not None), None)
    return None
