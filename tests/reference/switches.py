"""Switches on the account: when one latches, and when it lets go."""

from __future__ import annotations

import math

from tests.reference.account import TINY, Latch, State
from tests.reference.interface import Switch
from tests.reference.measures import deviation


def switching(state: State) -> None:
    """Nothing; resumes switches whose time has come, then latches those whose threshold is reached."""
    for switch, latch in zip(state.config.switches, state.latches):
        if latch.since is not None and resumes(state, switch.resume, latch.since):
            latch.since, latch.peak = None, state.equity
            latch.first, latch.lost = state.t + 1, 0
        if latch.since is None and trips(state, switch, latch):
            latch.since = state.t


def resumes(state: State, resume: str | int, since: int) -> bool:
    """Whether a switch that latched at this slice is released now."""
    if resume == "never":
        return False
    if resume == "next day":
        return state.market.day[state.t] > state.market.day[since]
    return state.t - since >= int(resume)


def trips(state: State, switch: Switch, latch: Latch) -> bool:
    """Whether this slice's mark reaches the switch's threshold."""
    if switch.kind == "max_drawdown":
        latch.peak = max(latch.peak, state.equity)
        return 1 - state.equity / latch.peak >= switch.at - TINY
    if switch.kind == "daily_loss":
        return 1 - state.equity / state.previous_day_equity >= switch.at - TINY
    if switch.kind == "sigma_loss":
        return unusual_loss(counted_returns(state, latch), switch)
    if switch.kind == "rolling_sharpe":
        return poor_sharpe(counted_returns(state, latch), switch, state.config.bars_per_year)
    return losing(state, switch, latch)


def counted_returns(state: State, latch: Latch) -> list[float]:
    """The account's marked returns since the switch last let go; the very first is against the capital."""
    marks = [state.config.capital, *state.marked]
    return [marks[t + 1] / marks[t] - 1 for t in range(latch.first, state.t + 1)]


def unusual_loss(returns: list[float], switch: Switch) -> bool:
    """Whether the last return is at or below -at standard deviations of the `window` returns before it."""
    if len(returns) < switch.window + 1 or switch.window < 2:
        return False
    own = deviation(returns[-switch.window - 1 : -1])
    return own > 0 and returns[-1] <= -(switch.at - TINY) * own


def poor_sharpe(returns: list[float], switch: Switch, bars_per_year: float) -> bool:
    """Whether the annualised Sharpe ratio of the last `window` returns is at or below `at`."""
    if len(returns) < switch.window or switch.window < 2:
        return False
    last = returns[-switch.window :]
    own = deviation(last)
    return own > 0 and sum(last) / len(last) / own * math.sqrt(bars_per_year) <= switch.at + TINY


def losing(state: State, switch: Switch, latch: Latch) -> bool:
    """Whether `at` days in a row have closed below the close of the day before; judged on a day's last slice."""
    if not state.market.last_of_day[state.t] or state.t < latch.first:
        return False
    latch.lost = latch.lost + 1 if state.equity < state.previous_day_equity else 0
    return latch.lost >= switch.at
