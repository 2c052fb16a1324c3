"""Where a session's equity stands within its cone, as facts and as one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.live.course import Days

LOW, HIGH = 5.0, 95.0  # percent: outside is below the one or above the other
REACH = 1.6448536269514722  # standard deviations of the 95th percentile
NONE = (
    "no cone: no backtest was named when the session was opened (--backtest RUN), and its warm-up is too short for one"
)
Place = dict[str, Any]


def placed(cone: Mapping[str, Any] | None, days: Days) -> Place:
    """Where equity stands: days since the start, growth, its percentile in the cone, inside or not and since when, and `said`."""
    out: Place = {"days": len(days), "source": None if cone is None else cone["source"]}
    if cone is None:
        return out | {"said": NONE}
    horizon = cone["growth"].shape[1]
    out |= {"horizon": horizon, "needed": needed(cone)}
    count = min(len(days), horizon)
    if not count:
        return out | {"said": f"no day has ended yet; the cone is drawn from {source(cone)}"}
    growth = days.equity[:count] / days.base
    now = float(growth[-1])
    outside = beyond(cone, growth)
    out |= {"growth": now, "percentile": percentile(cone, count, now), "inside": not outside[-1]}
    out |= {"since": since(outside, days), "strayed": float(cone["strayed"][count - 1])}
    return out | {"said": sentence(cone, out, len(days))}


def beyond(cone: Mapping[str, Any], growth: np.ndarray) -> np.ndarray:
    """(D,) whether growth was outside the band after each day."""
    low, high = (cone["growth"][cone["levels"].index(level), : len(growth)] for level in (LOW, HIGH))
    return np.asarray(~((growth >= low) & (growth <= high)))


def percentile(cone: Mapping[str, Any], day: int, growth: float) -> float:
    """Percent of the cone's paths below `growth` after `day` days, between its quantiles on a line; 0 or 100 beyond the last."""
    levels, line = cone["levels"], cone["growth"][:, day - 1]
    if not growth >= line[0]:
        return 0.0
    return 100.0 if growth > line[-1] else float(np.interp(growth, line, levels))


def since(outside: np.ndarray, days: Days) -> str | None:
    """The date of the first day of the stretch outside that lasts; None inside."""
    if not outside[-1]:
        return None
    inside = np.flatnonzero(~outside)
    first = int(inside[-1]) + 1 if len(inside) else 0
    return str(np.datetime64(int(days.times[first]), "ns"))[:10]


def needed(cone: Mapping[str, Any]) -> float | None:
    """Days after which a strategy that earns nothing is below the 5th percentile half of the time; None: never.

    After h days the cone's logarithm has mean m h and variance s^2 h (1 + h / T), s^2 / T being the squared error of m over
    the backtest's T days, so that the 5th percentile is above 0 from h = T / (m^2 / (1.645 error)^2 - 1) on.
    """
    drift, reach = float(cone["drift"]), REACH * float(cone["error"])
    if not drift > reach > 0.0:
        return None
    return math.ceil(int(cone["returns"]) / ((drift / reach) ** 2 - 1.0))


def source(cone: Mapping[str, Any]) -> str:
    """Of what a cone is drawn, in words."""
    late = f", drawn after {cone['slices']:,} slices" if cone.get("slices") else ""
    return f"{cone['source']}, {cone['first']} to {cone['last']}, {cone['returns']:,} days{late}"


def sentence(cone: Mapping[str, Any], place: Place, days: int) -> str:
    """One sentence on where equity stands, and one on how much that can tell."""
    horizon = place["horizon"]
    at = (
        f"after {days:,} day{'' if days == 1 else 's'}"
        if days <= horizon
        else f"after {horizon:,} days, where the cone ends (it is day {days:,})"
    )
    edge = {0.0: "below the 1st percentile", 100.0: "above the 99th percentile"}
    rank = edge.get(place["percentile"], f"at the {ordinal(round(place['percentile']))} percentile")
    word = f"inside {at};" if place["inside"] else f"outside since {place['since']}; {at}"
    told = f"{word} equity is {rank} of what the backtest's own returns give ({source(cone)})"
    if not place["inside"]:
        told += f"; of such futures {place['strayed']:.0%} were outside at least once by then"
    if place["needed"] is None:
        able = "no number of days would tell it from a strategy that earns nothing: the backtest itself may be luck"
    else:
        able = f"a strategy that earns nothing would need {place['needed']:,} days to fall outside half of the time"
    return ". ".join([f"{told}; {able}", *cone.get("notes", [])])


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th ..."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
