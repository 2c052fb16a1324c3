"""Switches on the account: when one latches, and when it lets go."""

from __future__ import annotations

from tests.reference.account import TINY, State


def switching(state: State) -> None:
    """Nothing; resumes switches whose time has come, then latches those whose threshold is reached."""
    for switch, latch in zip(state.config.switches, state.latches):
        if latch.since is not None and resumes(state, switch.resume, latch.since):
            latch.since, latch.peak = None, state.equity
        if latch.since is not None:
            continue
        latch.peak = max(latch.peak, state.equity)
        before = latch.peak if switch.kind == "max_drawdown" else state.previous_day_equity
        if 1 - state.equity / before >= switch.at - TINY:
            latch.since = state.t


def resumes(state: State, resume: str | int, since: int) -> bool:
    """Whether a switch that latched at this slice is released now."""
    if resume == "never":
        return False
    if resume == "next day":
        return state.market.day[state.t] > state.market.day[since]
    return state.t - since >= int(resume)
