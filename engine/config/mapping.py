"""A mapping made in Python -> the Document its YAML would give, without places: messages name the key alone."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any

from engine.config.loader import LONGEST_INT, MAX_DEPTH, Document, unprintable
from engine.config.problems import Mark
from engine.errors import ConfigError

NOWHERE = Mark(0, 0)


def document_of(source: Mapping[str, Any], name: str) -> Document:
    """The Document of nested mappings, lists and plain values; dates and paths count as their text."""
    document = Document({}, {(): NOWHERE}, {(): NOWHERE}, (), name)
    data = _plain(source, (), document)
    return Document(data, document.keys, document.values, (), name)


def _plain(value: Any, path: tuple[str | int, ...], document: Document) -> Any:
    if len(path) > MAX_DEPTH:
        raise document.refusal(NOWHERE, f"nested deeper than {MAX_DEPTH} levels", path[:3])
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        whole = int(value)
        return whole if abs(whole) < 10**LONGEST_INT else float("-inf" if whole < 0 else "inf")
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, datetime.date):
        return value.isoformat().removesuffix("T00:00:00")  # a midnight without a zone is a date
    if isinstance(value, str | PurePath):
        return _text(str(value), path, document)
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, k), document) for k, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise document.refusal(NOWHERE, f"expected text as a key, got {type(key).__name__}", path)
        return {_text(str(key), path, document): _plain(item, (*path, key), document) for key, item in value.items()}
    raise _odd(value, path, document)


def _text(text: str, path: tuple[str | int, ...], document: Document) -> str:
    bad = unprintable(text)
    if bad is not None:
        raise document.refusal(NOWHERE, f"control character {ord(text[bad]):#04x}; remove it", path)
    return text


def _odd(value: Any, path: tuple[str | int, ...], document: Document) -> ConfigError:
    kind = type(value).__name__
    return document.refusal(NOWHERE, f"expected plain keys and values, got an object of type {kind}", path)
