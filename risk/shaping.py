"""Sizers and caps in their order, as one compiled kernel: sizer, reduce, exposure, smoothing, vol target, then the caps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from engine.compiled import njit
from engine.contracts import Shaper
from engine.measures import Measures
from engine.shapes import Day, View
from engine.signatures import SHAPE
from engine.types import Bools, Codes, Floats, Ints
from risk.caps import cap_net_and_gross, cap_sectors, cap_weight
from risk.layout import (
    ATR,
    BARS_PER_YEAR,
    INVERSE,
    LONG,
    MAX_GROSS,
    MAX_NET,
    MAX_SECTOR,
    MAX_WEIGHT,
    MIN_CASH,
    MULTIPLE,
    N_HEAD,
    RISK,
    SECTORS,
    SHORT,
    SMOOTHING,
    VOL_TARGET,
)
from risk.sizing import PAST, RING, expose, reduce, risk_per_trade, share_by_volatility, smooth, vol_scale

if TYPE_CHECKING:
    from engine.config import Config
    from engine.types import Universe


@njit(SHAPE)
def shape(
    t: int,
    day: Day,
    equity: float,
    cash: float,
    view: View,
    has_bar: Bools,
    sector: Ints,
    measures: Floats,
    factor: float,
    params: Floats,
    state: Floats,
    target: Floats,
    codes: Codes,
) -> int:
    """Rescale and bound the targets of slice `t` in place."""
    if params[INVERSE] >= 0.0:
        share_by_volatility(measures, params, target)
    if params[ATR] >= 0.0:
        risk_per_trade(measures, params, target)
    if factor != 1.0:
        reduce(factor, target, codes)
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


def build(config: Config, universe: Universe, bars_per_year: float, measures: Measures) -> Shaper:
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
    params[MIN_CASH] = caps.min_cash
    inverse, atr = sizing.inverse_volatility, sizing.atr
    params[INVERSE] = -1.0 if inverse is None else measures.place("volatility", inverse.window)
    params[ATR] = -1.0 if atr is None else measures.place("atr", atr.window)
    params[RISK], params[MULTIPLE] = (np.nan, np.nan) if atr is None else (atr.risk, atr.multiple)
    params[SECTORS] = universe.sector.max(initial=-1) + 1
    params[N_HEAD:] = universe.lot * universe.multiplier
    state = np.full((RING + PAST + 1, max(n, 1)), np.nan)
    return Shaper(kernel=shape, params=params, state=state)
