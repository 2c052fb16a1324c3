"""A model that is stuck, silent or old."""

from __future__ import annotations

import math

import numpy as np

from engine.types import Bools, Floats

LEAST = 5  # slices in a row before anything is said
CHANCE = 1e-4  # of a run of repeated rows as long, by how often rows were repeated before
BARS = 3  # slices in a row
RECENT = 20  # slices


class Runs:
    """How long forecasts have stood still, or been absent, by now."""

    def __init__(self) -> None:
        self.same = self.silent = 0  # slices in a row
        self._repeats = self._moves = 0  # of earlier slices
        self._last: Floats | None = None

    def add(self, row: Floats, traded: Bools) -> None:
        """A slice's (N,) forecasts; `traded` where there was a bar. A slice without bars says nothing of the model."""
        if not traded.any():
            return
        known = np.isfinite(row)
        if not known.any():
            self.silent += 1
            return
        self.silent = 0
        before, self._last = self._last, np.where(known, row, np.nan)
        if before is None:
            return
        both = known & np.isfinite(before)
        if both.any() and (row[both] == before[both]).all():
            self.same += 1
        else:
            self._repeats, self._moves, self.same = self._repeats + self.same, self._moves + 1, 0

    @property
    def stuck(self) -> bool:
        """Whether forecasts repeat themselves for longer than they are used to (Laplace's rule of how often they did)."""
        used = (self._repeats + 1.0) / (self._repeats + self._moves + 2.0)
        return self.same >= LEAST and self.same * math.log(used) < math.log(CHANCE)

    @property
    def mute(self) -> bool:
        """Whether there has been no forecast at all for a while."""
        return self.silent >= LEAST


class Missing:
    """Bars that are not there and were not confirmed to be absent, for several slices in a row."""

    def __init__(self, names: int) -> None:
        self._age = np.full(
            names, RECENT + 1, np.int64
        )  # slices since a name's last bar, those of an outage not counted
        self.run, self.count = 0, 0

    def add(self, close: Floats, empty: Bools | None) -> None:
        """A slice's (N,) closes."""
        here, alive = np.isfinite(close), self._age <= RECENT
        lost = alive & ~here if empty is None else alive & ~here & ~empty
        self.count = int(lost.sum())
        self.run = self.run + 1 if 2 * self.count > int(alive.sum()) else 0
        self._age += self.run == 0
        self._age[here] = 0

    @property
    def many(self) -> bool:
        """Whether more than half of the names that had bars of late have had none for a while."""
        return self.run >= BARS


def overdue(time: int, since: int, cadence: int | None) -> bool:
    """Whether a model that may speak since `since` (ns) is older than any was when it was tried: `cadence` ns."""
    return cadence is not None and time - since > cadence
