"""Volume (10): how much is traded, against itself, and with which moves."""

from __future__ import annotations

import numpy as np

from engine.types import Floats
from signals.features import indicators as i
from signals.features import rolling
from signals.features.block import Block
from signals.features.decay import ema, reach
from signals.features.sets import Column

OURS = "barcast"
V, VC, HLCV = ("volume",), ("close", "volume"), ("high", "low", "close", "volume")


def money_flow(b: Block) -> Floats:
    """Quong, Soudack (1989): the share of typical price times volume, of 14 bars, that came with a rise of that price."""
    price = i.typical(b)
    flow = price * b.volume
    rise = price - rolling.lag(price, 1)
    nothing = 0.0 * (flow + rise)  # NaN where one of them is
    up, down = np.where(rise > 0.0, flow, nothing), np.where(rise < 0.0, flow, nothing)
    up, down = rolling.total(up, 14), rolling.total(down, 14)
    return up / (up + down)


def chaikin(b: Block) -> Floats:
    """Chaikin (1982): volume by where in its bar the close lies, over the volume of 20 bars; a bar without range counts 0."""
    spread = b.high - b.low
    share = np.where(spread == 0.0, 0.0, (2.0 * b.close - b.high - b.low) / spread)
    return rolling.total(share * b.volume, 20) / rolling.total(b.volume, 20)


def force(b: Block) -> Floats:
    """Elder (1993): change times volume, its exponential mean of 13, in closes and mean volumes."""
    return rolling.exponential(i.change(b) * b.volume, ema(13)) / (b.close * b.mean("volume", 20))


def together(b: Block) -> Floats:
    return rolling.correlation(b.past(1), b.volume, 20)


def tilt(b: Block) -> Floats:
    return i.vwap(b, 20) / rolling.mean(i.typical(b), 20) - 1.0


COLUMNS = tuple(
    Column(name, formula, memory, source, needs, compute, "volume")
    for name, formula, memory, source, needs, compute in (
        ("volume_ratio", "V / mean20(V)", 19, OURS, V, lambda b: b.volume / b.mean("volume", 20)),
        ("volume_trend", "mean5(V) / mean60(V)", 59, OURS, V, lambda b: b.mean("volume", 5) / b.mean("volume", 60)),
        ("volume_spread", "std20(V) / mean20(V)", 19, OURS, V, lambda b: b.std("volume", 20) / b.mean("volume", 20)),
        ("obv_slope", "slope20(obv) / mean20(V)", 19, "Granville (1963)", VC, lambda b: i.obv_slope(b, 20)),
        (
            "vwap",
            "C / (sum35(P V) / sum35(V)) - 1, P = (H + L + C) / 3",
            34,
            OURS,
            HLCV,
            lambda b: b.close / i.vwap(b, 35) - 1,
        ),
        ("vwap_tilt", "sum20(P V) / sum20(V) / mean20(P) - 1", 19, OURS, HLCV, tilt),
        ("money_flow", "mfi14", 14, "Quong, Soudack (1989)", HLCV, money_flow),
        ("chaikin", "sum20(V (2 C - H - L) / (H - L)) / sum20(V)", 19, "Chaikin (1982)", HLCV, chaikin),
        ("force", "ema13((C - C[-1]) V) / (C mean20(V))", 1 + reach(ema(13)), "Elder (1993)", VC, force),
        ("return_volume", "corr20(ret_1d, V)", 20, OURS, VC, together),
    )
)
