"""A reported figure is an interval: what was written down stands for every number that rounds to it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from typing import NamedTuple

from engine.errors import DataError

NUMBER = re.compile(r"(~?)\s*([-+−]?)\s*(\d*\.?\d+|\d+\.)(?:[eE]([-+]?\d+))?\s*(%|k|K|M|bps)?\Z")
SCALE = {"%": 1e-2, "bps": 1e-4, "k": 1e3, "K": 1e3, "M": 1e6, None: 1.0}
ABOUT = 0.1  # a figure with ~ is meant within this share of itself
SLACK = 1e-9  # of the binary numbers that decimal ones become


class Figure(NamedTuple):
    """All numbers from `low` to `high`; `said` is how it was written."""

    low: float
    high: float
    said: str = ""

    @property
    def middle(self) -> float:
        return 0.5 * (self.low + self.high)

    def meets(self, other: Figure) -> bool:
        """Whether one number is in both."""
        near = SLACK * max(1.0, abs(self.low), abs(other.low))
        return self.low <= other.high + near and other.low <= self.high + near


def figure(text: str, where: str) -> Figure:
    """What a number as written stands for: 0.13 is 0.125 to 0.135, 52.3% is 52.25 to 52.35 %, ~250k is within a tenth."""
    found = NUMBER.match(text.strip().replace(",", "").replace("_", ""))
    if found is None:
        raise DataError(f"{where}: expected a number such as 0.1278, 52.3% or ~250k, got {text!r:.60}")
    about, sign, digits, power, unit = found.groups()
    decimals = len(digits.partition(".")[2])
    scale = SCALE[unit] * float(f"1e{power or 0}")
    value, half = float(digits) * scale, 0.5 * 10.0**-decimals * scale
    if not math.isfinite(value) or not math.isfinite(half):
        raise DataError(f"{where}: {text!r:.60} is too large to be a figure")
    if about:
        half = max(half, ABOUT * value)
    if sign in ("-", "−"):
        value = -value
    return Figure(value - half, value + half, text.strip())


def exactly(value: float, said: str = "") -> Figure:
    return Figure(value, value, said or f"{value:g}")


def over(formula: Callable[..., float], *figures: Figure) -> Figure:
    """What a formula gives that is monotone in each of its arguments: its extremes are at the corners."""
    values = [formula(*corner) for corner in itertools.product(*((one.low, one.high) for one in figures))]
    known = [value for value in values if not math.isnan(value)]
    return Figure(min(known), max(known)) if known else Figure(-math.inf, math.inf)


def whole(share: Figure, n: int) -> bool:
    """Whether some k / n lies in `share`, for a whole k from 0 to n."""
    near = SLACK * n
    first = max(0, math.ceil(share.low * n - near))
    return first <= min(n, math.floor(share.high * n + near))


def shown(value: float) -> str:
    """A computed bound in four digits."""
    return f"{value:.4g}"


def between(one: Figure) -> str:
    """A computed figure as people read it."""
    if one.high - one.low <= 1e-3 * max(abs(one.middle), 1e-12):
        return shown(one.middle)
    return f"{shown(one.low)} to {shown(one.high)}"
