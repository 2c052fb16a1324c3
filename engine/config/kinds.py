"""The kinds of value a key can take: a reader from `units`, and the same rule as JSON Schema for editors."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from engine.config import units

PERCENT = r"^[0-9.eE+-]+ *(%|bps?)$"
BARS = r"^[0-9]+ +bars?$"
IN_ATR, PLAIN = MEMBERS = "in ATR", "a fraction"  # members of a union: no key of a file is called so


def fraction_schema(example: str) -> dict[str, Any]:
    """A plain 0 to 1, or text with its unit."""
    either = [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": PERCENT}]
    return {"anyOf": either, "examples": [example]}


def words_or_bars(words: tuple[str, ...], example: str) -> dict[str, Any]:
    """One of `words`, or `n bars`."""
    either = [{"enum": list(words)}, {"type": "string", "pattern": BARS}]
    return {"anyOf": either, "examples": [example]}


_BARS: dict[str, Any] = {"type": "string", "pattern": BARS}
Fraction = Annotated[float, BeforeValidator(units.share), WithJsonSchema(fraction_schema("2%"))]
SomeFraction = Annotated[float, BeforeValidator(units.some), WithJsonSchema(fraction_schema("10%"))]
Distance = Annotated[float, BeforeValidator(units.distance), WithJsonSchema(fraction_schema("2%"))]
Window = Annotated[int, BeforeValidator(units.window), WithJsonSchema({"type": "integer", "minimum": 2})]
Gain = Annotated[float, BeforeValidator(units.gain), WithJsonSchema(fraction_schema("4%"))]
Wide = Annotated[float, BeforeValidator(units.wide), WithJsonSchema(fraction_schema("130%"))]
Bars = Annotated[int, BeforeValidator(units.bars), WithJsonSchema({**_BARS, "examples": ["5 bars"]})]
SomeBars = Annotated[int, BeforeValidator(units.some_bars), WithJsonSchema({**_BARS, "examples": ["20 bars"]})]
Number = Annotated[float, BeforeValidator(units.number), WithJsonSchema({"type": "number"})]
Positive = Annotated[float, BeforeValidator(units.positive), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
Amount = Annotated[float, BeforeValidator(units.amount), WithJsonSchema({"type": "number", "minimum": 0})]
Whole = Annotated[int, BeforeValidator(units.whole), WithJsonSchema({"type": "integer", "minimum": 0})]
Count = Annotated[int, BeforeValidator(units.count), WithJsonSchema({"type": "integer", "minimum": 1})]
Text = Annotated[str, BeforeValidator(units.text), WithJsonSchema({"type": "string", "minLength": 1})]
Date = Annotated[
    str,
    BeforeValidator(units.date),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2015-01-31"]}),
]
YesNo = Annotated[bool, BeforeValidator(units.yes_no), WithJsonSchema({"type": "boolean"})]
