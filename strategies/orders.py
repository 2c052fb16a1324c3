"""The rule `orders`: explicit orders from a file, each decided on the bar whose date it carries. docs/step.md has the rest.

What one would write in a Python strategy's orders(now), known beforehand: the run is the compiled one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.contracts import Rule
from engine.shapes import Day, View
from engine.signatures import DECIDE
from engine.types import Bools, Codes, Floats, Ints

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.rules import OrderFile


@njit(DECIDE)
def decide(
    t: int,
    day: Day,
    equity: float,
    cash: float,
    view: View,
    has_bar: Bools,
    member: Bools,
    tradable: Bools,
    sector: Ints,
    symbol_rank: Ints,
    forecasts: Floats,
    params: Floats,
    state: Floats,
    target: Floats,
    codes: Codes,
) -> int:
    """No target for anybody; names say why, and the orders of the file, written after this, say more."""
    for i in range(codes.shape[0]):
        if not has_bar[i]:
            codes[i] |= np.uint32(c.NO_BAR_NOW)
        else:
            codes[i] |= np.uint32(c.UNDECIDED if member[i] else c.NOT_MEMBER)
    return 0


def build(config: Config, n: int, unit: str) -> Rule:
    """The rule as the engine runs it; it reads the file of orders itself."""
    said = cast("OrderFile", config.strategy)
    return Rule(kernel=decide, params=np.zeros(1), state=np.full((1, 1), np.inf), signals=(), orders=said.path)
