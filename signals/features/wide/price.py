"""Price (10): the bar in itself, and where the close lies between the highs and lows of a month, a quarter and a year."""

from __future__ import annotations

from functools import partial

from engine.types import Floats
from signals.features import rolling
from signals.features.block import Block
from signals.features.sets import Column

OURS = "barcast"


def location(b: Block) -> Floats:
    return (b.close - (b.high + b.low) / 2.0) / rolling.mean(b.high - b.low, 14)


def from_high(n: int, b: Block) -> Floats:
    return b.highest("high", n) / b.close - 1.0


def from_low(n: int, b: Block) -> Floats:
    return 1.0 - b.lowest("low", n) / b.close


def high(n: int) -> Column:
    return Column(f"high_{n}", f"max{n}(H) / C - 1", n - 1, OURS, ("high", "close"), partial(from_high, n), "price")


def low(n: int) -> Column:
    return Column(f"low_{n}", f"1 - min{n}(L) / C", n - 1, OURS, ("low", "close"), partial(from_low, n), "price")


COLUMNS = (
    Column("gap", "O / C[-1] - 1", 1, OURS, ("open", "close"), lambda b: b.open / b.lagged("close", 1) - 1, "price"),
    Column("body", "C / O - 1", 0, OURS, ("open", "close"), lambda b: b.close / b.open - 1, "price"),
    Column("range", "(H - L) / C", 0, OURS, ("high", "low", "close"), lambda b: (b.high - b.low) / b.close, "price"),
    Column("location", "(C - (H + L) / 2) / mean14(H - L)", 13, OURS, ("high", "low", "close"), location, "price"),
    *(high(n) for n in (20, 60, 252)),
    *(low(n) for n in (20, 60, 252)),
)
