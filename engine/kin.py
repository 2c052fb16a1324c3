"""Which trials belong to one search, and the slices they share.

Who tries the same idea on a bar less, a name less, a year more, or on another copy of the file, has tried once more. So
trials are akin where they could have learnt from each other's bars: about as many bars a year, dates that overlap by a slice
or more, and half of the names of whichever has fewer. Trials on dates that do not overlap are not: that is what a test out of
sample looks like. Kinship is between two trials; it is not passed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.trials import Trial

NEAR = 1.1  # times as many bars a year, at most: a rate that is counted from the data moves with its ends
NAMES = 0.5  # share of the names of the smaller universe
SLICES = 0.5  # share of a trial's slices that another must have, for their returns to stand side by side


def akin(one: Trial, other: Trial) -> bool:
    """Whether two trials were made on the same bars, or on bars of the same market and time."""
    few, many = sorted((one.bars_per_year, other.bars_per_year))
    if few != many and (few == 0 or many > NEAR * few):
        return False
    if one.fingerprint == other.fingerprint:
        return True
    if one.first > other.last or other.first > one.last:
        return False
    fewer = min(len(one.symbols), len(other.symbols))
    return fewer > 0 and len(set(one.symbols) & set(other.symbols)) >= NAMES * fewer


class Shared(NamedTuple):
    """(P, M) returns of M trials over the slices all of them have, and (P,) when these end.

    `left` trials have too few of them, or keep them in other stretches; `cut` slices of the own trial are not shared.
    """

    returns: Floats
    times: Ints
    left: int
    cut: int


def shared(own: Trial, trials: Sequence[Trial]) -> Shared:
    """The returns of `trials` over the slices they share with `own`, as far as they have half of these or more."""
    chosen = [trial for trial in trials if _beside(own, trial)]
    times = reduce(np.intersect1d, [trial.times for trial in chosen], own.times)
    columns = [trial.returns[np.searchsorted(trial.times, times)] for trial in chosen]
    returns = np.column_stack(columns) if columns else np.empty((len(times), 0))
    return Shared(returns, times, len(trials) - len(chosen), len(own.times) - len(times))


def _beside(own: Trial, trial: Trial) -> bool:
    if len(trial.times) == len(own.times) and np.array_equal(trial.times, own.times):
        return True
    if own.per_point > 1 or trial.per_point > 1:  # the same end of a stretch is not the same stretch
        return False
    return len(np.intersect1d(trial.times, own.times)) >= SLICES * max(1, len(own.times))
