"""A paper session at full speed: slices per second with the journal on, and from a slice's arrival to durable orders."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_cases.inputs import bars_of, walk, weekdays
from bench_cases.tables import head, heading, note, row, seconds
from bench_cases.throughput import ROOT

sys.path.insert(0, str(ROOT))
from engine import Panel
from engine.live.paper import open_session, verify_session

FILE: dict[str, Any] = {
    "name": "bench",
    "data": {"source": "packaged", "name": "us20"},
    "signals": {"rank": {"plugin": "momentum", "lookback": 60, "skip": 5}},
    "strategy": {"rule": "quintile", "signal": "rank", "quantile": "20%", "positive_only": True},
    "exits": {"stop_loss": "8%"},
    "execution": {"commission": "5 bps", "slippage": "5 bps"},
    "capital": 100_000_000.0,
    "feed": {"source": "replay"},
}


def panel_of(rows: int, names: int) -> Panel:
    """Random walks of so many names, rebalanced daily: every slice leads to orders."""
    rng = np.random.default_rng(7)
    bars = bars_of(walk(rows, names, 0.01, rng), rng, 0.003)
    return Panel.from_arrays(
        [f"S{i:04d}" for i in range(names)], weekdays(rows), **bars, verify=False, prices="total_return"
    )


def without_syncs(panel: Panel, folder: Path) -> float:
    """The median of the same session where the disk's syncs do nothing."""
    kept = os.fdatasync
    os.fdatasync = lambda handle: None  # type: ignore[assignment]
    try:
        session = open_session(FILE, folder, panel=panel)
        session.run()
    finally:
        os.fdatasync = kept
    taken = sorted(session.health.seconds)
    return taken[len(taken) // 2]


def papering(quick: bool) -> None:
    """Print the table."""
    heading("Paper session: a replay at full speed, one sync a slice")
    head(
        "instruments",
        "slices",
        "slices/s",
        "arrival to durable orders, median",
        "99 of 100 under",
        "median without the sync",
        "bytes a slice",
        "verify, slices/s",
    )
    for names in (1, 500):
        rows = 150 if quick else 3000
        panel = panel_of(rows, names)
        with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
            session = open_session(FILE, Path(folder) / "s", panel=panel)
            started = time.perf_counter()
            session.run()
            spent, taken = time.perf_counter() - started, sorted(session.health.seconds)
            size = (Path(folder) / "s" / "journal" / "journal").stat().st_size
            started = time.perf_counter()
            found = verify_session(Path(folder) / "s")
            verified = time.perf_counter() - started
            assert found.digest == found.backtest == session.fold.digest.hex()
            unsynced = without_syncs(panel, Path(folder) / "u")
        slow = taken[int(0.99 * (len(taken) - 1))]
        told = (
            f"{rows / spent:,.0f}",
            seconds(taken[len(taken) // 2]),
            seconds(slow),
            seconds(unsynced),
            f"{size / rows:,.0f}",
            f"{rows / verified:,.0f}",
        )
        row(f"{names}", f"{rows:,}", *told)
    note(
        "From the slice's arrival to its orders on the disk: the row of the slice, the forecasts, the step, the gate, the rows of "
        "what it did, one fdatasync. Verify folds the tape, runs it as a compiled backtest and asks the signals again; its digest "
        "was the session's."
    )
