"""Literal bars for the detectors: closes that swing by one percent, ranges of two, a thousand shares each."""

from __future__ import annotations

import numpy as np

from engine.data.audit.kinds import Bars, Finding
from engine.types import DAY_NS

FIRST = 19_000  # days since 1970: 2022-01-08


def calm(count: int = 100, level: float = 50.0) -> dict[str, np.ndarray]:
    """Columns of `count` quiet bars: the close goes level, level + 1 %, level, level - 1 %, and again."""
    close = level * (1.0 + 0.01 * np.array([0.0, 1.0, 0.0, -1.0])[np.arange(count) % 4])
    wave = 1.0 + 0.1 * (np.arange(count) % 3)
    return {
        "open": close.copy(), "high": close * 1.01, "low": close * 0.99, "close": close,
        "volume": 1000.0 * wave, "adjusted": np.full(count, np.nan),
        "split": np.ones(count), "dividend": np.zeros(count),
    }  # fmt: skip


def bars(columns: dict[str, np.ndarray], symbol: str = "AA") -> Bars:
    """The columns as one instrument's bars, a day apart."""
    count = len(columns["close"])
    stamp = (FIRST + np.arange(count)) * DAY_NS
    return Bars(symbol=symbol, stamp=stamp, market=np.zeros(count), time=np.arange(count), **columns)


def places(findings: list[Finding], kind: str) -> list[tuple[int, int]]:
    """First and last row of each finding of one kind."""
    return [((one.first // DAY_NS) - FIRST, (one.last // DAY_NS) - FIRST) for one in findings if one.kind == kind]


def scale(columns: dict[str, np.ndarray], rows: slice, factor: float) -> None:
    for name in ("open", "high", "low", "close"):
        columns[name][rows] *= factor
