"""Two accounts beside each other: the difference of their returns day by day, and whether it is more than chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.errors import DataError
from engine.live.course import Days

YEAR_NS = 365.25 * 86_400e9
REPS, LEVEL, SEED = 1000, 0.95, 0
SURE = 1.959964  # standard errors of a 95 % interval
UNDECIDED = "cannot tell yet"
Contrast = dict[str, Any]


def contrasted(first: Days, other: Days) -> Contrast:
    """How `other` did beside `first` on the days that both have: per year, with a paired block-bootstrap interval of 95 %.

    `verdict` is better, worse, the same, or `cannot tell yet` where the interval spans zero or there are too few days. `needed`:
    days until a difference that stays as it is would be told.
    """
    _, one, two = np.intersect1d(first.numbers, other.numbers, return_indices=True)
    gaps = other.returns[two] - first.returns[one]
    gaps = gaps[np.isfinite(gaps)]
    out: Contrast = {"days": len(gaps), "grown": None, "difference": None, "low": None, "high": None, "needed": None}
    out["verdict"] = UNDECIDED
    if len(gaps):
        ends = (float(days.equity[at[-1]] / days.base) for days, at in ((other, two), (first, one)))
        out["grown"] = next(ends) - next(ends)
    if len(gaps) < 2 or not gaps.any():
        return out | {"verdict": "the same" if len(gaps) > 1 else UNDECIDED}
    try:
        found = interval(gaps)
    except DataError:
        return out
    rate = (len(one) - 1) * YEAR_NS / float(first.times[one[-1]] - first.times[one[0]])
    out |= {"difference": found.value * rate, "low": found.low * rate, "high": found.high * rate}
    if found.low > 0.0 or found.high < 0.0:
        out["verdict"] = "better" if found.low > 0.0 else "worse"
    elif found.value != 0.0:
        out["needed"] = math.ceil(len(gaps) * (SURE * found.error / found.value) ** 2)
    return out


def interval(gaps: np.ndarray) -> Any:
    """The bootstrap interval of the mean of paired differences; DataError for too few."""
    from engine.luck import tools

    return tools().mean_interval(gaps, REPS, LEVEL, SEED)


def sentence(first: str, other: str, told: Contrast) -> str:
    """The contrast in one line."""
    days = f"{told['days']:,} day{'' if told['days'] == 1 else 's'}"
    if told["verdict"] == "the same":
        return f"{other} against {first}: the same returns on {days}"
    grown = "" if told["grown"] is None else f"{100.0 * told['grown']:+.2f} points since the start, "
    if told["low"] is None:
        return f"{other} against {first}: {grown}{UNDECIDED}: {days}"
    span = f"{told['difference']:+.1%} a year, 95 % from {told['low']:+.1%} to {told['high']:+.1%}, on {days}"
    if told["verdict"] != UNDECIDED:
        return f"{other} against {first}: {grown}{span}: {told['verdict']}, more than chance"
    more = f"; a difference that stays so would need {told['needed']:,} days" if told["needed"] else ""
    return f"{other} against {first}: {grown}{span}: {UNDECIDED}{more}"
