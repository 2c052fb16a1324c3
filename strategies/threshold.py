"""threshold: enter when the forecast is confident, leave when it no longer is, and hold in between.

A position gets `size` of equity at the decision and is left alone until it leaves. Free slots are max_positions less the
positions held and the entries still on their way; the most confident candidates take them, ties by symbol.

What is held against `confidence` is the forecast, or, where that is `top 10% trailing 252`, the share of the name's last 252
forecasts that it lies beyond. Confidence among candidates is the forecast in either case.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.contracts import Rule
from engine.shapes import Day, View
from engine.signatures import DECIDE
from engine.types import Bools, Codes, Floats, Ints
from strategies.trailing import COUNT, RECORD, place, remember, share_beyond, way_to_flip

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.rules import Threshold

CONFIDENCE, EXIT_CONFIDENCE, SIZE, SLOTS, LONG, SHORT, COOLDOWN, PROBABILITY, DELAY, WINDOW, N_PARAMS = range(11)
SLACK = 1e-12  # in floats 1 - 0.32 is below 0.68
MARGIN, STRENGTH, SIDE, ARRIVES, N_STATE = range(5)  # rows of the state; a record follows


@njit(forceinline=True)
def narrow(state: Floats, margin: float) -> None:
    """Remember the smallest distance a decision has had from flipping."""
    if abs(margin) < state[MARGIN, 0]:
        state[MARGIN, 0] = abs(margin)


@njit(forceinline=True)
def passes(i: int, side: float, gate: float, forecast: float, mirror: float, params: Floats, state: Floats) -> bool:
    """Whether the forecast of name `i` reaches `gate` on this side; narrows the margin by how far it is from doing other."""
    window = int(params[WINDOW])
    if window == 0:
        confidence = forecast if side > 0.0 else mirror
        narrow(state, confidence - gate)
        return confidence >= gate - SLACK
    need = math.ceil((gate - SLACK) * window)
    narrow(state, way_to_flip(i, side, forecast, need, window, state, state[MARGIN, 0]))
    return share_beyond(i, side, window, state) >= gate - SLACK


@njit(forceinline=True)
def judge_held(i: int, forecast: float, mirror: float, view: View, params: Floats, state: Floats) -> int:
    """LEAVE or IN_POSITION for a held name with a forecast."""
    side = 1.0 if view.quantity[i] > 0.0 else -1.0
    return c.IN_POSITION if passes(i, side, params[EXIT_CONFIDENCE], forecast, mirror, params, state) else c.LEAVE


@njit(forceinline=True)
def judge_flat(t: int, i: int, forecast: float, mirror: float, view: View, params: Floats, state: Floats) -> int:
    """ENTER (as a candidate, its side and strength noted in the state) or why not, for a name not held."""
    long = params[LONG] != 0.0 and passes(i, 1.0, params[CONFIDENCE], forecast, mirror, params, state)
    short = params[SHORT] != 0.0 and passes(i, -1.0, params[CONFIDENCE], forecast, mirror, params, state)
    if not long and not short:
        return c.BELOW_CONFIDENCE
    if view.exit_t[i] >= 0 and t - view.exit_t[i] < params[COOLDOWN]:
        return c.COOLDOWN
    if long and short:
        long = forecast >= mirror
    state[SIDE, i] = 1.0 if long else -1.0
    state[STRENGTH, i] = forecast if long else mirror
    return c.ENTER


@njit(forceinline=True)
def fill_slots(
    t: int, free: int, candidates: int, symbol_rank: Ints, params: Floats, state: Floats, target: Floats, codes: Codes
) -> None:
    """Give the free slots to the most confident candidates, ties to the lower symbol; the others find them full."""
    for taken in range(candidates):
        best = -1
        for i in range(target.shape[0]):
            if state[SIDE, i] == 0.0:
                continue
            if (
                best < 0
                or state[STRENGTH, i] > state[STRENGTH, best]
                or (state[STRENGTH, i] == state[STRENGTH, best] and symbol_rank[i] < symbol_rank[best])
            ):
                best = i
        if taken >= free:
            break
        target[best] = state[SIDE, best] * params[SIZE]
        codes[best] |= np.uint32(c.ENTER)
        state[ARRIVES, best] = t + 1 + params[DELAY]
        state[SIDE, best] = 0.0
    for i in range(target.shape[0]):
        if state[SIDE, i] != 0.0:
            codes[i] |= np.uint32(c.SLOTS_FULL)


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
    """Write the targets of slice `t`: `size` with a sign to enter, 0 to leave, NaN to leave alone.

    Where a member with a bar is not tradable the rule only listens: its forecast goes on record, and nothing is decided.
    """
    busy, candidates, window = 0, 0, int(params[WINDOW])
    if window > 0:
        place(forecasts[0], window, state)
    for i in range(target.shape[0]):
        state[SIDE, i] = 0.0
        held = view.quantity[i] != 0.0
        under_way = not held and state[ARRIVES, i] > t
        if held or under_way:
            busy += 1
        forecast = forecasts[0, i]
        if not has_bar[i]:
            codes[i] |= np.uint32(c.NO_BAR_NOW)
        elif not member[i]:
            target[i] = 0.0
            codes[i] |= np.uint32(c.NOT_MEMBER)
        elif not tradable[i]:
            continue
        elif math.isnan(forecast):
            codes[i] |= np.uint32(c.NO_FORECAST)
        elif under_way:
            codes[i] |= np.uint32(c.IN_POSITION)
        elif window > 0 and state[COUNT, i] < window:
            codes[i] |= np.uint32(c.WARMING_UP)
        else:
            mirror = 1.0 - forecast if params[PROBABILITY] != 0.0 else -forecast
            if held:
                verdict = judge_held(i, forecast, mirror, view, params, state)
                codes[i] |= np.uint32(verdict)
                if verdict == c.LEAVE:
                    target[i] = 0.0
            else:
                verdict = judge_flat(t, i, forecast, mirror, view, params, state)
                if verdict == c.ENTER:
                    candidates += 1
                else:
                    codes[i] |= np.uint32(verdict)
    if candidates > 0:
        fill_slots(t, max(0, int(params[SLOTS]) - busy), candidates, symbol_rank, params, state, target, codes)
    if window > 0:
        remember(forecasts[0], has_bar, window, state)
    return 0


def least(gate: Any) -> float:
    """What is to be reached: a number in the forecast's unit, or a share of the last forecasts."""
    return 1.0 - float(gate.share) if hasattr(gate, "share") else float(gate)


def build(config: Config, n: int, unit: str) -> Rule:
    """The rule as the engine runs it: kernel, parameters, fresh state for `n` instruments."""
    s = cast("Threshold", config.strategy)
    params, window = np.zeros(N_PARAMS), int(getattr(s.confidence, "window", 0))
    params[CONFIDENCE], params[EXIT_CONFIDENCE] = least(s.confidence), least(s.exit_confidence)
    params[SIZE], params[SLOTS], params[COOLDOWN] = s.size, s.max_positions, s.cooldown
    params[LONG], params[SHORT] = s.side != "short", s.side != "long"
    params[PROBABILITY], params[DELAY], params[WINDOW] = unit == "probability", config.execution.delay, window
    state = np.zeros((RECORD + window if window else N_STATE, n))
    state[MARGIN], state[RECORD:] = np.inf, np.nan
    return Rule(kernel=decide, params=params, state=state, signals=(s.signal,), listens=window > 0)
