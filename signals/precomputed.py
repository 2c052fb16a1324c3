"""precomputed: forecasts made elsewhere, from a Parquet file or handed to engine.backtest as a frame or array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.types import Floats, Window


@dataclass(frozen=True)
class Precomputed:
    """Forecasts that wait in `path` (long: date, symbol, forecast) or are given with the run; `unit` says what they are.

    The engine lines them up with the bars; nothing tells what their maker has seen, so a report calls them 'unknown', never
    out-of-sample.
    """

    unit: str = "return"
    path: str | None = None
    window = 1
    given_by_the_run = True

    def forecast(self, bars: Window) -> Floats:
        return np.full(bars.close.shape[1], np.nan)
