"""Hansen's test for superior predictive ability: is the best of many better than the benchmark, given that it was chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import default_rng

from engine.errors import DataError
from engine.types import Floats


@dataclass(frozen=True, slots=True)
class Superiority:
    """p-values of 'none of them beats the benchmark': `consistent` is the one to read, `lower` and `upper` bound it."""

    lower: float
    consistent: float
    upper: float
    strategies: int
    block: int


def superiority(
    returns: Floats, benchmark: Floats | None = None, reps: int = 1000, block: int | None = None, seed: int = 0
) -> Superiority:
    """SPA p-values of (T, M) returns against (T,) ones (0 without), by stationary bootstrap of whole slices. Hansen (2005).

    `block` is the mean length of the blocks, the root of T unless said. DataError where nothing varies.
    """
    from arch.bootstrap import SPA

    rows, columns = returns.shape
    against = np.zeros(rows) if benchmark is None else np.asarray(benchmark, dtype=np.float64)
    excess = returns - against[:, None]
    moving = excess.std(axis=0) > 1e-12
    if rows < 3 or not moving.any() or not np.isfinite(excess).all():
        raise DataError(f"SPA: expected 3 known returns or more that vary, got {rows} of {columns} strategies")
    length = max(1, round(rows**0.5)) if block is None else block
    # A loss is a return turned round.
    test = SPA(-against, -returns[:, moving], block_size=length, reps=reps, seed=default_rng(seed))
    test.compute()
    p = test.pvalues
    return Superiority(float(p["lower"]), float(p["consistent"]), float(p["upper"]), columns, length)
