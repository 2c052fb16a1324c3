"""Market: the equal-weight mean return of all instruments of a window, slice by slice."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from engine.types import Floats
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
        close = np.array(bars.close.T, dtype=np.float64, order="C")
        rolling.carry(close, np.empty_like(close), np.empty((0, *close.shape)), CARRY)
        self.close = close
        self._kept: dict[int, Floats] = {}
        self._lock = Lock()  # blocks are computed by several threads

    def past(self, k: int) -> Floats:
        """(T,) mean return over `k` slices."""
        with self._lock:
            if k not in self._kept:
                self._kept[k] = self._mean(self.close / rolling.lag(self.close, k) - 1.0)
            return self._kept[k]

    def _mean(self, values: Floats) -> Floats:
        """(T,) mean over the instruments of (N, T) `values` that have a bar."""
        known = np.where(self.exists & np.isfinite(values.T), values.T, np.nan)
        known.sort(axis=1)
        out = np.empty(len(known))
        rolling.ordered_mean(known, out)
        return out
