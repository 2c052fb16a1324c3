"""Forward-adjusted prices slice by slice, as engine.data.adjust makes them of a whole panel; nothing later changes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.types import Floats


class Prices:
    """Splits and dividends so far, of N instruments, as a factor on as-traded prices."""

    def __init__(self, names: int) -> None:
        self.factor = np.ones(names)
        self._seen = np.zeros(names, np.bool_)
        self._split, self._cash = np.ones(names), np.zeros(names)  # that wait for a bar
        self._acts: list[Mapping[str, Any]] = []

    def act(self, body: Mapping[str, Any]) -> None:
        """The splits and dividends of the next slice, as an `action` row holds them."""
        self._acts.append(body)

    def adjusted(self, prices: Floats, close: Floats) -> Floats:
        """(N,) of the next slice's `prices`, adjusted; `close` is as traded."""
        merged: dict[int, tuple[float, float]] = {}
        for body in self._acts:
            for i, split, dividend in zip(
                *(np.asarray(body[key]).tolist() for key in ("instrument", "split", "dividend")), strict=True
            ):
                ratio, cash = merged.get(i, (1.0, 0.0))
                merged[i] = (ratio * split, cash / split + dividend)
        self._acts = []
        for i, (split, dividend) in merged.items():
            if self._seen[i]:
                self._split[i] *= split
                self._cash[i] = self._cash[i] / split + dividend
        here = np.isfinite(close)
        moved = here & ((self._split != 1.0) | (self._cash != 0.0))
        self.factor[moved] *= self._split[moved] * (1.0 + self._cash[moved] / close[moved])
        self._split[moved], self._cash[moved] = 1.0, 0.0
        self._seen |= here
        return np.asarray(prices * self.factor)
