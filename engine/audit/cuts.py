"""Where to cut: slices spread over the run, and those where a leak would have something to show."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import PCG64, Generator

from engine.audit.pipeline import listed
from engine.types import Ints

if TYPE_CHECKING:
    from engine.panel import Panel

SPECIAL = 2  # cuts of each special kind


def spread(first: int, last: int, count: int, seed: int) -> list[int]:
    """`count` rows between `first` and `last`, one from each of as many equal stretches, and the seed says which."""
    if last < first:
        return []
    edges = np.linspace(first, last + 1, count + 1)
    draw = Generator(PCG64([seed, first, last]))
    return sorted({int(low + draw.random() * (high - low)) for low, high in itertools.pairwise(edges)})


def telling(panel: Panel, first: int, count: int, seed: int) -> list[int]:
    """Rows for a signal: spread, inside gaps (a back-fill reads over them), and before listings (a rank may know them)."""
    last = len(panel) - 2
    draw = Generator(PCG64([seed, len(panel)]))
    born, gone = listed(panel)
    exists = ~np.isnan(panel.close)
    rows = np.arange(len(panel))
    inside = (rows[:, None] > born) & (rows[:, None] < gone) & ~exists
    gaps = np.flatnonzero(inside.any(axis=1))
    before = np.unique(np.clip(born[(born > first) & (born < len(panel))] - 1, first, last))
    deaths = np.unique(gone[(gone >= first) & (gone < last)])
    out = set(spread(first, last, count, seed))
    for special in (gaps, before, deaths):
        fit = special[(special >= first) & (special <= last)]
        out |= {int(row) for row in draw.permutation(fit)[:SPECIAL]}
    return sorted(out)


def busy(rows: Ints, last: int, count: int, seed: int) -> list[int]:
    """Rows before which something was filled: the slice that decided it is one before."""
    decided = np.unique(rows - 1)
    fit = decided[(decided >= 0) & (decided <= last)]
    if not len(fit):
        return []
    return sorted(int(row) for row in Generator(PCG64([seed, last])).permutation(fit)[:count])
