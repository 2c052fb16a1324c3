"""Sizers: inverse volatility and ATR, exposure, smoothing, vol target. Names with a NaN target are left alone by all of it."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.measures import ROUNDING
from engine.shapes import View
from engine.types import Codes, Floats
from risk.layout import (
    ATR,
    BARS_PER_YEAR,
    INVERSE,
    LONG,
    MULTIPLE,
    N_HEAD,
    RISK,
    SHORT,
    SMOOTHING,
    VOL_TARGET,
)

PAST = 20  # marked returns that the vol target looks at
SMOOTHED, RING = 0, 1  # state rows: smoothed targets; then PAST + 1 rows whose first column is past equity
LOW, HIGH = 0.5, 2.0
PROTECTIVE = np.uint32(c.STOPPED | c.TARGET | c.TRAILED | c.BREAK_EVEN | c.TIMED_OUT | c.FLATTENED)


@inner()
def share_by_volatility(measures: Floats, params: Floats, target: Floats) -> None:
    """Share each leg's total weight among its names in proportion to 1 / volatility; 0 where that is not known or 0."""
    row = int(params[INVERSE])
    for side in (1.0, -1.0):
        total, inverse = 0.0, 0.0
        for i in range(target.shape[0]):
            if target[i] * side > 0.0:
                total += target[i]
                if measures[row, i] > 0.0:
                    inverse += 1.0 / measures[row, i]
        for i in range(target.shape[0]):
            if target[i] * side > 0.0:
                target[i] = total * (1.0 / measures[row, i] / inverse) if measures[row, i] > 0.0 else 0.0


@inner()
def risk_per_trade(measures: Floats, params: Floats, target: Floats) -> None:
    """risk / (multiple x ATR / close), with the sign of the target; 0 where the ATR is not known."""
    row = int(params[ATR])
    for i in range(target.shape[0]):
        if math.isnan(target[i]) or target[i] == 0.0:
            continue
        size = 0.0
        if measures[row, i] > 0.0:
            size = params[RISK] / (params[MULTIPLE] * measures[row, i])
        target[i] = size if target[i] > 0.0 else -size


@inner()
def reduce(factor: float, target: Floats, codes: Codes) -> None:
    """Multiply every target by what the switches leave of it."""
    for i in range(target.shape[0]):
        if not math.isnan(target[i]) and target[i] != 0.0:
            target[i] *= factor
            codes[i] |= np.uint32(c.REDUCED)


@inner()
def expose(params: Floats, target: Floats) -> None:
    """Multiply long weights by the long exposure and short weights by the short one."""
    for i in range(target.shape[0]):
        if target[i] > 0.0:
            target[i] *= params[LONG]
        elif target[i] < 0.0:
            target[i] *= params[SHORT]


@inner()
def smooth(t: int, equity: float, view: View, params: Floats, state: Floats, target: Floats) -> None:
    """w = a x target + (1 - a) x previous smoothed target, per name; the first is unsmoothed.

    Below one lot the target given out is 0; remembered as 0 only when the raw target is 0 too, since a small name would
    otherwise never climb out. A protective exit puts the previous target to 0.
    """
    a = params[SMOOTHING]
    for i in range(target.shape[0]):
        if view.exit_t[i] == t and view.exit_code[i] & PROTECTIVE:
            state[SMOOTHED, i] = 0.0
        if math.isnan(target[i]):
            continue
        before, raw = state[SMOOTHED, i], target[i]
        if not math.isnan(before):
            target[i] = a * raw + (1.0 - a) * before
        state[SMOOTHED, i] = target[i]
        if abs(target[i]) * equity < params[N_HEAD + i] * view.mark[i] * (1.0 - 1e-9):
            target[i] = 0.0
            if raw == 0.0:
                state[SMOOTHED, i] = 0.0


@inner()
def vol_scale(t: int, equity: float, params: Floats, state: Floats) -> float:
    """target / annualised std (ddof 1) of the account's last 20 marked returns, within [.5, 2]; 1 before 20 exist."""
    size = PAST + 1
    state[RING + t % size, 0] = equity
    if t < PAST:
        return 1.0
    mean = 0.0
    for k in range(PAST):
        mean += state[RING + (t - k) % size, 0] / state[RING + (t - k - 1) % size, 0] - 1.0
    mean /= PAST
    total = 0.0
    for k in range(PAST):
        r = state[RING + (t - k) % size, 0] / state[RING + (t - k - 1) % size, 0] - 1.0
        total += (r - mean) * (r - mean)
    deviation = math.sqrt(total / (PAST - 1))
    if deviation <= ROUNDING:
        return HIGH
    return min(HIGH, max(LOW, params[VOL_TARGET] / (deviation * math.sqrt(params[BARS_PER_YEAR]))))
