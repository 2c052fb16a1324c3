"""Many lanes over one panel: how long they take together, and what a second thread is worth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from bench_cases.tables import head, heading, note, row
from bench_cases.throughput import ROOT, make_panel, settings

STOPS = [f"{k / 2:g}%" for k in range(2, 42)]  # 40 of them, beside 25 levels of costs: 1,000 lanes


def grid(lanes: int) -> list[dict[str, Any]]:
    """`lanes` points of a stop by slippage grid."""
    points = [{"exits.stop_loss": stop, "execution.slippage": f"{cost} bps"} for cost in range(25) for stop in STOPS]
    return points[:: max(1, len(points) // lanes)][:lanes]


def child(rows: int, names: int, lanes: int, threads: int) -> dict[str, Any]:
    """Measure in this process; one lane before the clock starts loads the compiled code."""
    import engine

    panel, forecasts = make_panel(rows, names, seed=7)
    engine.lanes(settings(), panel, grid(1), forecasts=forecasts)
    started = time.perf_counter()
    done = engine.lanes(settings(), panel, grid(lanes), forecasts=forecasts, threads=threads)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "fills": sum(lane.fills for lane in done), "digests": [lane.digest for lane in done]}


def measure(rows: int, names: int, lanes: int, threads: int) -> dict[str, Any]:
    """What a fresh child measures."""
    code = "import sys, json; from bench_cases.many import child; print(json.dumps(child(*map(int, sys.argv[1:]))))"
    variables = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "scripts")))}
    command = [sys.executable, "-c", code, *map(str, (rows, names, lanes, threads))]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=variables).stdout
    answer: dict[str, Any] = json.loads(told)
    return answer


def many(quick: bool) -> None:
    """Print the table."""
    rows, names, lanes = (200, 50, 8) if quick else (2500, 500, 1000)
    heading(f"Lanes: {names:,} x {rows:,} bars, long-filtered quintile daily, stop by slippage")
    head("lanes", "threads", "seconds", "ms per lane", "bars/s", "fills")
    part = max(2, lanes // 10)
    alone, together = measure(rows, names, part, 1), measure(rows, names, part, 2)
    for count, threads, told in (
        (part, 1, alone),
        (part, 2, together),
        (lanes, 2, measure(rows, names, lanes, 2)),
    ):
        each, rate = told["seconds"] / count * 1e3, rows * names * count / told["seconds"] / 1e6
        row(f"{count:,}", threads, f"{told['seconds']:.2f}", f"{each:.1f}", f"{rate:.1f} M", f"{told['fills']:,}")
    same = "the same digests" if alone["digests"] == together["digests"] else "OTHER DIGESTS"
    note(
        f"Two threads are {alone['seconds'] / together['seconds']:.2f} times one, with {same}. Metrics are worked out for every lane."
    )
