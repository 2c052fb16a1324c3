"""momentum: the past return, leaving out the most recent bars. reversal: the same with the sign turned. The smallest plugins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.types import Floats, Window

MOST = 1_000_000_000  # bars: more than any data has


@dataclass(frozen=True)
class Momentum:
    """Return over `lookback` bars that ended `skip` bars ago; NaN where either end has no bar. Jegadeesh, Titman (1993)."""

    lookback: int = 252
    skip: int = 21
    unit = "return"

    def __post_init__(self) -> None:
        for name, value, least in (("lookback", self.lookback, 1), ("skip", self.skip, 0)):
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least <= value <= MOST:
                raise ValueError(f"{name} must be a whole number of bars from {least} to {MOST:,}; it was {value!r}")

    @property
    def window(self) -> int:
        return self.lookback + self.skip + 1

    def forecast(self, bars: Window) -> Floats:
        return bars.close[-1 - self.skip] / bars.close[-1 - self.skip - self.lookback] - 1.0

    def forecast_panel(self, bars: Window) -> Floats:
        out = np.full(bars.close.shape, np.nan)
        first = self.window - 1
        if len(bars) > first:
            late = bars.close[first - self.skip : len(bars) - self.skip]
            out[first:] = late / bars.close[: len(bars) - first] - 1.0
        return out


@dataclass(frozen=True)
class Reversal(Momentum):
    """Minus the return of the last `lookback` bars."""

    lookback: int = 5
    skip: int = 0

    def forecast(self, bars: Window) -> Floats:
        return -super().forecast(bars)

    def forecast_panel(self, bars: Window) -> Floats:
        return -super().forecast_panel(bars)
