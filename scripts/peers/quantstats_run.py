"""quantstats: its full table of metrics from a series of daily returns."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import quantstats as qs
from serve import Answer, serve


def curve(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """Returns on the equity from the capital before the first row, as ours are."""
    warnings.filterwarnings("ignore")
    equity = np.load(folder / "equity.npy")
    returns = np.diff(equity, prepend=facts["capital"]) / np.concatenate(([facts["capital"]], equity[:-1]))
    times = pd.to_datetime(np.load(folder / "times.npy")).normalize()
    series = pd.Series(returns, index=times, name="Strategy")

    def run() -> Answer:
        started = time.perf_counter()
        table = qs.reports.metrics(series, mode="full", display=False, periods_per_year=facts["bars_per_year"])
        seconds = time.perf_counter() - started
        sharpe = float(table.loc["Sharpe"].iloc[0])
        return {"seconds": seconds, "lines": len(table), "sharpe": sharpe}

    return run


serve(qs.__version__, {"curve": curve})
