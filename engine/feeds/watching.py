"""What an instrument's bars say together, slice by slice: whether they keep their level, move at all, and come at all.

A single bar cannot be told wrong by itself (engine.feeds.vetting does what can be done); against the bars before it, it can.
"""

from __future__ import annotations

import numpy as np

from engine.feeds.cells import BAR, EMPTY, Cells
from engine.types import Floats


class Watch:
    """The last accepted bars of `n` instruments. `jump`, `frozen` and `absent` as in Rules; None: not looked at.

    `closes`: (N,) the last closes of a tape that is gone on with, NaN where there is none.
    """

    def __init__(
        self, n: int, jump: float | None, frozen: int | None, absent: int | None, closes: Floats | None = None
    ) -> None:
        self.jump, self.frozen, self.absent = jump, frozen, absent
        self.close = np.full(n, np.nan) if closes is None else np.array(closes, np.float64)
        self.values = np.full((n, 5), np.nan)
        self.repeats = np.zeros(n, np.int64)  # how often the held values came in a row
        self.missing = np.zeros(n, np.int64)  # slices in a row that the source says have no bar
        self.seen = np.zeros(n, np.int64)  # the slice of the last bar, ns

    def hold_back(self, cells: Cells, time: int) -> None:
        """Spoil the bars of a slice that is about to close which are another unit's, or a feed's that has frozen."""
        bar = cells.state == BAR
        same = bar & (cells.values == self.values).all(axis=1) & (cells.values[:, 4] > 0.0)
        self.repeats = np.where(same, self.repeats + 1, np.where(bar, 1, self.repeats))
        self.values[bar] = cells.values[bar]
        self.seen[bar] = time
        if self.jump is not None:
            prices = cells.values[:, :4]
            far = (prices.max(axis=1) > self.jump * self.close) | (prices.min(axis=1) * self.jump < self.close)
            for column in np.flatnonzero(bar & far):
                cells.reject(int(column), self._jumped(cells.values[column], float(self.close[column])))
        if self.frozen is not None:
            for column in np.flatnonzero(bar & (self.repeats >= self.frozen)):
                cells.reject(int(column), f"the same bar {self.repeats[column]} times in a row: the feed has frozen")
        kept = cells.state == BAR
        self.close[kept] = cells.values[kept, 3]

    def gone(self, cells: Cells) -> dict[int, str]:
        """Instruments that have had no bar for so long that somebody must be told, once each time, and the words."""
        empty = cells.state == EMPTY
        self.missing = np.where(empty, self.missing + 1, np.where(cells.state == BAR, 0, self.missing))
        if self.absent is None:
            return {}
        told = np.flatnonzero(empty & (self.missing == self.absent))
        return {int(column): self._absent(int(column)) for column in told}

    def _jumped(self, bar: Floats, last: float) -> str:
        far = max(bar[:4], key=lambda price: abs(np.log(price / last)))
        return (
            f"a price of {far:g} after a close of {last:g}: another unit, or a split that nobody announced. Look it up; if it "
            f"is right, begin a new session with --adopt"
        )

    def _absent(self, column: int) -> str:
        last = str(np.datetime64(int(self.seen[column]), "ns").astype("datetime64[m]")).replace("T", " ")
        since = f"since {last} UTC" if self.seen[column] else "at all"
        return f"no bar {since}, {self.missing[column]} in a row: renamed, delisted or halted? Look it up"
