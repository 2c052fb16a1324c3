"""Round ratios of splits, and whether a move that stays is one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

PAIRS = (
    (4, 3), (3, 2), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1), (15, 1), (20, 1), (25, 1), (30, 1),
    (40, 1), (50, 1),
)  # fmt: skip
WHOLE = 2.0  # nobody makes two shares of three: a price that rises by less than this is no reverse split
LOGS = np.log(np.array([b / a for a, b in PAIRS] + [a / b for a, b in PAIRS if a >= WHOLE * b]))
TIGHT = 0.02  # log: how near to its ratio a split lies, beside the day's own move
DAYS = 3.0  # spreads of the day's own move
NIGHTS = 1.5  # spreads of the night's, which is half of it
PART = 0.2  # of a ratio, which the day's own move must not exceed
FREE = 0.08  # log: how near a large ratio need be at most, for there is hardly anything else it could be
BEYOND = 10.0  # spreads that a split of a small ratio must be away from an ordinary day
SMALL = math.log(1.9)  # below it markets move by themselves, now and then
LARGE = math.log(3.9)  # from here on they hardly ever do
QUIET, CALM, ANY = (
    3.0,
    9.0,
    50.0,
)  # volume times range over the usual, at most: of a small ratio, a middling, a large one


@dataclass(frozen=True, slots=True)
class Move:
    """A change of level at place k of the path, `size` in log, against the usual `spread`."""

    k: int
    size: float
    spread: float


def nearest(size: float) -> float:
    """The log price ratio of a split that is nearest to a move."""
    return float(LOGS[int(np.argmin(np.abs(LOGS - size)))])


def suspected(move: Move, gap: float, loud: float) -> float | None:
    """The log price ratio of the split that a move seems to be, None if it is none.

    The close must be near the ratio and the open (`gap`, log to the close before, NaN not known) nearer still, for a split
    is there before the day begins; the day must be quiet. The smaller the ratio, the more a market does by itself, and the
    quieter the day must be: a split of 3:2 into a lively day goes unseen.
    """
    split = nearest(move.size)
    slack = min(TIGHT + DAYS * move.spread, PART * abs(split))
    small, large = abs(split) < SMALL, abs(split) > LARGE
    slack = max(slack, FREE) if large else slack
    night = slack if large else min(0.5 * TIGHT + NIGHTS * move.spread, slack)
    if abs(move.size - split) > slack or (not math.isnan(gap) and abs(gap - split) > night):
        return None
    most = QUIET if small else ANY if large else CALM
    if loud > most or (small and abs(move.size) < BEYOND * move.spread):
        return None
    return split


def side(ratio: float) -> str:
    """New shares per old as people say it: 3:2, 1:10."""
    for below in range(1, 5):
        for over, under in ((ratio * below, below), (below, below / ratio)):
            if abs(over - round(over)) < 0.002 * over and abs(under - round(under)) < 0.002 * under:
                return f"{round(over)}:{round(under)}"
    return f"{ratio:.4g}:1"
