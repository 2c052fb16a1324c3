"""From bars to a (N, T, F) block of float32: instruments in small blocks, so that their bars stay in the cache."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError
from engine.types import Window
from signals.features import rolling
from signals.features.block import Block
from signals.features.market import Market

if TYPE_CHECKING:
    from signals.features.sets import FeatureSet, Float32s

CELLS = 8_192  # bars of one block


def compute(features: FeatureSet, bars: Window, jobs: int = 1, out: Any = None) -> Float32s:
    """See FeatureSet.panel."""
    length, n = bars.close.shape
    shape = (n, length, len(features))
    if not length:
        raise DataError(f"features {features.name}: expected at least one slice, got none; widen the dates")
    if out is None:
        out = np.empty(shape, np.float32)
    elif out.shape != shape or out.dtype != np.float32:
        raise DataError(f"features {features.name}: out must be {shape} float32, it is {out.shape} {out.dtype}")
    market = Market(bars) if any("market" in column.needs for column in features.columns) else None
    size = max(1, CELLS // max(1, length))
    starts = range(0, n, size)

    def fill(first: int) -> None:
        stop = min(first + size, n)
        with np.errstate(all="ignore"):
            block = Block(bars, first, stop, market)
            found = np.empty((len(features), *block.close.shape), np.float32)
            for k, column in enumerate(features.columns):
                rolling.narrow(np.atleast_2d(column.compute(block)), block.exists, found[k])
            rolling.interleave(found, out[first:stop])

    if jobs <= 1:
        for first in starts:
            fill(first)
    else:
        with ThreadPoolExecutor(jobs) as threads:
            list(threads.map(fill, starts))
    result: Float32s = out
    return result


def last(features: FeatureSet, bars: Window) -> Float32s:
    """See FeatureSet.last."""
    window = bars.rows(max(0, len(bars) - features.memory - 1), len(bars))
    return np.ascontiguousarray(compute(features, window)[:, -1])
