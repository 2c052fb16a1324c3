"""wide95 for a market of 10.3 million bars, kept in a mapped file, and its shared indicators beside TA-Lib's.

Fails where the set takes longer than two minutes on two threads, or where an indicator differs from TA-Lib's by more than
a millionth after the warm-up. Options: instruments, slices, threads.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.types import Window
from signals.features import FeatureSet, feature_set
from signals.features.store import build
from tests.signals.features.talib_oracle import ORACLES, differences

AIM, AGREE, WARM = 120.0, 1e-6, 1500
DEFAULTS = (1695, 6084, 2)


def bars(n: int, length: int) -> Window:
    """Random bars of n instruments without holes."""
    rng = np.random.default_rng(3)
    close = 50 * np.exp(rng.normal(0, 0.02, (length, n)).cumsum(axis=0))
    open_ = close * np.exp(rng.normal(0, 0.005, close.shape))
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.005, close.shape)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.005, close.shape)))
    volume = np.round(rng.lognormal(12, 0.5, close.shape))
    return Window(tuple(f"S{k:05d}" for k in range(n)), np.arange(length), open_, high, low, close, volume)


def main() -> None:
    told = [int(word) for word in sys.argv[1:]]
    n, length, jobs = (*told, *DEFAULTS[len(told) :])
    features, small = feature_set("wide95"), bars(8, 3000)
    features.panel(small)  # compiles
    market = bars(n, length)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BARCAST_CACHE"] = folder
        begun = time.perf_counter()
        built = build(market, features, jobs)
        took = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.npy"))
        del built
    rate = n * length / took / 1e6
    print(
        f"wide95: {n:,} x {length:,} bars, {jobs} threads, mapped: {took:.1f} s, {rate:.2f} M bars/s, {size / 1e9:.2f} GB"
    )
    shared = FeatureSet("shared", tuple(c for c in features.columns if c.name in ORACLES), features.sources)
    some = min(n, 100)
    ours, theirs = _ours(shared, market, some), _theirs(market, some)
    print(
        f"{len(shared)} shared indicators, {some} instruments, 1 thread, CPU time, best of 3: "
        f"barcast {ours:.2f} s, TA-Lib {theirs:.2f} s, ratio {ours / theirs:.2f}"
    )
    worst = differences(features, bars(1, 6000), WARM)
    for name, difference in sorted(worst.items(), key=lambda pair: -pair[1]):
        print(f"  {name:20} {difference:.1e}")
    sys.exit(1 if took > AIM or max(worst.values()) > AGREE else 0)


def _first(market: Window, count: int) -> Window:
    arrays = (
        np.ascontiguousarray(getattr(market, key)[:, :count]) for key in ("open", "high", "low", "close", "volume")
    )
    return Window(market.symbols[:count], market.times, *arrays)


def _ours(shared: FeatureSet, market: Window, count: int) -> float:
    some = _first(market, count)
    return _best(lambda: shared.panel(some))


def _theirs(market: Window, count: int) -> float:
    """Into a block of the same shape and type."""
    some = _first(market, count)
    arrays = [np.ascontiguousarray(getattr(some, key).T) for key in ("open", "high", "low", "close", "volume")]
    out = np.empty((count, len(market), len(ORACLES)), np.float32)

    def work() -> None:
        for i in range(count):
            bars_of = [array[i] for array in arrays]
            for k, oracle in enumerate(ORACLES.values()):
                out[i, :, k] = oracle(*bars_of)

    return _best(work)


def _best(work: Callable[[], object]) -> float:
    took = []
    for _ in range(3):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


if __name__ == "__main__":
    main()
