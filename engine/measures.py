"""Volatility and average true range of every bar, as sizers and exits use them: past and present bars only.

Both are per unit of the bar's close, of forward-adjusted prices, over the bars that exist; NaN before there are enough.
A slice without a bar repeats what the last bar left.
"""

from __future__ import annotations

import numpy as np

from engine.compiled import njit
from engine.types import Floats, Window

ROUNDING = 1e-12  # a deviation below this is none


class Measures:
    """What a run asked for, each once: the rows of its (T, M, N) array."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def place(self, kind: str, window: int) -> float:
        """The row of a measure, as a parameter of a kernel; asked for if it was not yet."""
        if (kind, window) not in self.asked:
            self.asked.append((kind, window))
        return float(self.asked.index((kind, window)))

    def work_out(self, bars: Window) -> Floats:
        """(T, M, N) of all that was asked for; (1, 0, N) of nothing."""
        rows, n = bars.close.shape
        if not self.asked:
            return np.zeros((1, 0, n))
        out = np.full((rows, len(self.asked), n), np.nan)
        for k, (kind, window) in enumerate(self.asked):
            if kind == "atr":
                wilder(bars.high, bars.low, bars.close, window, out[:, k, :])
            else:
                deviation(bars.close, window, out[:, k, :])
        return out


@njit()
def wilder(high: Floats, low: Floats, close: Floats, window: int, out: Floats) -> None:
    """Write into (T, N) `out` the ATR over `window` true ranges, per unit of the close. Wilder (1978), p. 23.

    The first is the mean of the first `window` true ranges; a name's first bar has none. A bar without high or low
    counts with |close - previous close|.
    """
    for i in range(close.shape[1]):
        before, mean, seen = np.nan, 0.0, 0
        for t in range(close.shape[0]):
            price = close[t, i]
            if np.isnan(price):
                out[t, i] = out[t - 1, i] if t > 0 else np.nan
                continue
            if not np.isnan(before):
                reach = abs(price - before)
                if not (np.isnan(high[t, i]) or np.isnan(low[t, i])):
                    reach = max(high[t, i], before) - min(low[t, i], before)
                seen += 1
                if seen <= window:
                    mean += reach / window
                else:
                    mean += (reach - mean) / window
                if seen >= window:
                    out[t, i] = mean / price
            before = price


@njit()
def deviation(close: Floats, window: int, out: Floats) -> None:
    """Write into (T, N) `out` the standard deviation (ddof 1) of each bar's last `window` returns, its own included."""
    for i in range(close.shape[1]):
        seen, row = 0, 0
        for t in range(close.shape[0]):
            if np.isnan(close[t, i]):
                out[t, i] = out[t - 1, i] if t > 0 else np.nan
                continue
            seen += 1
            if seen <= window:
                continue
            mean, total, row, after = 0.0, 0.0, t, close[t, i]
            for _ in range(window):
                row = bar_before(close, row, i)
                mean += (after / close[row, i] - 1.0) / window
                after = close[row, i]
            row, after = t, close[t, i]
            for _ in range(window):
                row = bar_before(close, row, i)
                gap = after / close[row, i] - 1.0 - mean
                total += gap * gap
                after = close[row, i]
            spread = np.sqrt(total / (window - 1))
            out[t, i] = spread if spread > ROUNDING else 0.0


@njit()
def bar_before(close: Floats, t: int, i: int) -> int:
    """The row of the bar before row `t`; there must be one."""
    row = t - 1
    while np.isnan(close[row, i]):
        row -= 1
    return row
