"""Stretches of dates and of wall time, as a recipe says them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from engine.config.loader import describe
from signals.training.splits import Length

_LENGTH = re.compile(r"([0-9]{1,6})\s+(year|month|bar)s?")
_TIME = re.compile(r"([0-9]{1,12})\s+(second|minute|hour)s?")
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
ENDLESS = 1e9  # seconds


def length(value: Any) -> Length:
    """A stretch of dates: 8 years, 6 months, 500 bars."""
    if isinstance(value, Length):
        return value
    found = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found.group(1)) < 1:
        raise ValueError(f"expected a length such as 8 years, 6 months or 500 bars, got {describe(value)}")
    count = int(found.group(1)) * (12 if found.group(2) == "year" else 1)
    return Length(count, "bars" if found.group(2) == "bar" else "months")


def seconds(value: Any) -> float:
    """Wall time: 90 seconds, 30 minutes, 2 hours; as seconds."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected a time such as 30 minutes or 2 hours, got {describe(value)}")
    if not int(found.group(1)):
        raise ValueError(f"expected a time above 0, such as 30 minutes, got {describe(value)}")
    return int(found.group(1)) * _SECONDS[found.group(2)]


Stretch = Annotated[Length, BeforeValidator(length)]
Wall = Annotated[float, BeforeValidator(seconds)]
