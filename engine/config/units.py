"""Quantities as people write them: `2%`, `10 bps`, `20 bars`, dates. Each reader returns a plain number or says what it wants."""

from __future__ import annotations

import datetime
import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from engine.config.loader import describe

_NUMBER = r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
_PERCENT = re.compile(rf"^{_NUMBER}\s*%$")
_BPS = re.compile(rf"^{_NUMBER}\s*bps?$")
_BARS = re.compile(r"^(\d+)\s+bars?$")


def number(value: Any, what: str = "a number") -> float:
    """A finite float; booleans and text are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "; take the quotes away" if isinstance(value, str) and _is_number(value) else ""
        raise ValueError(f"expected {what}, got {describe(value)}{hint}")
    if not math.isfinite(value):
        raise ValueError(f"expected {what}, got {value}; it must be finite")
    return float(value)


def _is_number(text: str) -> bool:
    return re.fullmatch(_NUMBER, text) is not None


def share(value: Any, most: float = 1.0) -> float:
    """A fraction from `2%`, `10 bps` or 0.02; a plain number must lie in 0 to 1, a percentage in 0 to `most`."""
    if isinstance(value, str):
        for pattern, unit in ((_PERCENT, 1e-2), (_BPS, 1e-4)):
            found = pattern.match(value)
            if found:
                fraction = float(f"{float(found.group(1)) * unit:.15g}")
                if not 0.0 <= fraction <= most:
                    raise ValueError(f"expected 0% to {most:.0%}, got {value}")
                return fraction
        raise ValueError(f"expected a fraction such as 2%, 10 bps or 0.02, got {describe(value)}")
    plain = number(value, "a fraction such as 2%, 10 bps or 0.02")
    if plain < 0.0:
        raise ValueError(f"expected a fraction, 0 or more, got {value}")
    if plain > 1.0:
        other = f" or {value / 100:g}" if value <= 100.0 else ""
        raise ValueError(f"expected a fraction from 0 to 1, got {value}; write {value:g}%{other}")
    return plain


def bars(value: Any) -> int:
    """A whole number of bars from `20 bars`."""
    found = _BARS.match(value) if isinstance(value, str) else None
    if found is None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        hint = f"; write {value} bars" if whole and value >= 0 else ""
        raise ValueError(f"expected a number of bars such as 20 bars, got {describe(value)}{hint}")
    return int(found.group(1))


def some_bars(value: Any) -> int:
    """At least one bar."""
    count = bars(value)
    if count < 1:
        raise ValueError("expected at least 1 bar, got 0 bars")
    return count


def text(value: Any) -> str:
    """Text; numbers and booleans must be quoted to be text."""
    if not isinstance(value, str):
        hint = f'; quote it: "{value}"' if isinstance(value, int | float) else ""
        raise ValueError(f"expected text, got {describe(value)}{hint}")
    return value


def date(value: Any) -> str:
    """An ISO date, kept as text."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        return datetime.date.fromisoformat(text(value)).isoformat()
    except ValueError:
        raise ValueError(f"expected a date such as 2015-01-31, got {describe(value)}") from None


def yes_no(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        hint = "; write true or false" if str(value).lower() in ("yes", "no", "on", "off", "0", "1", "y", "n") else ""
        raise ValueError(f"expected true or false, got {describe(value)}{hint}")
    return value


def whole(value: Any) -> int:
    """A whole number, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected a whole number, got {describe(value)}")
    if value < 0:
        raise ValueError(f"expected 0 or more, got {value}")
    return value


def _count(value: Any) -> int:
    number_of = whole(value)
    if number_of < 1:
        raise ValueError(f"expected 1 or more, got {value}")
    return number_of


def _positive(value: Any) -> float:
    plain = number(value)
    if plain <= 0.0:
        raise ValueError(f"expected a number above 0, got {value}")
    return plain


def _amount(value: Any) -> float:
    plain = number(value)
    if plain < 0.0:
        raise ValueError(f"expected 0 or more, got {value}")
    return plain


def _some(value: Any) -> float:
    fraction = share(value)
    if fraction == 0.0:
        raise ValueError("expected more than 0%; leave the key out to switch it off")
    return fraction


def _distance(value: Any) -> float:
    fraction = _some(value)
    if fraction >= 1.0:
        raise ValueError(f"expected less than 100%, got {describe(value)}")
    return fraction


def _gain(value: Any) -> float:
    fraction = share(value, most=10.0)
    if fraction == 0.0:
        raise ValueError("expected more than 0%; leave the key out to switch it off")
    return fraction


def _schema(kind: str, pattern: str, example: Any) -> WithJsonSchema:
    either = [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": pattern}]
    if kind == "bars":
        return WithJsonSchema({"type": "string", "pattern": r"^\d+ bars?$", "examples": [example]})
    return WithJsonSchema({"anyOf": either, "examples": [example]})


_SHARE = r"^[0-9.]+ *(%|bps?)$"
Fraction = Annotated[float, BeforeValidator(share), _schema("share", _SHARE, "2%")]
SomeFraction = Annotated[float, BeforeValidator(_some), _schema("share", _SHARE, "10%")]
Distance = Annotated[float, BeforeValidator(_distance), _schema("share", _SHARE, "2%")]
Gain = Annotated[float, BeforeValidator(_gain), _schema("share", _SHARE, "4%")]
Bars = Annotated[int, BeforeValidator(bars), _schema("bars", "", "5 bars")]
SomeBars = Annotated[int, BeforeValidator(some_bars), _schema("bars", "", "20 bars")]
Number = Annotated[float, BeforeValidator(number), WithJsonSchema({"type": "number"})]
Positive = Annotated[float, BeforeValidator(_positive), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
Amount = Annotated[float, BeforeValidator(_amount), WithJsonSchema({"type": "number", "minimum": 0})]
Whole = Annotated[int, BeforeValidator(whole), WithJsonSchema({"type": "integer", "minimum": 0})]
Count = Annotated[int, BeforeValidator(_count), WithJsonSchema({"type": "integer", "minimum": 1})]
Text = Annotated[str, BeforeValidator(text), WithJsonSchema({"type": "string"})]
Date = Annotated[str, BeforeValidator(date), WithJsonSchema({"type": "string", "format": "date"})]
YesNo = Annotated[bool, BeforeValidator(yes_no), WithJsonSchema({"type": "boolean"})]
