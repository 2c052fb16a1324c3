"""What foretold prices would have earned by the plainest rule: long while a rise is foretold that is large enough."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.types import Bools, Floats
from signals.training.material import Material


class Longs(NamedTuple):
    """Sharpe ratio a year before any cost, and its standard error (Lo 2002); NaN where returns do not vary."""

    dates: int
    held: float  # share of the cells
    sharpe: float
    error: float


def longs(made: Material, forecast: Floats, last: Floats, cells: Bools, gate: float = 0.0) -> Longs:
    """Long, in equal parts, what is foretold to rise by more than `gate` (a fraction of its last price), flat else.

    `forecast` and `last` are (T, N) prices; a cell whose return is not known is left out.
    """
    there = cells & np.isfinite(made.labels.returns)
    rows = np.flatnonzero(there.any(axis=1))
    if not len(rows):
        return Longs(0, math.nan, math.nan, math.nan)
    chosen = forecast > last * (1.0 + gate)
    earned = np.where(there & chosen, made.labels.returns, 0.0)[rows].sum(axis=1) / there[rows].sum(axis=1)
    held = float(chosen[there].mean())
    sd = float(earned.std(ddof=1)) if len(earned) > 1 else 0.0
    years = float((made.dates[rows[-1]] - made.dates[rows[0]]).astype(np.int64)) / 365.25 if len(rows) > 1 else 0.0
    if sd <= 0.0 or years <= 0.0:
        return Longs(len(rows), held, math.nan, math.nan)
    each, a_year = float(earned.mean()) / sd, math.sqrt(len(earned) / years)
    error = math.sqrt((1.0 + each * each / 2.0) / len(earned))
    return Longs(len(rows), held, each * a_year, error * a_year)
