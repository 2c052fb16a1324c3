"""Classical indicators of a Block, (B, T), as their authors define them, with the finite exponential means of `decay`.

Indices are fractions, 0 to 1 (Williams -1 to 0); prices are left as prices, and columns divide them by the close.
"""

from __future__ import annotations

import numpy as np

from engine.types import Floats
from signals.features import rolling
from signals.features.block import Block
from signals.features.decay import ema as ema_weight
from signals.features.decay import wilder as wilder_weight


def ema(b: Block, n: int) -> Floats:
    """Exponential mean of the close."""
    return b.kept(("ema", n), lambda: rolling.exponential(b.close, ema_weight(n)))


def change(b: Block) -> Floats:
    return b.kept(("change",), lambda: b.close - b.lagged("close", 1))


def rsi(b: Block, n: int) -> Floats:
    """Wilder (1978): rises over rises and falls; NaN where the close never moved."""
    up = rolling.exponential(np.maximum(change(b), 0.0), wilder_weight(n))
    down = rolling.exponential(np.maximum(-change(b), 0.0), wilder_weight(n))
    return up / (up + down)


def true_range(b: Block) -> Floats:
    """Wilder (1978): of the bar and the close before."""
    before = b.lagged("close", 1)
    return b.kept(("true_range",), lambda: np.maximum(b.high, before) - np.minimum(b.low, before))


def atr(b: Block, n: int) -> Floats:
    return b.kept(("atr", n), lambda: rolling.exponential(true_range(b), wilder_weight(n)))


def directional(b: Block, n: int) -> tuple[Floats, Floats]:
    """Wilder's (1978) +DI and -DI."""
    up, down = b.high - b.lagged("high", 1), b.lagged("low", 1) - b.low
    plus = np.where((up > down) & (up > 0.0), up, 0.0 * (up + down))  # 0 times NaN is NaN
    minus = np.where((down > up) & (down > 0.0), down, 0.0 * (up + down))
    weight = wilder_weight(n)
    return (
        b.kept(("plus", n), lambda: rolling.exponential(plus, weight) / atr(b, n)),
        b.kept(("minus", n), lambda: rolling.exponential(minus, weight) / atr(b, n)),
    )


def adx(b: Block, n: int) -> Floats:
    """Wilder (1978): the mean of |+DI - -DI| / (+DI + -DI), which is 0 where neither side moved."""
    plus, minus = directional(b, n)
    both = plus + minus
    return rolling.exponential(np.where(both == 0.0, 0.0, np.abs(plus - minus) / both), wilder_weight(n))


def macd(b: Block, fast: int, slow: int) -> Floats:
    """Appel (1979): the fast exponential mean of the close less the slow one."""
    return b.kept(("macd", fast, slow), lambda: ema(b, fast) - ema(b, slow))


def macd_signal(b: Block, fast: int, slow: int, n: int) -> Floats:
    """The exponential mean of the MACD."""
    return b.kept(("signal", fast, slow, n), lambda: rolling.exponential(macd(b, fast, slow), ema_weight(n)))


def deviation(b: Block, w: int) -> Floats:
    """Population standard deviation of the last `w` closes, as Bollinger bands have it; NaN where they do not vary."""

    def compute() -> Floats:
        spread = rolling.std(b.close, w, ddof=0)
        return np.where(spread <= 1e-10 * b.close, np.nan, spread)

    return b.kept(("deviation", w), compute)


def bollinger(b: Block, w: int) -> Floats:
    """Bollinger (2001), %b: where the close lies between the bands, 0 lower and 1 upper, two deviations off the mean."""
    return 0.5 + (b.close - b.mean("close", w)) / (4.0 * deviation(b, w))


def stochastic(b: Block, w: int) -> Floats:
    """Lane (1984), fast %K: the close within the range of the last `w` bars; NaN where there is none."""
    low, high = b.lowest("low", w), b.highest("high", w)
    return b.kept(("stochastic", w), lambda: (b.close - low) / (high - low))


def slow(b: Block, w: int) -> Floats:
    """Slow %K: the mean of three fast ones."""
    return rolling.mean(stochastic(b, w), 3)


def typical(b: Block) -> Floats:
    return b.kept(("typical",), lambda: (b.high + b.low + b.close) / 3.0)


def vwap(b: Block, w: int) -> Floats:
    """Mean typical price of the last `w` bars, by volume; NaN where nothing was traded."""
    return rolling.total(typical(b) * b.volume, w) / rolling.total(b.volume, w)


def obv_slope(b: Block, w: int) -> Floats:
    """Slope per slice of Granville's (1963) on-balance volume over `w` slices, in mean volumes of these.

    A straight line through a running sum does not see where the sum began: its slope is a weighted sum of the last w - 1
    signed volumes.
    """
    signed = np.sign(change(b)) * b.volume
    centred = np.arange(w) - (w - 1) / 2.0
    later = np.cumsum(centred[::-1])[::-1] / np.sum(centred * centred)
    return rolling.weighted(signed, later[1:].copy()) / b.mean("volume", w)
