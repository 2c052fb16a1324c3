"""What is known to be wrong with real files, and what the audit says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from engine.data.audit.auditing import Audit

MOVES = ("split", "jump", "unit", "wrong_ticker")
BAD = {  # vendor file -> the kind of its defect
    "AET-L-1d-100x-error": "unit",
    "ASAI-L-1h-bad-unit": "unit",
    "ALPHA-PA-1d-bad-stock-split": "split",
    "CNE-L-1d-bad-stock-split": "split",
    "DEX-AX-1d-bad-stock-split": "split",
    "8TRA-DE-1d-missing-div-adjust": "dividend",
    "KEN-TA-1d-bad-div": "dividend",
    "KME-MI-1d-bad-div": "dividend",
}


def said(audit: Audit, *kinds: str) -> list[tuple[str, np.datetime64, np.datetime64, str]]:
    """(symbol, first day, last day, kind) of every finding of these kinds."""
    return [
        (line.symbol, *(np.datetime64(day, "D") for day in one.days()), one.kind)
        for line in audit.lines
        for one in line.findings
        if one.kind in kinds
    ]


def split_truth(folder: Path) -> pd.DataFrame:
    """Splits of the live file that its vendor never adjusted, those of a fifth more or less (spin-offs) apart."""
    truth = pd.read_csv(folder / "us_messy_live_truth_splits.csv", parse_dates=["date"])
    return truth.assign(real=truth["splits"] >= 1.5)


def ratio_steps(folder: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Where Indian closes as traded over adjusted ones change for good by a fifth or more: rows, and the change of each."""
    raw = pd.read_parquet(folder / "india_nifty50_raw_2015_2021.parquet", columns=["date", "symbol", "close"])
    mended = pd.read_parquet(folder / "india_nifty50_1996_2024.parquet", columns=["date", "symbol", "close"])
    mended["symbol"] = mended["symbol"].str.removesuffix(".NS")
    both = raw.merge(mended, on=["date", "symbol"]).sort_values(["symbol", "date"])
    ratio = both["close_x"] / both["close_y"]
    step = ratio / ratio.groupby(both["symbol"]).shift(1)
    lasting = ratio.groupby(both["symbol"]).shift(-5) / ratio.groupby(both["symbol"]).shift(5)
    truth = both[(step < 0.8) & (lasting < 0.8)].assign(date=lambda one: pd.to_datetime(one["date"]))
    return truth, step[truth.index]


def hits(truth: pd.DataFrame, found: list, sessions: np.ndarray) -> list[bool]:
    """Whether each true (symbol, date) has a finding within a session of it."""
    out = []
    for symbol, day in zip(truth["symbol"], truth["date"].to_numpy().astype("datetime64[D]"), strict=True):
        place = int(np.searchsorted(sessions, day))
        near = sessions[max(0, place - 1) : place + 2]
        out.append(
            any(one[0] == symbol and one[1] <= near[-1] and one[2] >= near[0] for one in found) if len(near) else False
        )
    return out


def sessions(file: Path) -> np.ndarray:
    return np.unique(pd.read_parquet(file, columns=["date"])["date"].to_numpy().astype("datetime64[D]"))


def years(audit: Audit) -> float:
    return sum(line.bars for line in audit.lines) / 252.0
