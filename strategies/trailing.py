"""Where a forecast stands among the same name's last ones: the record behind a gate such as `top 10% trailing 252`.

The record is rows of the rule's state, so that whatever carries the state carries it: a ring of the last `window` forecasts
by name and how many there have been, and beside them what a slice needs of it. Before a name has had `window` forecasts its
places are partly NaN, which lie neither below nor above anything.
"""

from __future__ import annotations

import math

import numpy as np

from engine.compiled import njit
from engine.types import Bools, Floats

COUNT, BELOW, ABOVE, UNDER, OVER, RECORD = range(4, 10)  # rows of the state, after the rule's own; the ring is the last


@njit(forceinline=True)
def place(forecast: Floats, window: int, state: Floats) -> None:
    """Write how many of each name's last `window` forecasts lie below and above the one in (N,) `forecast`, and the nearest
    on either side (infinite where there is none).

    Row by row and one thing at a time: such loops run in vector registers, at a tenth of the time of one loop with branches.
    """
    n = forecast.shape[0]
    below, above, under, over = state[BELOW], state[ABOVE], state[UNDER], state[OVER]
    for i in range(n):
        below[i], above[i], under[i], over[i] = 0.0, 0.0, -np.inf, np.inf
    for k in range(window):
        past = state[RECORD + k]
        for i in range(n):
            below[i] += 1.0 if past[i] < forecast[i] else 0.0
        for i in range(n):
            above[i] += 1.0 if past[i] > forecast[i] else 0.0
        for i in range(n):
            lower = past[i] if past[i] < forecast[i] else -np.inf
            under[i] = lower if lower > under[i] else under[i]
        for i in range(n):
            higher = past[i] if past[i] > forecast[i] else np.inf
            over[i] = higher if higher < over[i] else over[i]


@njit(forceinline=True)
def remember(forecast: Floats, has_bar: Bools, window: int, state: Floats) -> None:
    """Put every forecast that is known, of a name with a bar, in the place of the oldest."""
    for i in range(forecast.shape[0]):
        if has_bar[i] and not math.isnan(forecast[i]):
            state[RECORD + int(state[COUNT, i]) % window, i] = forecast[i]
            state[COUNT, i] += 1.0


@njit(forceinline=True)
def share_beyond(i: int, side: float, window: int, state: Floats) -> float:
    """Share of name `i`'s last forecasts that today's lies strictly above (side 1), or strictly below (side -1)."""
    return float(state[BELOW if side > 0.0 else ABOVE, i] / window)


@njit(forceinline=True)
def step_down(i: int, side: float, level: float, window: int, state: Floats) -> tuple[float, int]:
    """(next of the recorded forecasts below `level`, how many are equal to it), all times `side`."""
    found, count = -np.inf, 0
    for k in range(window):
        past = side * state[RECORD + k, i]
        if past < level:
            if past > found:
                found, count = past, 1
            elif past == found:
                count += 1
    return found, count


@njit()
def way_to_flip(i: int, side: float, forecast: float, need: int, window: int, state: Floats, most: float) -> float:
    """How far the forecast is from the one at which "more than `need` - 1 of the last lie beyond" turns, in its own unit.

    That one is the need-th of the record, counted from the far side. It is looked for outward from the forecast, and no
    further than `most`: beyond that some number of at least `most` is given.
    """
    if need <= 0:
        return np.inf
    beyond = int(state[BELOW if side > 0.0 else ABOVE, i])
    nearest = state[UNDER, i] if side > 0.0 else -state[OVER, i]
    here, level = side * forecast, side * forecast
    if beyond >= need:  # it turns where the forecast comes down to that level
        if here - nearest >= most:
            return float(here - nearest)
        while beyond >= need and here - level < most:
            level, count = step_down(i, side, level, window, state)
            beyond -= count
        return here - level
    left = int(state[ABOVE if side > 0.0 else BELOW, i])  # on the near side
    nearest = state[OVER, i] if side > 0.0 else -state[UNDER, i]
    if window - left >= need:
        return 0.0  # ties alone keep it out
    if nearest - here >= most:
        return float(nearest - here)
    while window - left < need and level - here < most:
        down, count = step_down(i, -side, -level, window, state)
        level, left = -down, left - count
    return level - here
