"""wide95 for a market of 10.3 million bars, kept in a mapped file, and its shared indicators beside TA-Lib's.

Fails where the set takes longer than two minutes on two threads, or where an indicator differs from TA-Lib's after the warm-up
by more than a millionth of the column's size (five of exponential means), or one of the two does not know it.

The build runs in a process of its own, whose peak memory is the kernel's own count (VmHWM): resident pages, those of the mapped file
that were in memory among them. The kernel gives those back where memory is short, so the least the build needs lies below: the
peak of anonymous pages (RssAnon, sampled), which holds the bars and all that is allocated. Options: instruments, slices, threads.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.types import Window
from signals.features import FeatureSet, feature_set
from signals.features.store import build
from tests.signals.features.talib_oracle import ORACLES, agree, differences

AIM, WARM = 120.0, 1500
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


class Built(NamedTuple):
    """A build and what it took; bytes. `resident` counts pages of the mapped file that were in memory too."""

    seconds: float
    size: int
    bars: int
    resident: int
    anonymous: int


def built(n: int, length: int, jobs: int, folder: str) -> Built:
    """wide95 of made-up bars, built into `folder` by this process, which should have done nothing before."""
    features = feature_set("wide95")
    os.environ["BARCAST_CACHE"] = folder
    features.panel(bars(8, 3000))  # compiles
    market = bars(n, length)
    held = sum(getattr(market, key).nbytes for key in ("open", "high", "low", "close", "volume"))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: making the bars took more than holding them
    anonymous, done = [status("RssAnon")], threading.Event()

    def sample() -> None:
        while not done.wait(0.05):
            anonymous.append(status("RssAnon"))

    watch = threading.Thread(target=sample)
    watch.start()
    begun = time.perf_counter()
    made = build(market, features, jobs)
    took = time.perf_counter() - begun
    done.set()
    watch.join()
    return Built(took, made.values.nbytes, held, status("VmHWM"), max(anonymous))


def status(key: str) -> int:
    """Bytes that the kernel counts for this process under a key of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def main() -> None:
    told = [int(word) for word in sys.argv[1:]]
    n, length, jobs = (*told, *DEFAULTS[len(told) :])
    features = feature_set("wide95")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart,
    ):
        found = apart.submit(built, n, length, jobs, folder).result()
    rate = n * length / found.seconds / 1e6
    print(
        f"wide95: {n:,} x {length:,} bars, {jobs} threads, mapped: {found.seconds:.1f} s, {rate:.2f} M bars/s, "
        f"{found.size / 1e9:.2f} GB"
    )
    print(
        f"memory of the process that built it: peak {found.resident / 1e9:.2f} GB resident (VmHWM, with what was in memory of the "
        f"mapped file), {found.anonymous / 1e9:.2f} GB anonymous (RssAnon every 50 ms); its bars alone {found.bars / 1e9:.2f} GB"
    )
    shared = FeatureSet("shared", tuple(c for c in features.columns if c.name in ORACLES), features.sources)
    some = min(n, 100)
    market = bars(some, length)
    ours, theirs = _ours(shared, market, some), _theirs(market, some)
    print(
        f"{len(shared)} shared indicators, {some} instruments, 1 thread, CPU time, best of 3: "
        f"barcast {ours:.2f} s, TA-Lib {theirs:.2f} s, ratio {ours / theirs:.2f}"
    )
    worst = differences(features, bars(1, 6000), WARM)
    for name, difference in sorted(worst.items(), key=lambda pair: -pair[1]):
        print(f"  {name:20} {difference:.1e}")
    sys.exit(1 if found.seconds > AIM or not agree(worst) else 0)


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
