"""A switch of a strategy file: `5%`, or `{at: 5%, action: flatten, resume: next day}`.

`action: {reduce: 50%}` scales all targets; the quoted text `"reduce: 50%"` means the same. Resolved files write
`action: reduce, factor: 0.5`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.config.base import Model
from engine.config.kinds import Distance, fraction_schema, words_or_bars
from engine.config.loader import describe
from engine.config.problems import At, nearest
from engine.config.units import bars_or, distance

ACTIONS = ("flatten", "halt", "reduce")
REDUCE = "action: {reduce: 50%}"


class Switch(Model):
    """Stops trading when a loss reaches `at`; latches until `resume`."""

    at: Distance = Field(description="the loss that trips it")
    action: Literal["flatten", "halt", "reduce"] = Field(description="close all, no new positions, or scale targets")
    factor: Distance | None = Field(None, description="for reduce: targets are multiplied by this")
    resume: Annotated[Literal["never", "next day"] | int, BeforeValidator(bars_or(("never", "next day")))] = Field(
        description="never, next day or n bars"
    )


def _action(value: Any, factor: Any) -> tuple[str, Any]:
    """(action, factor) of any of the spellings."""
    if isinstance(value, Mapping) and list(value) == ["reduce"]:
        return _reduce(value["reduce"], ("action", "reduce"))
    if isinstance(value, str) and value.startswith("reduce:"):
        return _reduce(value.removeprefix("reduce:").strip(), ("action",))
    if value == "reduce":
        if factor is None:
            raise At("action", f"reduce needs a factor: write {REDUCE}")
        return _reduce(factor, ("factor",))
    if not isinstance(value, str) or value not in ACTIONS:
        hint = nearest(value, ACTIONS) if isinstance(value, str) else ""
        raise At("action", f"expected flatten, halt or {{reduce: 50%}}, got {describe(value)}{hint}")
    if factor is not None:
        raise At("factor", f"only reduce takes a factor, and action is {value}; write {REDUCE}, or leave factor out")
    return value, None


def _reduce(factor: Any, path: tuple[str, ...]) -> tuple[str, float]:
    try:
        return "reduce", distance(factor)
    except ValueError as error:
        raise At(path, str(error)) from None


def _reader(resume: str, after_a_day: bool) -> Any:
    def read(value: Any) -> Any:
        if value is None or isinstance(value, Switch):
            return value
        if not isinstance(value, Mapping):
            return {"at": distance(value), "action": "flatten", "resume": resume}
        filled = {"action": "flatten", "resume": resume, **value}
        filled["action"], filled["factor"] = _action(filled["action"], filled.get("factor"))
        if not after_a_day and filled["resume"] == "next day":
            raise At("resume", "a drawdown has no next day; write never or a number of bars such as 20 bars")
        return filled

    return BeforeValidator(read)


def _schema(resume: tuple[str, ...]) -> WithJsonSchema:
    reduce = {
        "type": "object",
        "properties": {"reduce": fraction_schema("50%")},
        "required": ["reduce"],
        "additionalProperties": False,
    }
    keys = {
        "at": {**fraction_schema("15%"), "description": "the loss that trips it"},
        "action": {
            "anyOf": [{"enum": list(ACTIONS)}, {"type": "string", "pattern": "^reduce:"}, reduce],
            "description": "close all, no new or larger positions, or scale targets",
        },
        "factor": {
            "anyOf": [*fraction_schema("50%")["anyOf"], {"type": "null"}],
            "description": "for action reduce: targets are multiplied by this",
        },
        "resume": {**words_or_bars(resume, "20 bars"), "description": "when trading goes on"},
    }
    whole = {"type": "object", "properties": keys, "required": ["at"], "additionalProperties": False}
    return WithJsonSchema({"anyOf": [*fraction_schema("15%")["anyOf"], whole, {"type": "null"}], "examples": ["15%"]})


MaxDrawdown = Annotated[Switch | None, _reader("never", False), _schema(("never",))]
DailyLoss = Annotated[Switch | None, _reader("next day", True), _schema(("never", "next day"))]
