"""Quantities as people write them: `2%`, `10 bps`, `20 bars`, dates. Each reader returns a plain number or says what it wants."""

from __future__ import annotations

import datetime
import math
import re
from typing import Any

from engine.config.loader import describe
from engine.config.problems import nearest

_NUMBER = r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
_PERCENT = re.compile(rf"{_NUMBER}\s*%")
_BPS = re.compile(rf"{_NUMBER}\s*bps?")
_BARS = re.compile(r"([0-9]{1,9})\s+bars?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
WIDEST = 10.0  # 1000 %
MOST = 2**53  # whole numbers travel to the kernels as floats
A_FRACTION = "a fraction such as 2%, 10 bps or 0.02"
SOME_BARS = "a number of bars such as 20 bars"


def number(value: Any, what: str = "a number") -> float:
    """A finite float; booleans and text are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected {what}, got {describe(value)}{_way_out(value)}")
    if not math.isfinite(value):
        raise ValueError(f"expected {what}, got {value}; it must be finite")
    return float(value)


def _way_out(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if re.fullmatch(_NUMBER, value):
        return "; take the quotes away"
    percent = _PERCENT.fullmatch(value)
    return f"; this is a plain number: write {float(percent.group(1)) / 100:g}" if percent else ""


def share(value: Any, most: float = 1.0) -> float:
    """A fraction from `2%`, `10 bps` or 0.02; a plain number must lie in 0 to 1, one with a unit in 0 to `most`."""
    if isinstance(value, str):
        for pattern, unit in ((_PERCENT, 1e-2), (_BPS, 1e-4)):
            found = pattern.fullmatch(value)
            if found:
                fraction = float(f"{float(found.group(1)) * unit:.15g}")  # 7% is 0.07, not 0.07000000000000001
                if not 0.0 <= fraction <= most:
                    raise ValueError(f"expected 0% to {most:.0%}, got {value}")
                return fraction
        quoted = "; take the quotes away" if re.fullmatch(_NUMBER, value) else ""
        raise ValueError(f"expected {A_FRACTION}, got {describe(value)}{quoted}")
    plain = number(value, A_FRACTION)
    if plain < 0.0:
        raise ValueError(f"expected a fraction, 0 or more, got {value}")
    if plain > 1.0:
        way = f"; write {value:g}%{f' or {value / 100:g}' if value <= 100.0 else ''}" if value <= 100.0 * most else ""
        raise ValueError(f"expected a fraction from 0 to 1, got {describe(value)}{way}")
    return plain


def some(value: Any) -> float:
    """A fraction above 0."""
    return _above_zero(share(value))


def distance(value: Any) -> float:
    """A fraction above 0 and below 1."""
    fraction = some(value)
    if fraction >= 1.0:
        raise ValueError(f"expected less than 100%, got {describe(value)}")
    return fraction


def gain(value: Any) -> float:
    """A fraction above 0 that may be as much as 1000 %, if written with its unit."""
    return _above_zero(share(value, most=WIDEST))


def wide(value: Any) -> float:
    """A fraction that may be as much as 1000 %, if written with its unit."""
    return share(value, most=WIDEST)


def _above_zero(fraction: float) -> float:
    if fraction == 0.0:
        raise ValueError("expected more than 0%; leave the key out to switch it off")
    return fraction


def bars(value: Any) -> int:
    """A whole number of bars from `20 bars`."""
    found = _BARS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        whole_one = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
        hint = f"; write {value} bars" if whole_one else ""
        raise ValueError(f"expected {SOME_BARS}, got {describe(value)}{hint}")
    return int(found.group(1))


def some_bars(value: Any) -> int:
    """At least one bar."""
    n = bars(value)
    if n < 1:
        raise ValueError("expected at least 1 bar, got 0 bars")
    return n


def bars_or(words: tuple[str, ...]) -> Any:
    """A reader of one of `words`, or of at least one bar."""

    def read(value: Any) -> Any:
        if isinstance(value, str) and value in words:
            return value
        if isinstance(value, str) and _BARS.fullmatch(value):
            return some_bars(value)
        hint = nearest(value, words) if isinstance(value, str) else ""
        whole_one = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9
        way = f"; write {value} bars" if whole_one else hint
        raise ValueError(f"expected {', '.join(words)} or {SOME_BARS}, got {describe(value)}{way}")

    return read


def text(value: Any) -> str:
    """Text with something in it; numbers and booleans must be quoted to be text."""
    if not isinstance(value, str):
        hint = f'; quote it: "{describe(value)}"' if isinstance(value, int | float) else ""
        raise ValueError(f"expected text, got {describe(value)}{hint}")
    if not value.strip():
        raise ValueError(f"expected text, got {value!r}")
    return value


def date(value: Any) -> str:
    """An ISO date, kept as text."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return datetime.date.fromisoformat(value).isoformat()
        except ValueError as error:
            raise ValueError(f"expected a date such as 2015-01-31, got {value!r}: {error}") from None
    raise ValueError(f"expected a date such as 2015-01-31, got {describe(value)}")


def yes_no(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        hint = "; write true or false" if str(value).lower() in ("yes", "no", "on", "off", "0", "1", "y", "n") else ""
        raise ValueError(f"expected true or false, got {describe(value)}{hint}")
    return value


def whole(value: Any) -> int:
    """A whole number, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int):
        quoted = "; take the quotes away" if isinstance(value, str) and re.fullmatch(r"[0-9]+", value) else ""
        raise ValueError(f"expected a whole number, got {describe(value)}{quoted}")
    if not 0 <= value <= MOST:
        raise ValueError(f"expected {'0 or more' if value < 0 else f'at most {MOST}'}, got {describe(value)}")
    return value


def count(value: Any) -> int:
    """A whole number, 1 or more."""
    n = whole(value)
    if n < 1:
        raise ValueError(f"expected 1 or more, got {value}")
    return n


def window(value: Any) -> int:
    """A whole number of bars, 2 or more."""
    n = whole(value)
    if n < 2:
        raise ValueError(f"expected 2 bars or more, got {value}")
    return n


def positive(value: Any) -> float:
    """A number above 0."""
    plain = number(value)
    if plain <= 0.0:
        raise ValueError(f"expected a number above 0, got {value}")
    return plain


def amount(value: Any) -> float:
    """A number, 0 or more."""
    plain = number(value)
    if plain < 0.0:
        raise ValueError(f"expected 0 or more, got {value}")
    return plain
