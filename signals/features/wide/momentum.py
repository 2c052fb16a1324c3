"""Momentum (15): past returns, alone and against the market, and how they came about."""

from __future__ import annotations

import numpy as np

from engine.types import Floats
from signals.features import indicators as i
from signals.features import rolling
from signals.features.block import Block
from signals.features.decay import ema, reach
from signals.features.sets import Column

OURS = "barcast"
C, CM = ("close",), ("close", "market")


def roc(n: int) -> Column:
    return Column(f"roc_{n}", f"C / C[-{n}] - 1", n, OURS, C, lambda b: b.past(n), "momentum")


def against(n: int) -> Column:
    formula = f"ret_{n}d - mean over instruments of ret_{n}d"
    return Column(f"relative_{n}", formula, n, OURS, CM, lambda b: b.past(n) - b.index(n), "momentum")


def trix(b: Block) -> Floats:
    """Hutson (1983): return of a day of the close, three times smoothed by ema15."""
    smooth = b.close
    for _ in range(3):
        smooth = rolling.exponential(smooth, ema(15))
    return smooth / rolling.lag(smooth, 1) - 1.0


def coppock(b: Block) -> Floats:
    """Coppock (1962): the linearly weighted mean of 10 of the returns over 11 and over 14 bars."""
    return rolling.weighted(b.past(11) + b.past(14), np.arange(1.0, 11.0) / 55.0)


def up_share(b: Block) -> Floats:
    rose = np.where(i.change(b) > 0.0, 1.0, 0.0 * i.change(b))
    return rolling.mean(rose, 20)


def acceleration(b: Block) -> Floats:
    return b.past(20) - rolling.lag(b.past(20), 20)


def year(b: Block) -> Floats:
    return b.lagged("close", 21) / b.lagged("close", 252) - 1.0


COLUMNS = (
    *(roc(n) for n in (1, 5, 10, 20, 60, 120)),
    Column("momentum", "C[-21] / C[-252] - 1", 252, "Jegadeesh, Titman (1993)", C, year, "momentum"),
    *(against(n) for n in (1, 5, 20, 60)),
    Column(
        "trix",
        "T / T[-1] - 1, T = ema15(ema15(ema15(C)))",
        1 + reach(*[ema(15)] * 3),
        "Hutson (1983)",
        C,
        trix,
        "momentum",
    ),
    Column("coppock", "wma10(ret_11d + ret_14d)", 23, "Coppock (1962)", C, coppock, "momentum"),
    Column("up_share", "mean20(C > C[-1])", 20, OURS, C, up_share, "momentum"),
    Column("acceleration", "ret_20d - ret_20d[-20]", 40, OURS, C, acceleration, "momentum"),
)
