"""A switch of a strategy file: `5%`, or `{at: 5%, action: flatten, resume: next day}`.

`action: {reduce: 50%}` scales all targets; the quoted text `"reduce: 50%"` means the same. Resolved files write
`action: reduce, factor: 0.5`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.config.base import Model
from engine.config.kinds import Count, Distance, Number, Positive, Window, fraction_schema, words_or_bars
from engine.config.loader import describe
from engine.config.problems import At, nearest
from engine.config.units import bars_or, count, distance

ACTIONS = ("flatten", "halt", "reduce")
REDUCE = "action: {reduce: 50%}"


class Base(Model):
    """Stops trading when what it watches reaches `at`; latches until `resume`."""

    at: Any = Field(description="what trips it")
    action: Literal["flatten", "halt", "reduce"] = Field(description="close all, no new positions, or scale targets")
    factor: Distance | None = Field(None, description="for reduce: targets are multiplied by this")
    resume: Annotated[Literal["never", "next day"] | int, BeforeValidator(bars_or(("never", "next day")))] = Field(
        description="never, next day or n bars"
    )


class Switch(Base):
    """Trips at a loss."""

    at: Distance = Field(description="the loss that trips it")


class SigmaLoss(Base):
    """Trips at a return that is unusually bad."""

    at: Positive = Field(description="deviations below 0")
    window: Window = Field(description="returns that make the deviation")


class RollingSharpe(Base):
    """Trips when the Sharpe ratio of late is poor."""

    at: Number = Field(description="annualised Sharpe ratio")
    window: Window = Field(description="returns it is worked out from")


class LosingStreak(Base):
    """Trips after so many losing days in a row."""

    at: Count = Field(description="days")


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


def _reader(resume: str, after_a_day: bool, short: Callable[[Any], Any] = distance) -> Any:
    def read(value: Any) -> Any:
        if value is None or isinstance(value, Base):
            return value
        if not isinstance(value, Mapping):
            return {"at": short(value), "action": "flatten", "resume": resume}
        filled = {"action": "flatten", "resume": resume, **value}
        filled["action"], filled["factor"] = _action(filled["action"], filled.get("factor"))
        if not after_a_day and filled["resume"] == "next day":
            raise At("resume", "a drawdown has no next day; write never or a number of bars such as 20 bars")
        return filled

    return BeforeValidator(read)


def _whole(form: str) -> Callable[[Any], Any]:
    """A reader for a switch that cannot be said in short."""

    def read(value: Any) -> Any:
        raise ValueError(f"expected keys and values such as {form}, got {describe(value)}")

    return read


def _schema(resume: tuple[str, ...], at: dict[str, Any], short: bool, window: bool) -> WithJsonSchema:
    reduce = {
        "type": "object",
        "properties": {"reduce": fraction_schema("50%")},
        "required": ["reduce"],
        "additionalProperties": False,
    }
    keys = {
        "at": {**at, "description": "what trips it"},
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
    needed = ["at"]
    if window:
        keys["window"] = {"type": "integer", "minimum": 2, "description": "marked returns looked at"}
        needed.append("window")
    whole = {"type": "object", "properties": keys, "required": needed, "additionalProperties": False}
    brief = at.get("anyOf", [at]) if short else []
    return WithJsonSchema({"anyOf": [*brief, whole, {"type": "null"}], "examples": at["examples"] if short else []})


_LOSS, _EVER, _DAYS = fraction_schema("15%"), ("never",), ("never", "next day")
_SIGMAS: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0, "examples": [4]}
_SHARPE: dict[str, Any] = {"type": "number", "examples": [-1]}
_STREAK: dict[str, Any] = {"type": "integer", "minimum": 1, "examples": [6]}
MaxDrawdown = Annotated[Switch | None, _reader("never", False), _schema(_EVER, _LOSS, True, False)]
DailyLoss = Annotated[Switch | None, _reader("next day", True), _schema(_DAYS, _LOSS, True, False)]
ASigmaLoss = Annotated[
    SigmaLoss | None,
    _reader("next day", True, _whole("{at: 4, window: 60}")),
    _schema(_DAYS, _SIGMAS, False, True),
]
ARollingSharpe = Annotated[
    RollingSharpe | None,
    _reader("never", True, _whole("{at: -1, window: 60}")),
    _schema(_DAYS, _SHARPE, False, True),
]
ALosingStreak = Annotated[LosingStreak | None, _reader("never", True, count), _schema(_DAYS, _STREAK, True, False)]
