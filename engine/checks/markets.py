"""A made market that plugins are checked on: random walks with everything real bars have that breaks a plugin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import PCG64, Generator

from engine.data.building import frozen
from engine.panel import Panel
from engine.types import Floats

SYMBOLS = ("ALDER", "BIRCH", "CEDAR", "ELM", "FIR", "HAZEL", "LARCH", "OAK")
GAP, LATE, DEAD, SPLIT, PAYER = 2, 5, 6, 1, 3  # columns: misses bars, is listed late, leaves early, splits, pays


def market(slices: int, seed: int = 0, gaps: bool = True) -> Panel:
    """(slices, 8) daily bars from 2001 on; with `gaps` also missing bars, a late listing, a death, a split and dividends."""
    draw = Generator(PCG64([seed, slices]))
    n = len(SYMBOLS)
    common = 0.008 * draw.standard_normal((slices, 1))
    close = 50.0 * np.exp(np.cumsum(common + 0.015 * draw.standard_normal((slices, n)), axis=0))
    opened = close * np.exp(0.005 * draw.standard_normal((slices, n)))
    reach = 1.0 + 0.01 * draw.random((slices, n))
    high, low = np.maximum(opened, close) * reach, np.minimum(opened, close) / reach
    volume = np.round(1e5 * np.exp(draw.standard_normal((slices, n))))
    days = np.arange(np.datetime64("2001-01-01"), np.datetime64("2001-01-01") + slices)
    bars, splits, dividends = [opened, high, low, close, volume], np.ones((slices, n)), np.zeros((slices, n))
    if gaps:
        _damage(bars, splits, dividends)
    opened, high, low, close, volume = bars
    return Panel.from_arrays(
        SYMBOLS, days, opened, high, low, close, volume, splits, dividends, name="made market", lot=0.0
    )


def _damage(bars: list[Floats], splits: Floats, dividends: Floats) -> None:
    """Gaps, a late listing, a death, a split in the price, dividends; in place."""
    slices = len(splits)
    half = slices // 2
    splits[half, SPLIT] = 2.0
    for array in bars[:4]:
        array[half:, SPLIT] /= 2.0
    dividends[half - 5 : half + 6 : 10, PAYER] = 0.25
    for array in bars:
        array[slices // 3 : slices // 3 + 3, GAP] = np.nan
        array[slices - 8 : slices - 6, GAP] = np.nan
        array[: (2 * slices) // 5, LATE] = np.nan
        array[(4 * slices) // 5 :, DEAD] = np.nan


def without(panel: Panel, column: int) -> Panel:
    """`panel` in which one name never has a bar."""
    out = {}
    for key in ("open", "high", "low", "close", "volume"):
        array = getattr(panel, key).copy()
        array[:, column] = np.nan
        out[key] = frozen(array)
    return replace(panel, **out)
