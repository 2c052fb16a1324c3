"""Small files to fix: bars of one or more names as CSV, and what came out, cell by cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from engine.data.fix import fix
from engine.data.fix.logs import cleaned, log_table, write
from tests.data.audit.bars import calm

DAYS = pd.bdate_range("2022-01-03", periods=400).strftime("%Y-%m-%d")
ORDER = ["date", "symbol", "open", "high", "low", "close", "volume"]


def quiet(count: int = 100, symbol: str = "AA", **more: object) -> pd.DataFrame:
    """Quiet bars of weekdays: closes of 50 that swing by one percent."""
    columns = {name: values for name, values in calm(count).items() if name in ORDER}
    return pd.DataFrame({"date": DAYS[:count], "symbol": symbol, **columns, **more})[[*ORDER, *more]]


def scaled(frame: pd.DataFrame, rows: slice, factor: float, *more: str) -> None:
    for name in ("open", "high", "low", "close", *more):
        values = frame[name].to_numpy().copy()
        values[rows] *= factor
        frame[name] = values


def fixed(frame: pd.DataFrame, folder: Path, kind: str = "csv", **options: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cleaned table and the log; the copy is written, fixed again, and must stay as it is."""
    file, copy, again = (folder / f"{name}.{kind}" for name in ("bars", "copy", "again"))
    frame.to_csv(file, index=False) if kind == "csv" else frame.to_parquet(file)
    before = file.read_bytes()
    done = fix(file, **options)
    write(done, copy, folder / f"log.{kind}")
    second = fix(copy, **options)
    write(second, again, folder / f"log2.{kind}")
    assert second.changes == 0 and again.read_bytes() == copy.read_bytes() and file.read_bytes() == before
    table = cleaned(done).to_pandas()
    for name in table.columns.difference(["date", "symbol"]):
        table[name] = pd.to_numeric(table[name].replace("", np.nan))
    return table, log_table(done.sheet).to_pandas()
