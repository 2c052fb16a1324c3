"""The benchmark of a run: what the capital would have become without any decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.errors import ConfigError
from engine.statistics import curve, given
from engine.types import Floats

if TYPE_CHECKING:
    from engine.panel import Panel

EQUAL_WEIGHT = "equal_weight"
NONE = "none"


def benchmark_of(panel: Panel, name: str | None, capital: float) -> Floats | None:
    """(T,) value of `capital` in benchmark `name`, dividends reinvested and no costs; None where there is none.

    `equal_weight` is the mean of the one-slice total returns of all names with a bar, rebalanced every slice (names
    of a dated universe: members at the slice before). A symbol is its own total return, flat before its first bar and
    over gaps. ConfigError if the symbol is not in the panel.
    """
    if name is None or name == NONE:
        return None
    close = panel.adjusted.close
    if name == EQUAL_WEIGHT:
        member = np.ones((1, close.shape[1]), np.bool_) if panel.member is None else panel.member
        out = np.empty(len(close))
        curve.equal_weight(given(close), given(member), capital, np.full(close.shape[1], np.nan), out)
        return out
    symbols = panel.universe.symbols
    if name not in symbols:
        some = ", ".join(symbols[:5]) + (", ..." if len(symbols) > 5 else "")
        raise ConfigError(
            f"benchmark: {name} is not in the data ({some}); expected equal_weight, none, or a symbol of it"
        )
    return held_from_the_start(close[:, symbols.index(name)], capital)


def held_from_the_start(close: Floats, capital: float) -> Floats:
    """(T,) value of `capital` put into a (T,) adjusted close at its first bar, carried over bars that are missing."""
    known = np.flatnonzero(~np.isnan(close))
    if len(known) == 0:
        return np.full(len(close), capital)
    last = np.maximum.accumulate(np.where(np.isnan(close), known[0], np.arange(len(close))))
    return np.asarray(capital * (close[last] / close[known[0]]))
