"""Our own side of the bench, served as the peers are: from a loaded panel and ready forecasts to the record of the run."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from serve import Answer, serve

import engine.run as road
from engine.compiled import njit
from engine.metrics import compute
from engine.panel import Panel
from engine.record import Record
from engine.trades import round_trips

BARS = ("open", "high", "low", "close", "volume")


def panel_of(folder: Path, facts: dict[str, Any]) -> Panel:
    """The folder's arrays as a panel."""
    columns = [np.load(folder / f"{name}.npy") for name in BARS]
    symbols = tuple(f"S{i:04d}" for i in range(columns[0].shape[1]))
    times = np.load(folder / "times.npy")
    return Panel.from_arrays(symbols, times, *columns, prices="split_adjusted", calendar=facts["calendar"], lot=0.0)


def runner(folder: Path, facts: dict[str, Any]) -> Any:
    """A function that runs the folder's configuration once and returns its Record."""
    panel, config = panel_of(folder, facts), road.load_config(facts["config"])
    panel, signals, arrays = road.prepare(config, panel, np.load(folder / "forecasts.npy"))
    return lambda: road.run_record(config, panel, signals, arrays, None, lambda text: None)


def backtest(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """Assembling, the loop with its equity curve, and gathering the fills are all on the clock."""
    whole = runner(folder, facts)

    def run() -> Answer:
        started = time.perf_counter()
        record: Record = whole()
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "fills": len(record.fills), "equity": float(record.equity[-1])}

    return run


def curve(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """The full table of a run's metrics; leaves the run's equity curve in the folder for the peers."""
    record = runner(folder, facts)()
    trades = round_trips(record)
    np.save(folder / "equity.npy", record.equity)
    known = facts | {"bars_per_year": record.panel.bars_per_year}
    (folder / "facts.json").write_text(json.dumps(known))

    def run() -> Answer:
        started = time.perf_counter()
        values, _ = compute(record, trades)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "lines": len(values), "sharpe": values["sharpe"]}

    return run


@njit()
def total(values: Any) -> float:
    """The sum of (T, N) values, read once in order."""
    out = 0.0
    for t in range(values.shape[0]):
        for i in range(values.shape[1]):
            out += values[t, i]
    return out


def read(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """A plain read of the panel's five arrays in a compiled loop: what the machine's memory and one core allow."""
    columns = [np.load(folder / f"{name}.npy") for name in BARS]

    def run() -> Answer:
        started = time.perf_counter()
        for column in columns:
            total(column)
        return {"seconds": time.perf_counter() - started}

    return run


def sweep(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """Every cell of the grid as a lane, ranking, equity curve and metrics included, on VARIANT threads."""
    from engine.lane import lanes

    panel, forecasts = panel_of(folder, facts), np.load(folder / "forecasts.npy")

    def run() -> Answer:
        started = time.perf_counter()
        done = lanes(facts["config"], panel, facts["grid"], forecasts=forecasts, threads=int(variant))
        seconds = time.perf_counter() - started
        fills, equity = sum(lane.fills for lane in done), sum(float(lane.equity[-1]) for lane in done)
        return {"seconds": seconds, "cells": len(done), "fills": fills, "equity": equity}

    return run


def bootstrap(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """Growth, deepest drawdown and Sharpe ratio of resampled histories: by VARIANT ours, arch or numpy."""
    import resampling

    values = np.load(folder / "returns.npy")

    def run() -> Answer:
        started = time.perf_counter()
        told = getattr(resampling, variant)(values, facts["block"], facts["reps"])
        seconds = time.perf_counter() - started
        middle = np.median(told, axis=0)
        return {"seconds": seconds, "paths": len(told), **dict(zip(resampling.TOLD, middle.tolist(), strict=True))}

    return run


def scaling(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """A sweep over a file of bars: VARIANT is a backend of it and how many threads or processes."""
    import tempfile

    from engine.sweep.running import sweep

    backend, count = variant.split("-")
    if backend == "dask":
        import cluster

        cluster.join(folder, int(count))
    told = {"threads": int(count)} if backend == "threads" else {"jobs": int(count), "backend": backend}

    def run() -> Answer:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            started = time.perf_counter()
            done = sweep(folder / "bench.yaml", facts["grid"], out, **told)
            seconds = time.perf_counter() - started
        return {"seconds": seconds, "cells": len(done), "growth": sum(one.metrics["total_return"] for one in done)}

    return run


CASES = {"quintile": backtest, "bars": backtest, "curve": curve, "read": read, "sweep": sweep, "bootstrap": bootstrap}
NAMES = {"arch": "arch", "numpy": "numpy", "dask": "distributed"}  # what a variant is measured of, where not ourselves
serve(version(NAMES.get(sys.argv[3].split("-")[0], "barcast")), CASES | {"scaling": scaling})
