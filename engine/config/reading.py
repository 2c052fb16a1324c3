"""Any file of ours that is one pydantic model: a document validated, every mistake told at its line and column."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.config.loader import describe
from engine.config.problems import At, Mistakes, Problem, nearest, refuse
from engine.config.translate import Path_, Places

M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], places: Places) -> M:
    """The `model` of a document; ConfigError lists every mistake at its place."""
    document = places.document
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        items = error.errors(include_url=False)
        problems = [one for item in items for one in _problems(model, places, item)]
        raise refuse(document.name, document.lines, problems) from None


def _problems(root: type[BaseModel], places: Places, item: Any) -> list[Problem]:
    """What one error of pydantic means, at its place."""
    kind, path = item["type"], tuple(item["loc"])
    cause = item["ctx"].get("error") if kind == "value_error" else None
    if isinstance(cause, At | Mistakes):
        return [_at(places, path, at) for at in (cause.items if isinstance(cause, Mistakes) else (cause,))]
    if kind == "extra_forbidden":
        known = list(_model(root, path[:-1]).model_fields)
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


def _model(root: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel]:
    """The model whose keys stand at `path`."""
    model = root
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
