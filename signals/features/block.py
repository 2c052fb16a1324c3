"""Block: the bars of a few instruments as (B, T) rows, and the quantities that several columns share, computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from engine.types import Bools, Floats
from signals.features import rolling
from signals.features.sets import CARRY

if TYPE_CHECKING:
    from engine.types import Window
    from signals.features.market import Market


class Block:
    """Carried bars of instruments `first` to `first + B`, float64, C order; `exists` is where there really is a bar."""

    def __init__(self, bars: Window, first: int, stop: int, market: Market | None) -> None:
        def rows(values: Floats) -> Floats:
            return np.array(values[:, first:stop].T, dtype=np.float64, order="C")

        self.first, self.stop, self.market = first, stop, market
        self.close, self.volume = rows(bars.close), rows(bars.volume)
        prices = np.stack([rows(bars.open), rows(bars.high), rows(bars.low)])
        self.exists: Bools = np.isfinite(self.close)
        rolling.carry(self.close, self.volume, prices, CARRY)
        self.open, self.high, self.low = prices
        self._kept: dict[tuple[object, ...], Floats] = {}

    def kept(self, key: tuple[object, ...], compute: Callable[[], Floats]) -> Floats:
        """What `compute` gave when it was first asked for under `key`; nobody writes into it."""
        if key not in self._kept:
            self._kept[key] = compute()
        return self._kept[key]

    def lagged(self, key: str, k: int) -> Floats:
        """Open, high, low, close or volume of `k` slices ago."""
        return self.kept(("lagged", key, k), lambda: rolling.lag(getattr(self, key), k))

    def past(self, k: int) -> Floats:
        """Return over `k` slices: C / C[-k] - 1."""
        return self.kept(("past", k), lambda: self.close / self.lagged("close", k) - 1.0)

    def mean(self, key: str, w: int) -> Floats:
        """Mean of the last `w` of open, high, low, close or volume."""
        return self.kept(("mean", key, w), lambda: rolling.mean(getattr(self, key), w))

    def std(self, key: str, w: int) -> Floats:
        return self.kept(("std", key, w), lambda: rolling.std(getattr(self, key), w))

    def volatility(self, w: int) -> Floats:
        """Standard deviation (n - 1) of the last `w` daily returns."""
        return self.kept(("volatility", w), lambda: rolling.std(self.past(1), w))

    def highest(self, key: str, w: int) -> Floats:
        return self.kept(("highest", key, w), lambda: rolling.highest(getattr(self, key), w))

    def lowest(self, key: str, w: int) -> Floats:
        return self.kept(("lowest", key, w), lambda: rolling.lowest(getattr(self, key), w))

    @property
    def index_market(self) -> Market:
        assert self.market is not None, "the column does not say that it needs the market"
        return self.market

    def index(self, k: int) -> Floats:
        """(T,) return over `k` slices of the equal-weight market."""
        return self.index_market.past(k)

    def sector_index(self, k: int) -> Floats:
        """(B, T) return over `k` slices of each instrument's sector; the market's where the sector is not known."""
        market = self.index_market
        return np.stack([market.sector_past(int(sector), k) for sector in market.sector[self.first : self.stop]])
