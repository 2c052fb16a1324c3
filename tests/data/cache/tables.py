"""Tables whose panels the cache keeps, and files that nobody has touched for long."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from engine.data import entry, sources
from engine.panel import Panel

LONG_AGO = 1_600_000_000_000_000_000


def table(scale: float = 1.0) -> pd.DataFrame:
    """Two instruments, one that splits, pays, has a sector, a death and a gap; bars that lead to warnings."""
    days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
    frames = []
    for symbol, sector, close in (("AA", "tech", 10.0), ("BB", "energy", 20.0)):
        walk = close * scale * (1.0 + 0.01 * np.arange(len(days)))
        frames.append(pd.DataFrame({"date": days, "symbol": symbol, "sector": sector, "close": walk, "open": walk}))
    out = pd.concat(frames, ignore_index=True).assign(volume=5.0, split=1.0, dividend=0.0, note="x")
    out["high"], out["low"] = out["close"] * 1.1, out["close"] * 0.9
    out.loc[20:59, ["open", "high", "low", "close"]] /= 2.0
    out.loc[20, "split"] = 2.0
    out.loc[30, "dividend"] = 0.1
    out["delisted_at"] = pd.Series(pd.Timestamp("2024-02-28"), out.index).where(out["symbol"] == "BB")
    return out.drop(index=[70, 71]).reset_index(drop=True)


def write(path: Path, frame: pd.DataFrame | None = None, when: int = LONG_AGO) -> Path:
    """A file that nobody has touched for long, so that its times can be believed."""
    frame = table() if frame is None else frame
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    os.utime(path, ns=(when, when))
    return path


def described(path: Path, **said) -> SimpleNamespace:
    keys = ("name", "calendar", "missing_open", "symbols", "start", "end")
    units = {"source": path.suffix[1:] or "parquet", "prices": "as_traded", "dividends": "as_traded"}
    return SimpleNamespace(**dict.fromkeys(keys) | units | said, path=str(path), model_fields_set=set())


def load(path: Path, lot: float = 1.0, tick: float | None = None, **said) -> Panel:
    return sources.load(described(path, **said), lot, tick)


def entries(home: Path) -> list[Path]:
    return sorted(path for path in home.glob("*") if path.name != "files") if home.is_dir() else []


def assert_equal(one: Panel, other: Panel) -> None:
    """Array by array, type by type, word by word."""
    first, second = entry._arrays(one), entry._arrays(other)
    assert list(first) == list(second)
    for name, array in first.items():
        assert array.dtype == second[name].dtype, name
        assert array.tobytes() == second[name].tobytes(), name
        assert array.shape == second[name].shape, name
    words = (*entry.WORDS, "warnings", "bars_per_year", "fingerprint")
    assert [getattr(one, word) for word in words] == [getattr(other, word) for word in words]
    assert one.universe.symbols == other.universe.symbols
    assert one.universe.sector_names == other.universe.sector_names
    assert (one.member is None) == (other.member is None)
