"""Caps: bounds on targets, each by scaling. Names with a NaN target are in no cap's sum."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.types import Codes, Floats, Ints
from risk.layout import MAX_GROSS, MAX_NET, MAX_SECTOR, MAX_WEIGHT, MIN_CASH, SECTORS

SLACK = 1e-12  # a cap binds when it is exceeded by more than this


@inner()
def cap_weight(params: Floats, target: Floats, codes: Codes) -> None:
    """Bound each |weight| by max_weight."""
    limit = params[MAX_WEIGHT]
    for i in range(target.shape[0]):
        if abs(target[i]) > limit + SLACK:
            target[i] = limit if target[i] > 0.0 else -limit
            codes[i] |= np.uint32(c.CAPPED)


@inner()
def scale_where(factor: float, side: int, group: int, sector: Ints, target: Floats, codes: Codes) -> None:
    """Scale the targets of one side (0 both) in one sector (-2 all) by `factor`."""
    for i in range(target.shape[0]):
        if math.isnan(target[i]) or target[i] == 0.0:
            continue
        if (side == 0 or target[i] * side > 0.0) and (group == -2 or sector[i] == group):
            target[i] *= factor
            codes[i] |= np.uint32(c.CAPPED)


@inner()
def cap_sectors(params: Floats, sector: Ints, target: Floats, codes: Codes) -> None:
    """Scale each sector whose sum of |weight| exceeds max_sector down to it; names without a sector are not capped."""
    for group in range(int(params[SECTORS])):
        total = 0.0
        for i in range(target.shape[0]):
            if sector[i] == group and not math.isnan(target[i]):
                total += abs(target[i])
        if total > params[MAX_SECTOR] + SLACK:
            scale_where(params[MAX_SECTOR] / total, 0, group, sector, target, codes)


@inner()
def cap_net_and_gross(params: Floats, sector: Ints, target: Floats, codes: Codes) -> None:
    """Scale the heavier side until |net| is max_net, the longs until min_cash is left, then all until gross is max_gross."""
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
    room = 1.0 - params[MIN_CASH]
    if params[MIN_CASH] > 0.0 and longs > room + SLACK:
        scale_where(room / longs, 1, -2, sector, target, codes)
        longs = room
    if longs + shorts > params[MAX_GROSS] + SLACK:
        scale_where(params[MAX_GROSS] / (longs + shorts), 0, -2, sector, target, codes)
