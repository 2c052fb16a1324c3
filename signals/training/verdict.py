"""The first line about a model: whether it beats every baseline beyond chance. A table and an evaluation say it alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from engine.types import Bools, Floats
from signals.training import intervals, paired
from signals.training.intervals import Interval

Judged = tuple[str, str, bool]  # the measure, how it is shown, whether less is better
Measures = Mapping[str, float]


def verdict(
    judged: Judged,
    seeds: Sequence[Measures],
    beside: Mapping[str, Measures],
    against: Mapping[str, Mapping[str, Interval]],
    constant: str = "",
) -> tuple[bool | None, str]:
    """Whether the mean of the seeds beats every baseline beyond chance (None: none was fitted), and the line that says so.

    `beside` has the baselines' measures, `against` the paired differences of the model less each of them; `constant` says
    what a classifier says of every row, "" where it does not.
    """
    name, how, less = judged
    mine = float(np.mean([s[name] for s in seeds]))
    if math.isnan(mine):
        return False, f"Nothing can be said for this model: {name} is not defined for its forecasts."
    if not beside:
        said = f"{name} {how.format(mine)}; no baseline was fitted, so nobody knows whether it is worth having."
        return None, f"This classifier is {constant}. {said}" if constant else said
    known = {key: one[name] for key, one in beside.items() if math.isfinite(one[name])}
    if not known:
        return None, f"{name} {how.format(mine)}; it is not defined for any baseline."
    best = (min if less else max)(known, key=lambda key: known[key])
    numbers = f"{name} {how.format(mine)} against {how.format(known[best])} of {best}"
    numbers += difference(against[best].get(name, intervals.unknown()), how)
    ahead = mine < known[best] if less else mine > known[best]
    sure = all(paired.better(one.get(name, intervals.unknown()), less) == "first" for one in against.values())
    if constant:
        return False, f"This classifier is {constant}. It does NOT beat the baselines: {numbers}."
    if not ahead:
        return False, f"The model does NOT beat the baselines: {numbers}."
    if not sure:
        return False, f"The model is NOT shown to beat the baselines: ahead, but no more than chance allows: {numbers}."
    return True, f"The model beats every baseline, beyond chance: {numbers}."


def difference(gap: Interval, how: str) -> str:
    """A difference and its interval in brackets; "" where it is not known."""
    if not math.isfinite(gap.low):
        return ""
    signed = how if "+" in how else how.replace("{:", "{:+")
    return f" (difference {signed.format(gap.value)}, 95 % {signed.format(gap.low)} to {signed.format(gap.high)})"


def constant(p: Floats, rises: Bools) -> list[str]:
    """What of (S,) probabilities shows a classifier that says the same of every row; [] where nothing does."""
    out = []
    n = len(p)
    if n and ((p >= 0.5).all() or (p < 0.5).all()):
        word = "up" if p[0] >= 0.5 else "down"
        came = int(rises.sum()) if word == "up" else int((~rises).sum())
        out.append(
            f"constant: it says {word} on all {n:,} rows; {came:,} went {word}, and its accuracy is that share and nothing else"
        )
    if n > 1 and float(np.ptp(p)) < 1e-9:
        out.append("flat: every probability is the same number")
    return out
