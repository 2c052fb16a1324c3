"""Sizers and caps: exposure, smoothing, vol target, then max_weight, sector, net and gross. One compiled pass, in order.

Names with a NaN target are left alone by all of it, and are not in any cap's sum.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.contracts import Shaper
from engine.signatures import SHAPE, Day, View
from engine.types import Bools, Codes, Floats, Ints

if TYPE_CHECKING:
    from engine.config import Config
    from engine.types import Universe

(
    LONG,
    SHORT,
    SMOOTHING,
    VOL_TARGET,
    BARS_PER_YEAR,
    MAX_WEIGHT,
    MAX_SECTOR,
    MAX_NET,
    MAX_GROSS,
    SECTORS,
    N_HEAD,
) = range(11)  # then (N,) money per lot at price 1, i.e. lot x multiplier
PAST = 20  # marked returns that the vol target looks at
SMOOTHED, RING = 0, 1  # state rows: smoothed targets; then PAST + 1 rows whose first column is past equity
LOW, HIGH = 0.5, 2.0
SLACK = 1e-12  # a cap binds when it is exceeded by more than this
PROTECTIVE = np.uint32(c.STOPPED | c.TARGET | c.TRAILED | c.BREAK_EVEN | c.TIMED_OUT | c.FLATTENED)


@njit(forceinline=True)
def expose(params: Floats, target: Floats) -> None:
    """Multiply long weights by the long exposure and short weights by the short one."""
    for i in range(target.shape[0]):
        if target[i] > 0.0:
            target[i] *= params[LONG]
        elif target[i] < 0.0:
            target[i] *= params[SHORT]


@njit(forceinline=True)
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


@njit(forceinline=True)
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
    deviation = math.sqrt(total / (PAST - 1) * params[BARS_PER_YEAR])
    if deviation == 0.0:
        return HIGH
    return min(HIGH, max(LOW, params[VOL_TARGET] / deviation))


@njit(forceinline=True)
def cap_weight(params: Floats, target: Floats, codes: Codes) -> None:
    """Bound each |weight| by max_weight."""
    limit = params[MAX_WEIGHT]
    for i in range(target.shape[0]):
        if abs(target[i]) > limit + SLACK:
            target[i] = limit if target[i] > 0.0 else -limit
            codes[i] |= np.uint32(c.CAPPED)


@njit(forceinline=True)
def scale_where(factor: float, side: int, group: int, sector: Ints, target: Floats, codes: Codes) -> None:
    """Scale the targets of one side (0 both) in one sector (-2 all) by `factor`."""
    for i in range(target.shape[0]):
        if math.isnan(target[i]) or target[i] == 0.0:
            continue
        if (side == 0 or target[i] * side > 0.0) and (group == -2 or sector[i] == group):
            target[i] *= factor
            codes[i] |= np.uint32(c.CAPPED)


@njit(forceinline=True)
def cap_sectors(params: Floats, sector: Ints, target: Floats, codes: Codes) -> None:
    """Scale each sector whose sum of |weight| exceeds max_sector down to it; names without a sector are not capped."""
    for group in range(int(params[SECTORS])):
        total = 0.0
        for i in range(target.shape[0]):
            if sector[i] == group and not math.isnan(target[i]):
                total += abs(target[i])
        if total > params[MAX_SECTOR] + SLACK:
            scale_where(params[MAX_SECTOR] / total, 0, group, sector, target, codes)


@njit(forceinline=True)
def cap_net_and_gross(params: Floats, sector: Ints, target: Floats, codes: Codes) -> None:
    """Scale the heavier side until |net| is max_net, then everything until gross is max_gross."""
    longs, shorts = 0.0, 0.0
    for i in range(target.shape[0]):
        if target[i] > 0.0:
            longs += target[i]
        elif target[i] < 0.0:
            shorts -= target[i]
    limit = params[MAX_NET]
    if longs - shorts > limit + SLACK:
        scale_where((shorts + limit) / longs, 1, -2, sector, target, codes)
        longs = shorts + limit
    elif shorts - longs > limit + SLACK:
        scale_where((longs + limit) / shorts, -1, -2, sector, target, codes)
        shorts = longs + limit
    if longs + shorts > params[MAX_GROSS] + SLACK:
        scale_where(params[MAX_GROSS] / (longs + shorts), 0, -2, sector, target, codes)


@njit(SHAPE)
def shape(
    t: int,
    day: Day,
    equity: float,
    cash: float,
    view: View,
    has_bar: Bools,
    sector: Ints,
    params: Floats,
    state: Floats,
    target: Floats,
    codes: Codes,
) -> int:
    """Rescale and bound the targets of slice `t` in place."""
    expose(params, target)
    if params[SMOOTHING] != 1.0:
        smooth(t, equity, view, params, state, target)
    if not math.isnan(params[VOL_TARGET]):
        scale = vol_scale(t, equity, params, state)
        for i in range(target.shape[0]):
            target[i] *= scale
    cap_weight(params, target, codes)
    if not math.isnan(params[MAX_SECTOR]):
        cap_sectors(params, sector, target, codes)
    cap_net_and_gross(params, sector, target, codes)
    return 0


def build(config: Config, universe: Universe, bars_per_year: float) -> Shaper:
    """The sizers and caps of a run: kernel, parameters, fresh state."""
    n = len(universe)
    caps, sizing = config.caps, config.sizing
    params = np.empty(N_HEAD + n)
    params[LONG], params[SHORT] = config.exposure()
    params[SMOOTHING] = sizing.smoothing
    params[VOL_TARGET] = np.nan if sizing.vol_target is None else sizing.vol_target
    params[BARS_PER_YEAR] = bars_per_year
    params[MAX_WEIGHT] = config.max_weight()
    params[MAX_SECTOR] = np.nan if caps.max_sector is None else caps.max_sector
    params[MAX_NET] = np.inf if caps.max_net is None else caps.max_net
    params[MAX_GROSS] = caps.max_gross
    params[SECTORS] = universe.sector.max(initial=-1) + 1
    params[N_HEAD:] = universe.lot * universe.multiplier
    state = np.full((RING + PAST + 1, max(n, 1)), np.nan)
    return Shaper(kernel=shape, params=params, state=state)
