"""Market: the equal-weight mean return of all instruments of a window, slice by slice."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from engine.types import Bools, Floats
from signals.features import rolling
from signals.features.sets import CARRY

if TYPE_CHECKING:
    from engine.types import Window


class Market:
    """Means over instruments that have a bar at t and a known return; summed in ascending order of the returns, so that the
    order of the instruments cannot matter. NaN where nobody has one.
    """

    def __init__(self, bars: Window) -> None:
        self.exists = np.isfinite(bars.close)
        self.close = np.array(bars.close.T, dtype=np.float64, order="C")
        rolling.carry(self.close, np.empty_like(self.close), np.empty((0, *self.close.shape)), CARRY)
        self.sector = np.full(self.close.shape[0], -1, np.int64) if bars.sector is None else bars.sector
        self._kept: dict[tuple[object, ...], Floats] = {}
        self._lock = Lock()  # blocks are computed by several threads

    def past(self, k: int) -> Floats:
        """(T,) mean return over `k` slices."""
        return self._once(("past", k), lambda: self._mean(self._returns(k)))

    def log_past(self, k: int) -> Floats:
        """(T,) mean logarithmic return over `k` slices."""
        return self._once(("log", k), lambda: self._mean(rolling.log(self._returns(k) + 1.0)))

    def sector_past(self, sector: int, k: int) -> Floats:
        """(T,) mean return over the instruments of one sector; over all where the sector is not known (-1)."""
        if sector < 0:
            return self.past(k)
        return self._once(("sector", sector, k), lambda: self._mean(self._returns(k), self.sector == sector))

    def _once(self, key: tuple[object, ...], compute: Callable[[], Floats]) -> Floats:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = compute()
            return self._kept[key]

    def _returns(self, k: int) -> Floats:
        """(N, T)"""
        return self.close / rolling.lag(self.close, k) - 1.0

    def _mean(self, values: Floats, among: Bools | slice = slice(None)) -> Floats:
        """(T,) mean over the instruments of (N, T) `values` that have a bar and are `among` those wanted."""
        exists, values = self.exists[:, among], values[among].T
        known = np.where(exists & np.isfinite(values), values, np.nan)
        known.sort(axis=1)
        out = np.empty(len(known))
        rolling.ordered_mean(known, out)
        return out
