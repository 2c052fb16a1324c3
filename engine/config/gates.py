"""How sure a forecast must be: a number in its own unit, or a share of the same name's last forecasts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from engine.config import units
from engine.config.loader import describe

MOST = 10_000  # forecasts of a name that a rule keeps: eight bytes each, and checkpoints carry them
EXAMPLE = "top 10% trailing 252"
_TRAILING = re.compile(r"top\s+([0-9.]+\s*%)\s+trailing\s+([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Trailing:
    """`top 10% trailing 252`: among the highest tenth of the name's last 252 forecasts, the lowest for a short."""

    share: float  # above 0, 1 at most
    window: int

    def __str__(self) -> str:
        return f"top {self.share * 100.0:.15g}% trailing {self.window}"


def gate(value: Any) -> float | Trailing:
    """A plain number, or the Trailing of such a text."""
    if isinstance(value, Trailing):
        return value
    if not isinstance(value, str) or not {"top", "trailing"} & set(value.casefold().split()):
        return units.number(value)
    found = _TRAILING.fullmatch(value)
    if found is None:
        raise ValueError(f"expected a number such as 0.7, or {EXAMPLE}, got {describe(value)}")
    share, window = units.share(found.group(1)), int(found.group(2))
    if share == 0.0:
        raise ValueError(f"{value} lets no forecast in; expected more than 0%")
    if not 2 <= window <= MOST:
        raise ValueError(f"expected 2 to {MOST} forecasts to compare with, got {window}")
    return Trailing(share, window)


def at_odds(enter: float | Trailing, leave: float | Trailing) -> str | None:
    """Why nothing that entered by one gate can be held by the other; None where it can. `{there}` is the place of the first."""
    if isinstance(enter, Trailing) and isinstance(leave, Trailing):
        if leave.window != enter.window:
            return f"{leave} and confidence {enter}{{there}} look back differently; expected trailing {enter.window}"
        if leave.share < enter.share:
            return _at_once(f"{leave} is narrower than", f"{enter}", f"at least {enter.share * 100.0:.15g}%")
        return None
    if isinstance(enter, Trailing):
        return f"{leave} is a number, and confidence {enter}{{there}} a share; expected such as top 50% trailing {enter.window}"
    if isinstance(leave, Trailing):
        return f"{leave} is a share, and confidence {enter:g}{{there}} a number; expected a number of at most {enter:g}"
    return _at_once(f"{leave:g} is above", f"{enter:g}", f"at most {enter:g}") if leave > enter else None


def _at_once(how: str, enter: str, expected: str) -> str:
    return f"{how} confidence {enter}{{there}}: a position would leave as soon as it entered; expected {expected}"


_SCHEMA = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^top +[0-9.]+ *% +trailing +[0-9]+$"}]}
Gate = Annotated[float | Trailing, BeforeValidator(gate), WithJsonSchema(_SCHEMA)]
