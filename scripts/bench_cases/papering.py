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


PLAIN, C = "momentum", "C, LSTM 128 x 2 on 90 x 14, fp32"
CASES = ((PLAIN, 1, 3000), (PLAIN, 500, 3000), (C, 1, 700), (C, 500, 700))  # signal, instruments, slices


def panel_of(rows: int, names: int) -> Panel:
    """Random walks of so many names, rebalanced daily: every slice leads to orders."""
    rng = np.random.default_rng(7)
    bars = bars_of(walk(rows, names, 0.01, rng), rng, 0.003)
    bars["volume"] = np.round(rng.lognormal(12.0, 0.5, (rows, names)))
    return Panel.from_arrays(
        [f"S{i:04d}" for i in range(names)], weekdays(rows), **bars, verify=False, prices="total_return"
    )


def without_syncs(file: dict[str, Any], panel: Panel, folder: Path) -> float:
    """The median of the same session where the disk's syncs do nothing."""
    kept = os.fdatasync
    os.fdatasync = lambda handle: None  # type: ignore[assignment]
    try:
        session = open_session(file, folder, panel=panel)
        session.run()
    finally:
        os.fdatasync = kept
    taken = sorted(session.health.seconds)
    return taken[len(taken) // 2]


def with_model(folder: Path) -> dict[str, Any]:
    """The file with C in the momentum's place: a fresh net's weights, since speed does not depend on them."""
    from signals import folder as model
    from signals import models
    from signals.features import feature_set
    from signals.passport import Passport

    features = feature_set("core14")
    columns = [column.name for column in features.columns]
    architecture = models.parse({"kind": "rank", "inputs": len(columns)}).model_dump()
    net = models.build(architecture, 1)
    passport = Passport.of(
        architecture=architecture,
        unit="score",
        window=90,
        features={"set": "core14", "sha256": features.sha256, "columns": columns},
        scaler={"kind": "standard", "center": [0.0] * len(columns), "scale": [1.0] * len(columns)},
        ranges={"train": ["1990-01-01", "1990-12-31"]},
        known_through="1991-01-01T00:00:00Z",
        data_fingerprint="none",
        training_date="1991-01-01",
    )
    model.write(folder / "model", net.state_dict(), passport)
    return FILE | {"signals": {"rank": {"plugin": "lstm", "model": str(folder / "model")}}}


def measured(label: str, names: int, rows: int) -> None:
    """A row of the table."""
    panel = panel_of(rows, names)
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
        file = with_model(Path(folder)) if label == C else FILE
        session = open_session(file, Path(folder) / "s", panel=panel)
        started = time.perf_counter()
        session.run()
        spent, taken = time.perf_counter() - started, sorted(session.health.seconds)
        size = (Path(folder) / "s" / "journal" / "journal").stat().st_size
        started = time.perf_counter()
        found = verify_session(Path(folder) / "s")
        verified = time.perf_counter() - started
        assert found.digest == found.backtest == session.fold.digest.hex()
        unsynced = without_syncs(file, panel, Path(folder) / "u")
    slow = taken[int(0.99 * (len(taken) - 1))]
    middle = seconds(taken[len(taken) // 2])
    told = (f"{rows / spent:,.0f}", middle, seconds(slow), seconds(unsynced), f"{size / rows:,.0f}")
    row(label, f"{names}", f"{rows:,}", *told, f"{rows / verified:,.0f}")


def papering(quick: bool) -> None:
    """Print the table."""
    heading("Paper session: a replay at full speed, one sync a slice")
    head(
        "signal",
        "instruments",
        "slices",
        "slices/s",
        "arrival to durable orders, median",
        "99 of 100 under",
        "median without the sync",
        "bytes a slice",
        "verify, slices/s",
    )
    for label, names, rows in CASES[:2] if quick else CASES:
        measured(label, names, 150 if quick else rows)
    note(
        "From the slice's arrival to its orders on the disk: the row of the slice, the forecasts, the step, the gate, the rows of "
        "what it did, one fdatasync. Verify folds the tape, runs it as a compiled backtest and asks the signals again; its digest "
        "was the session's. Slices of the warm-up count (341 of C's) and ask for no forecast."
    )
