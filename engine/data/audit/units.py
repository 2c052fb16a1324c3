"""Prices a hundredfold (tenfold, a thousandfold) off: inside one bar, and as the size of a move."""

from __future__ import annotations

import math

import numpy as np

from engine.data.audit.kinds import Bars, Finding
from engine.types import Bools, Floats

HUNDRED, THOUSAND, TEN = math.log(100.0), math.log(1000.0), math.log(10.0)
LOOSE = 0.3  # log: nothing else moves a price a hundredfold
TENFOLD = 0.03  # log: but tenfold things happen
INSIDE = math.log(20.0)  # no bar reaches from its low to twenty times it


def exactly(size: float) -> float:
    """The factor, 10, 100 or 1000 or one of their inverses, that a move of `size` (log) is."""
    whole = min((10.0, 100.0, 1000.0), key=lambda factor: abs(abs(size) - math.log(factor)))
    return whole if size > 0.0 else 1.0 / whole


def unit_of(size: float, slack: float) -> str:
    """How a move of `size` (log) is said if it is one of units, within `slack`; "" if it is none."""
    for factor, name in ((HUNDRED, "100"), (THOUSAND, "1000")):
        if abs(abs(size) - factor) <= max(slack, 0.1):
            return f"x{name}" if size > 0.0 else f"/{name}"
    if abs(abs(size) - TEN) <= TENFOLD + min(slack, 0.05) and slack < LOOSE:
        return "x10" if size > 0.0 else "/10"
    return ""


def inside(bars: Bars) -> tuple[list[Finding], Floats, Bools]:
    """Bars some of whose prices are of another unit than the rest; (T,) closes with that mended, and the rows it explains.

    What the close was before, or is after, says which of the prices are off.
    """
    close = bars.close.copy()
    marked = np.zeros(len(bars), np.bool_)
    grid = np.array(bars.prices)
    grid[~(grid > 0.0)] = np.nan
    with np.errstate(invalid="ignore"):
        top, bottom = np.fmax.reduce(grid), np.fmin.reduce(grid)
        wide = np.flatnonzero(np.log(top / bottom) > INSIDE)
    out = []
    for row in wide.tolist():
        level = level_at(close, row)
        if not level > 0.0:
            continue
        names = {name for value in grid[:, row] if value > 0.0 and (name := unit_of(math.log(value / level), LOOSE))}
        if not names:
            continue
        marked[row] = True
        size = math.log(close[row] / level) if close[row] > 0.0 else 0.0
        if unit_of(size, LOOSE):
            close[row] /= math.exp(math.copysign(round(abs(size) / HUNDRED) * HUNDRED, size))
        stamp = int(bars.stamp[row])
        out.append(
            Finding(
                "unit", stamp, stamp, 1, math.exp(size), f"{' and '.join(sorted(names))} in part of a bar", "inside"
            )
        )
    return out, close, marked


def level_at(close: Floats, row: int) -> float:
    """The median of the closes around a row; NaN if there is none."""
    near = np.concatenate((close[max(0, row - 5) : row], close[row + 1 : row + 6]))
    near = near[near > 0.0]
    return float(np.median(near)) if len(near) else float("nan")
