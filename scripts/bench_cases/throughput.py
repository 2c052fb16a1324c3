"""Throughput and peak memory of the step, fused and with a Python strategy. Each figure is from a child of its own.

Long-filtered quintile, rebalanced daily, with a stop: the fused run, and the same rule as a Python strategy called between
the two halves of the step. Peak memory is the child's largest resident size less that of a child that only imports.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_cases import inputs
from bench_cases.tables import head, heading, row

ROOT = Path(__file__).resolve().parents[2]


def make_panel(rows: int, names: int, seed: int) -> Any:
    """(panel, forecasts): a random walk per name, opens a little off the last close, normal forecasts."""
    from engine.panel import Panel

    rng = np.random.default_rng(seed)
    columns = inputs.bars_of(inputs.walk(rows, names, 0.02, rng), rng, 0.003)
    days = np.datetime64("2000-01-03") + np.arange(rows)
    times = (days + 1).astype("datetime64[ns]").astype(np.int64)
    symbols = tuple(f"S{i:04d}" for i in range(names))
    panel = Panel.from_arrays(symbols, times, *columns.values(), prices="split_adjusted")
    return panel, rng.standard_normal((rows, names))


def settings() -> dict[str, Any]:
    """The strategy measured."""
    return {
        "name": "bench",
        "data": inputs.DATA,
        "signals": {"rank": {"plugin": "precomputed"}},
        "strategy": {"rule": "quintile", "signal": "rank", "quantile": "20%", "side": "long", "positive_only": True},
        "exits": {"stop_loss": "5%"},
        "execution": {"commission": "5 bps", "slippage": "5 bps"},
        "capital": 100_000_000,
    }


class PythonQuintile:
    """The same rule in NumPy, called once per slice."""

    def target(self, now: Any) -> np.ndarray:
        forecast = now.forecasts["rank"]
        k = max(1, int(0.2 * np.count_nonzero(~np.isnan(forecast)) + 1e-9))
        best = np.argpartition(-forecast, k - 1)[:k]
        best = best[forecast[best] > 0.0]
        weights = np.zeros(len(forecast))
        weights[best] = 1.0 / max(1, len(best))
        return weights


def child(mode: str, rows: int, names: int, runs: int) -> dict[str, Any]:
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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds[1:], "first": seconds[0], "fills": fills, "peak": peak}


def measure(mode: str, rows: int, names: int, runs: int) -> dict[str, Any]:
    """What a fresh child measures."""
    code = "import sys, json; from bench_cases.throughput import child; a = sys.argv; "
    code += "print(json.dumps(child(a[1], *map(int, a[2:]))))"
    variables = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "scripts")))}
    command = [sys.executable, "-c", code, mode, str(rows), str(names), str(runs)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=variables).stdout
    answer: dict[str, Any] = json.loads(told)
    return answer


def throughput(rows: int, names: int, runs: int) -> None:
    """Print the table."""
    base = measure("import", rows, names, 0)["peak"]
    heading(f"Throughput and memory: {names:,} x {rows:,} bars, long-filtered quintile daily, stop 5 %")
    head(
        "road",
        "seconds (median)",
        "first run",
        "bars/s",
        "fills",
        "peak memory over imports",
        "as multiple of the panel",
    )
    for mode, label in (("fused", "fused"), ("python", "Python strategy")):
        told = measure(mode, rows, names, runs)
        middle, peak = statistics.median(told["seconds"]), told["peak"] - base
        rate, multiple = f"{rows * names / middle / 1e6:.1f} M", f"{peak / (rows * names * 40):.2f}"
        row(
            label,
            f"{middle:.3f}",
            f"{told['first']:.3f}",
            rate,
            f"{told['fills']:,}",
            f"{peak / 1e6:,.0f} MB",
            multiple,
        )
