"""Training windows a second, forward, backward and step, with the peak memory of the process; and features a second."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_cases.tables import head, heading, note, row

ROOT = Path(__file__).resolve().parents[2]
WIDE = ["model.hidden=256", "model.layers=3", "model.dropout=0.3"]
RECIPES: tuple[tuple[str, str, int, list[str]], ...] = (  # label, recipe, windows an epoch, overrides
    ("A", "stock_lstm", 2_048, []),
    ("B 128 x 2", "direction_lstm", 4_096, []),
    ("B 256 x 3", "direction_lstm", 1_024, WIDE),
    ("C 128 x 2", "rank_lstm", 4_000, []),
    ("C 192 x 2", "rank_lstm_wide", 2_000, []),
    ("D 192, 96, 48", "attention_lstm", 1_024, []),
)


def training(quick: bool) -> None:
    """The table of recipes; each fit in a process of its own, on the threads its recipe says."""
    heading("Training: an epoch on features of 500 names x 24 years, kept in a mapped file")
    head("recipe", "parameters", "window x inputs", "fp32, windows/s", "bf16, windows/s", "bf16 : fp32", "peak memory")
    for label, name, windows, sets in RECIPES[:1] if quick else RECIPES:
        told = {
            precision: once(name, precision, windows // 8 if quick else windows, sets) for precision in ("fp32", "bf16")
        }
        if not all(told.values()):
            note(f"{label}: not measured; is torch installed?")
            continue
        rates = {precision: one["windows"] / one["seconds"] for precision, one in told.items()}
        row(
            label, f"{told['fp32']['parameters']:,}", told["fp32"]["shape"], f"{rates['fp32']:,.0f}", f"{rates['bf16']:,.0f}",
            f"{rates['bf16'] / rates['fp32']:.2f}", f"{max(one['peak'] for one in told.values()):.2f} GB",
        )  # fmt: skip
    note(f"One thread each. The load was {os.getloadavg()[0]:.1f}.")


def once(name: str, precision: str, windows: int, sets: list[str]) -> dict[str, Any]:
    """What the child tells; nothing if it fails."""
    file = ROOT / "scripts" / "peers" / "train_once.py"
    command = [sys.executable, str(file), f"configs/models/{name}.yaml", precision, str(windows), *sets]
    told = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    if told.returncode:
        print(told.stderr[-2000:], file=sys.stderr)
        return {}
    return dict(json.loads(told.stdout.splitlines()[-1]))


def features(quick: bool, runs: int) -> None:
    """The table of feature sets."""
    from engine.types import Window
    from signals.features import feature_set

    names, slices = (20, 1_000) if quick else (200, 2_500)
    heading(f"Features: {names} names x {slices:,} bars, one thread")
    rng = np.random.default_rng(3)
    close = 50 * np.exp(rng.normal(0, 0.02, (slices, names)).cumsum(axis=0))
    open_ = close * np.exp(rng.normal(0, 0.005, close.shape))
    high, low = np.maximum(open_, close) * 1.005, np.minimum(open_, close) * 0.995
    volume = np.round(rng.lognormal(12, 0.5, close.shape))
    bars = Window(tuple(f"S{k:03d}" for k in range(names)), np.arange(slices), open_, high, low, close, volume)
    head("set", "columns", "bars/s", "features/s")
    for name in ("core14", "core_close", "d27", "d_plus", "wide95"):
        chosen = feature_set(name)
        took = []
        for turn in range(runs + 1):  # the first one compiles
            begun = time.perf_counter()
            chosen.panel(bars)
            took += [time.perf_counter() - begun] if turn else []
        rate = names * slices / statistics.median(took)
        row(name, f"{len(chosen.columns)}", f"{rate / 1e6:,.2f} M", f"{rate * len(chosen.columns) / 1e6:,.1f} M")
