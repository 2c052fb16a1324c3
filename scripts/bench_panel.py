"""Measures how long a panel takes to load: from its Parquet file, and from the cache. Prints a Markdown table.

The file is made from a seed: a random walk per symbol with splits and dividends, one long table. Every figure is the median
of several runs, each in a process of its own. "From the disk" means that the system was asked to forget the file first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np


def make_file(path: Path, names: int, rows: int, seed: int, by: str) -> None:
    """Write a long Parquet file of `names` x `rows` daily bars, sorted by symbol or by date."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(0.02 * rng.standard_normal((names, rows)), axis=1))
    split = np.where(rng.random((names, rows)) < 0.0003, 2.0, 1.0)
    split[:, 0] = 1.0
    close /= np.cumprod(split, axis=1)
    opened = close * (1.0 + 0.003 * rng.standard_normal((names, rows)))
    dividend = np.where(rng.random((names, rows)) < 0.01, 0.004 * close, 0.0)
    days = np.busday_offset("2000-01-03", np.arange(rows)).astype("datetime64[D]").astype(np.int32)
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) * 1.004,
        "low": np.minimum(opened, close) * 0.996,
        "close": close,
        "volume": rng.integers(1, 10_000_000, (names, rows)).astype(np.float64),
        "split": split,
        "dividend": dividend,
    }
    date, code = np.broadcast_to(days, (names, rows)), np.broadcast_to(np.arange(names)[:, None], (names, rows))
    flat = (lambda a: np.ravel(a.T)) if by == "date" else np.ravel
    symbols = pa.array([f"S{i:04d}" for i in range(names)])
    table = pa.table(
        {
            "date": pa.array(flat(date), pa.date32()),
            "symbol": pa.DictionaryArray.from_arrays(pa.array(flat(code).astype(np.int32)), symbols).cast(pa.string()),
            **{name: pa.array(flat(values)) for name, values in columns.items()},
        }
    )
    pq.write_table(table, path, row_group_size=1 << 20)


def child(path: str, fewest: int) -> dict[str, float]:
    """Seconds until the panel stands (imports left out), its fingerprint is known, and its adjusted prices are."""
    import pandas  # noqa: F401  (a run needs them anyhow)
    import pyarrow.dataset  # noqa: F401

    from engine.data import cache, sources

    cache.FEWEST = fewest
    keys = ("name", "calendar", "missing_open", "symbols", "start", "end")
    units = {"source": "parquet", "prices": "as_traded", "dividends": "as_traded"}
    data = SimpleNamespace(**units, **dict.fromkeys(keys), path=path, model_fields_set=set())
    seconds, started = {}, time.perf_counter()
    panel = sources.load(data)
    seconds["panel"] = time.perf_counter() - started
    assert len(panel.fingerprint) == 64
    seconds["fingerprint"] = time.perf_counter() - started
    assert panel.adjusted.close.shape == panel.close.shape
    seconds["adjusted"] = time.perf_counter() - started
    return seconds


def once(path: Path, cache: str, fewest: int = 1) -> dict[str, float]:
    """What one fresh process measures."""
    environment = {**os.environ, "BARCAST_CACHE": cache, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    command = [sys.executable, __file__, "--child", str(path), "--fewest", str(fewest)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def forget(path: Path) -> None:
    """Ask the system to drop what it holds of a file or folder, so that the next reader waits for the disk."""
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def roads(path: Path, base: Path, runs: int) -> dict[str, list[dict[str, float]]]:
    """Measurements of every way to the same panel."""
    old = path.stat().st_mtime_ns - 60_000_000_000
    os.utime(path, ns=(old, old))
    told: dict[str, list[dict[str, float]]] = {}
    for _ in range(runs):
        shutil.rmtree(base, ignore_errors=True)
        told.setdefault("Parquet, cache off", []).append(once(path, "off"))
        told.setdefault("Parquet, then kept in the cache", []).append(once(path, str(base)))
        told.setdefault("cache", []).append(once(path, str(base)))
        os.utime(path, ns=(old, old + 1_000_000_000 * len(told["cache"])))
        told.setdefault("cache, file touched and hashed again", []).append(once(path, str(base)))
        forget(base)
        told.setdefault("cache, from the disk", []).append(once(path, str(base)))
        forget(path)
        told.setdefault("Parquet from the disk, cache off", []).append(once(path, "off"))
    return told


def show(title: str, told: dict[str, list[dict[str, float]]]) -> None:
    print(
        f"\n{title}\n\n| road | panel, s (lowest to highest) | with fingerprint | with adjusted prices |\n|---|---|---|---|"
    )
    for road, seconds in told.items():
        middle = {key: statistics.median(run[key] for run in seconds) for key in seconds[0]}
        low, high = (pick(run["panel"] for run in seconds) for pick in (min, max))
        print(
            f"| {road} | {middle['panel']:.3f} ({low:.3f} to {high:.3f}) | {middle['fingerprint']:.3f} "
            f"| {middle['adjusted']:.3f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="panels around the size from which keeping pays")
    parser.add_argument("--rows", type=int, default=6084)
    parser.add_argument("--names", type=int, default=1695)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--by", choices=("symbol", "date"), default="symbol", help="how the file is sorted")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--fewest", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options.fewest)))
        return
    small = ((10, 1000), (30, 1000), (100, 1000), (300, 1000), (1000, 1000))
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, medians of {options.runs}")
    for names, rows in small if options.small else ((options.names, options.rows),):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bars.parquet"
            make_file(file, names, rows, 7, options.by)
            title = f"{names:,} x {rows:,} = {names * rows:,} rows by {options.by}, {file.stat().st_size / 1e6:,.1f} MB"
            show(title, roads(file, Path(folder) / "cache", options.runs))


if __name__ == "__main__":
    main()
