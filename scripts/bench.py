"""Measures the step on a seeded panel and prints a Markdown table. Each figure is the median of several runs in a child.

Long-filtered quintile, rebalanced daily, with a stop: the fused run, and the same rule as a Python strategy called between
the two halves of the step. Peak memory is the child's largest resident size less that of a child that only imports.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time

import numpy as np


def make_panel(rows: int, names: int, seed: int):
    """(panel, forecasts): a random walk per name, opens a little off the last close, normal forecasts."""
    from engine.panel import Panel

    rng = np.random.default_rng(seed)
    close = rng.standard_normal((rows, names))
    close *= 0.02
    np.cumsum(close, axis=0, out=close)
    np.exp(close, out=close)
    close *= 50.0
    opened = close * (1.0 + 0.003 * rng.standard_normal((rows, names)))
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    high *= 1.004
    low *= 0.996
    volume = np.full((rows, names), 1e6)
    days = np.datetime64("2000-01-03") + np.arange(rows)
    times = (days + 1).astype("datetime64[ns]").astype(np.int64)
    symbols = tuple(f"S{i:04d}" for i in range(names))
    panel = Panel.from_arrays(symbols, times, opened, high, low, close, volume, prices="split_adjusted")
    return panel, rng.standard_normal((rows, names))


def settings() -> dict:
    """The strategy measured."""
    return {
        "name": "bench",
        "data": {"source": "packaged", "name": "us20"},
        "signals": {"rank": {"plugin": "precomputed"}},
        "strategy": {"rule": "quintile", "signal": "rank", "quantile": "20%", "side": "long", "positive_only": True},
        "exits": {"stop_loss": "5%"},
        "execution": {"commission": "5 bps", "slippage": "5 bps"},
        "capital": 100_000_000,
    }


class PythonQuintile:
    """The same rule in NumPy, called once per slice."""

    def target(self, now):
        forecast = now.forecasts["rank"]
        k = max(1, int(0.2 * np.count_nonzero(~np.isnan(forecast)) + 1e-9))
        best = np.argpartition(-forecast, k - 1)[:k]
        best = best[forecast[best] > 0.0]
        weights = np.zeros(len(forecast))
        weights[best] = 1.0 / max(1, len(best))
        return weights


def child(mode: str, rows: int, names: int, runs: int) -> dict:
    """Measure one mode in this process."""
    import engine.run as run
    from engine.assembly import assemble
    from engine.result import Result  # noqa: F401  (part of the import baseline)

    if mode == "import":
        return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    panel, forecasts = make_panel(rows, names, seed=7)
    config = run.load_config(settings())
    strategy = PythonQuintile() if mode == "python" else None
    seconds, fills = [], 0
    for _ in range(runs + 1):
        engine = assemble(config, panel, {"rank": forecasts}, {"rank": "score"}, 0, strategy)
        started = time.perf_counter()
        engine.run()
        seconds.append(time.perf_counter() - started)
        fills = len(engine.fills())
        del engine
    return {
        "seconds": seconds[1:],
        "first": seconds[0],
        "fills": fills,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def measure(mode: str, rows: int, names: int, runs: int) -> dict:
    """What a fresh child measures."""
    command = [
        sys.executable,
        __file__,
        "--child",
        mode,
        "--rows",
        str(rows),
        "--names",
        str(names),
        "--runs",
        str(runs),
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a 500 x 1,000 panel")
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--names", type=int, default=1695)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options.rows, options.names, options.runs)))
        return
    rows, names = (1000, 500) if options.quick else (options.rows, options.names)
    base = measure("import", rows, names, 0)["peak"]
    panel_bytes = rows * names * 5 * 8
    print(
        f"{names:,} x {rows:,} bars, long-filtered quintile daily, stop 5 %; {platform.machine()}, Python {platform.python_version()}"
    )
    print("\n| road | seconds (median) | bars/s | fills | peak memory over imports | as multiple of the panel |")
    print("|---|---|---|---|---|---|")
    for mode, label in (("fused", "fused"), ("python", "Python strategy")):
        told = measure(mode, rows, names, options.runs)
        middle = statistics.median(told["seconds"])
        peak = told["peak"] - base
        print(
            f"| {label} | {middle:.3f} | {rows * names / middle / 1e6:.1f} M | {told['fills']:,} "
            f"| {peak / 1e6:,.0f} MB | {peak / panel_bytes:.2f} |"
        )


if __name__ == "__main__":
    main()
