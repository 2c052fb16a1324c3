"""What can be said of a market while its names pass by: its index, its volume, and how well the oracle did.

Names are added one after the other, so the sums are the same bits however they came in blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.markets.kinds import Block, Path
from engine.types import Floats

FEWEST = 10  # names on a bar whose correlation counts


@dataclass(frozen=True, slots=True)
class Measured:
    """How well the oracle forecast the next bar, over the bars on which at least FEWEST names were there."""

    pooled: float  # correlation across names, pooled over bars, of score and return over expected dispersion
    pooled_error: float
    expected: float  # what it should be, given the score's own variance
    daily: float  # mean over bars of the plain correlation
    daily_error: float
    bars: int


class Tally:
    """Sums over names, per bar."""

    def __init__(self, bars: int, path: Path, ratio: float) -> None:
        self.path, self.ratio = path, ratio
        self.there = np.zeros(bars)  # names with a return
        self.moved = np.zeros(bars)  # sum of their simple returns
        self.busy = np.zeros(bars)  # sum of their volumes over their usual one
        self.pairs = np.zeros((6, bars))  # count, s, r, ss, sr, rr of score s and the next bar's return over dispersion

    def add(self, block: Block, shares: Floats) -> None:
        """Add the names of `block`, whose usual volumes are `shares`."""
        dispersion = self.path.dispersion[1:]
        for k in range(len(block.close)):
            close, split, dividend = block.close[k], block.split[k], block.dividend[k]
            gross = split[1:] * (close[1:] + dividend[1:]) / close[:-1]
            known = ~np.isnan(gross)
            self.there[1:] += known
            self.moved[1:] += np.where(known, gross - 1.0, 0.0)
            units = block.volume[k] / np.cumprod(split) / shares[k]
            self.busy += np.nan_to_num(units)
            s, r = block.score[k, :-1], np.log(gross) / dispersion[:-1]
            both = known & ~np.isnan(s)
            s, r = np.where(both, s, 0.0), np.where(both, r, 0.0)
            for row, values in enumerate((both, s, r, s * s, s * r, r * r)):
                self.pairs[row, :-1] += values

    def index(self) -> tuple[Floats, Floats]:
        """(log returns of the names in equal parts, mean of volume over its usual), from the second bar with any name on."""
        used = self.there > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            moved, busy = np.log1p(self.moved / self.there), self.busy / self.there
        return moved[used], busy[used]

    def measured(self) -> Measured | None:
        """How well the oracle did; None where there is no score on enough names."""
        n, s, r, ss, sr, rr = self.pairs[:, (self.pairs[0] >= FEWEST) & (self.pairs[3] > 0.0)]
        days = len(n)
        if days < 2:
            return None
        across = (sr - s * r / n) / (n - 1.0)
        of_score, of_return = (ss - s * s / n) / (n - 1.0), (rr - r * r / n) / (n - 1.0)
        used = (of_score > 0.0) & (of_return > 0.0)
        scale = math.sqrt(float(of_score.mean() * of_return.mean()))
        daily = across[used] / np.sqrt(of_score[used] * of_return[used])
        signal = self.ratio * math.sqrt(float(of_score.mean()))
        root = math.sqrt(days)
        return Measured(
            pooled=float(across.mean()) / scale,
            pooled_error=float(across.std(ddof=1)) / scale / root,
            expected=signal / math.sqrt(1.0 + signal * signal),
            daily=float(daily.mean()),
            daily_error=float(daily.std(ddof=1)) / math.sqrt(len(daily)),
            bars=days,
        )
