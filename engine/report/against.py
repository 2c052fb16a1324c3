"""A finished run beside another benchmark: another run's equity, or a series of values from a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.errors import DataError
from engine.metrics import of_curve
from engine.result import Result
from engine.types import Floats


def beside(result: Result, source: str | Path) -> Result:
    """The same run with `source` as its benchmark: a run directory, or a .csv or .parquet file of date and value (or close).

    A slice has the last value known on its date; before the first the benchmark stands at the capital, and begins from it.
    DataError where the two share no date, or the file has no such columns.
    """
    path = Path(source)
    name, dates, values = _run(path) if path.is_dir() else _file(path)
    facts = result.facts
    place = np.searchsorted(dates, facts.dates.astype("datetime64[D]"), side="right") - 1
    if len(place) == 0 or place[-1] < 0 or dates[0] > facts.dates[-1]:
        raise DataError(
            f"{path}: it has no value up to {facts.dates[-1] if len(place) else 'the end'}; give a longer series"
        )
    known = values[np.maximum(place, 0)]
    curve = facts.capital * known / known[0]
    metrics = of_curve(curve, facts.times, facts.capital, facts.bars_per_year)[0]
    return Result.of(
        replace(facts, benchmark=curve, benchmark_metrics=metrics, config={**facts.config, "benchmark": name})
    )


def _run(path: Path) -> tuple[str, np.ndarray, Floats]:
    """Name, session dates and equity of another run; the last slice of a session counts."""
    other = Result.load(path)
    dates = other.facts.dates.astype("datetime64[D]")
    last = np.append(dates[1:] != dates[:-1], True)
    return other.name, dates[last], other.facts.curve.equity[last]


def _file(path: Path) -> tuple[str, np.ndarray, Floats]:
    import pandas as pd

    if path.suffix not in (".csv", ".parquet"):
        raise DataError(f"{path}: expected a run directory, a .csv or a .parquet file")
    try:
        frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    column = next((name for name in ("value", "close") if name in frame.columns), None)
    if "date" not in frame.columns or column is None:
        raise DataError(
            f"{path}: expected columns date and value (or close), got {', '.join(map(str, frame.columns[:6]))}"
        )
    try:
        dates = pd.to_datetime(frame["date"]).to_numpy().astype("datetime64[D]")
        values = frame[column].to_numpy(np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: {str(error).splitlines()[0]}") from error
    kept = np.isfinite(values) & ~np.isnat(dates)
    dates, values = dates[kept], values[kept]
    if len(dates) == 0 or not (values > 0.0).all():
        raise DataError(
            f"{path}: expected values above 0, got {len(dates)} of them, {int((values <= 0.0).sum())} at 0 or below"
        )
    order = np.argsort(dates, kind="stable")
    dates, values = dates[order], values[order]
    if (dates[1:] == dates[:-1]).any():
        raise DataError(f"{path}: {dates[1:][dates[1:] == dates[:-1]][0]} stands twice; give one value per date")
    return path.stem, dates, values
