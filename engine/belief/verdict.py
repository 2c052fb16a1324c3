"""The verdict on a run: the first rule that applies, in this order. The rules were fixed before any of their tests was run.

nothing    there is no Sharpe ratio: nothing was run, or equity never moved
ruin       equity fell to zero or below
in_sample  the forecasts are known to have seen these data
chance     the best of several trials, whose deflated Sharpe is below 95 % though the probabilistic one is not, or
           whose Sharpe is no higher than the best of so many reaches by chance
short      less than a year, whatever it shows
loss       a Sharpe ratio of 0 or less
short      a probabilistic Sharpe below 95 %: the record is shorter than such a Sharpe ratio needs
fragile    it loses under another order of prices inside the bar, or nothing is left at a commission of 5 bps a side
stands     none of these
"""

from __future__ import annotations

from typing import NamedTuple

CONFIDENT = 0.95
SHORTEST = 1.0  # years; whatever a shorter record shows, it has seen one season
LEAST_COST = 0.0005  # a side: what trading costs where it is cheap
VERDICTS = ("nothing", "ruin", "in_sample", "chance", "short", "loss", "fragile", "stands")


class Evidence(NamedTuple):
    """What a verdict rests on; None is not known. Sharpe ratios are annual, costs are per side, of value."""

    sharpe: float | None
    psr: float | None
    years: float
    trials: int
    dsr: float | None
    hurdle: float | None
    ruined: bool = False
    in_sample: bool | None = None
    worst_return: float | None = None  # total return under the worst intrabar order
    break_even: float | None = None  # the commission at which nothing is left; None: not known, or none


def verdict(e: Evidence) -> str:
    """One of VERDICTS."""
    if e.ruined:
        return "ruin"
    if e.sharpe is None:
        return "nothing"
    if e.in_sample:
        return "in_sample"
    if e.sharpe > 0.0 and e.trials > 1 and e.dsr is not None and e.dsr < CONFIDENT:
        by_length = e.psr is not None and e.psr >= CONFIDENT
        if by_length or (e.hurdle is not None and e.sharpe <= e.hurdle):
            return "chance"
    if e.years < SHORTEST:
        return "short"
    if e.sharpe <= 0.0:
        return "loss"
    if e.psr is None or e.psr < CONFIDENT:
        return "short"
    if e.worst_return is not None and e.worst_return <= 0.0:
        return "fragile"
    if e.break_even is not None and e.break_even < LEAST_COST:
        return "fragile"
    return "stands"
