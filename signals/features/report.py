"""What is odd about features: how much is not known, how the numbers lie and drift, which columns say the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.types import Floats
from signals.features.store import Features

QUANTILES = (0.01, 0.25, 0.50, 0.75, 0.99)
ROWS = 400_000  # rows that quantiles and correlations are read from, evenly spread
ALIKE = 0.98
YEAR = np.timedelta64(1, "Y")


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """One column. Quantiles are those of QUANTILES, drift in quartile ranges of the whole."""

    name: str
    nan: float  # share of the rows with a bar where the column is not known, its memory at the start counted
    quantiles: tuple[float, ...]
    drift: float  # median of the last third of the slices less that of the first, over the quartile range
    years: dict[int, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Report:
    set: str
    sha256: str
    instruments: int
    slices: int
    bars: int  # rows in which some column is known
    read: int  # rows that quantiles and correlations are read from
    columns: tuple[ColumnReport, ...]
    distinct: int  # columns that no earlier one equals
    alike: tuple[tuple[str, str, float], ...]  # pairs whose correlation is beyond `threshold`, strongest first
    highest: tuple[str, str, float]  # the pair with the largest absolute correlation
    threshold: float


def report(features: Features, threshold: float = ALIKE) -> Report:
    """The Report of all slices. Correlations are Pearson's over rows in which every column is known."""
    count, slices, width = features.values.shape
    known, bars = np.zeros(width, np.int64), 0
    for i in range(count):
        finite = ~np.isnan(features.values[i])
        known += finite.sum(axis=0)
        bars += int(finite.any(axis=1).sum())
    rows, at = sample(features)
    years = features.times[at].astype("datetime64[ns]").astype("datetime64[Y]").astype(np.int64) + 1970
    columns = [
        _column(name, 1.0 - known[k] / bars if bars else np.nan, rows[:, k], at, years, slices)
        for k, name in enumerate(features.columns)
    ]
    matrix = correlations(rows)
    pairs = [
        (features.columns[i], features.columns[j], float(matrix[i, j]))
        for i in range(width)
        for j in range(i + 1, width)
    ]
    pairs = sorted((pair for pair in pairs if not np.isnan(pair[2])), key=lambda pair: -abs(pair[2]))
    return Report(
        features.name,
        features.sha256,
        count,
        slices,
        bars,
        len(rows),
        tuple(columns),
        _distinct(rows),
        tuple(pair for pair in pairs if abs(pair[2]) > threshold),
        pairs[0] if pairs else ("", "", float("nan")),
        threshold,
    )


def sample(features: Features) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(R, F) rows in which some column is known, evenly spread over all, and (R,) their slices."""
    count, slices, _ = features.values.shape
    step = max(1, -(-count * slices // ROWS))
    parts, places = [], []
    for i in range(count):
        at = np.arange((-i * slices) % step, slices, step)  # as if all rows stood under each other
        rows = features.values[i, at]
        some = ~np.isnan(rows).all(axis=1)
        parts.append(rows[some])
        places.append(at[some])
    return np.concatenate(parts), np.concatenate(places)


def correlations(rows: NDArray[np.float32]) -> Floats:
    """(F, F) Pearson over the complete rows; NaN for a column that does not vary."""
    whole = rows[~np.isnan(rows).any(axis=1)].astype(np.float64)
    with np.errstate(all="ignore"):
        centred = (whole - whole.mean(axis=0)) if len(whole) else whole
        cross = centred.T @ centred
        scale = np.sqrt(np.diag(cross))
        matrix: Floats = cross / np.outer(scale, scale)
    return matrix


def _column(
    name: str,
    nan: float,
    values: NDArray[np.float32],
    at: NDArray[np.int64],
    years: NDArray[np.int64],
    slices: int,
) -> ColumnReport:
    known = ~np.isnan(values)
    numbers, at, years = values[known].astype(np.float64), at[known], years[known]
    whole = quantiles(numbers)
    early, late = numbers[at < slices // 3], numbers[at >= slices - slices // 3]
    width = whole[3] - whole[1]
    moved = np.median(late) - np.median(early) if len(early) and len(late) and width > 0 else np.nan
    by_year = {int(year): quantiles(numbers[years == year]) for year in np.unique(years)}
    return ColumnReport(name, float(nan), whole, float(moved / width) if width > 0 else float("nan"), by_year)


def quantiles(values: Floats) -> tuple[float, ...]:
    """Those of QUANTILES; NaN of nothing."""
    if not len(values):
        return tuple(float("nan") for _ in QUANTILES)
    return tuple(float(q) for q in np.quantile(values, QUANTILES))


def _distinct(rows: NDArray[np.float32]) -> int:
    """How many columns differ from every earlier one, bit for bit."""
    return len({np.ascontiguousarray(rows[:, k]).tobytes() for k in range(rows.shape[1])})
