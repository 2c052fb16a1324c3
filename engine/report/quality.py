"""How good the forecasts were, whatever was traded on them: information coefficients, quantile returns, calibration.

A forecast made at the close of slice t is held against adjusted close[t + h] / adjusted close[t] - 1. Where enough names have
one at a time they are ranked against each other (Grinold's IC), else each against its own past and future. Errors are
Newey-West (1987) with h - 1 lags, since returns of more than one bar overlap. Nothing here knows what was traded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import codes as c
from engine.types import Bools, Codes, Floats

if TYPE_CHECKING:
    from engine.facts import Facts

HORIZONS = (1, 2, 5, 10, 20, 60)  # bars
NAMES = 5  # with a forecast at once, from which on names are compared with each other
CELLS = 600_000  # forecasts looked at; of more, every k-th slice
PAIRS = 30  # forecasts with an outcome, below which nothing is said
BINS = 10  # of a probability
Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Horizon:
    """Mean IC and rank IC over `bars` ahead with standard errors, from `count` slices; NaN where not defined."""

    bars: int
    ic: float
    error: float
    rank_ic: float
    rank_error: float
    count: int


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Mean return over `bars` ahead of each fifth (or third) of the forecasts, the lowest first, with standard errors."""

    bars: int
    mean: Floats
    error: Floats
    spread: float
    spread_error: float
    all: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Forecast probabilities against how often the next bar's return was above 0, in bins; `low`, `high` are Wilson's 95 %."""

    forecast: Floats  # (B,) mean of the bin, NaN where it is empty
    happened: Floats
    low: Floats
    high: Floats
    count: Floats
    brier: float
    brier_base: float  # of always saying the base rate
    error: float  # expected calibration error: mean |forecast - happened|, weighted by count
    base: float


@dataclass(frozen=True, slots=True)
class Quality:
    """What one signal's forecasts were worth. `every` slices were looked at; `across` names, or over time."""

    signal: str
    unit: str
    across: bool
    every: int
    horizons: tuple[Horizon, ...]
    quantiles: Quantiles | None
    calibration: Calibration | None
    why: str = ""  # where nothing could be said


def measure(signal: str, unit: str, forecasts: Floats, adjusted: Floats, codes: Codes, held: float | None) -> Quality:
    """Everything about one signal's (S, N) forecasts; `held` is how many bars a trade lasts, which chooses a horizon."""
    slices = len(forecasts)
    outside = (codes & np.uint32(c.DECISION_MASK)) == np.uint32(c.NOT_MEMBER)
    said = np.where(outside, np.nan, forecasts)
    known = np.isfinite(said)
    horizons = [h for h in HORIZONS if h <= slices // 10] or [1]
    if slices < 2 or known.sum() < PAIRS:
        return Quality(signal, unit, False, 1, (), None, None, f"fewer than {PAIRS} forecasts")
    per_slice = known.sum(axis=1)
    across = bool(np.median(per_slice[per_slice > 0]) >= NAMES)
    every = max(1, -(-int(known.sum()) // CELLS))
    rows = np.arange(0, slices, every)
    aim = min(horizons, key=lambda h: abs(h - (1.0 if held is None else held)))
    found, quantiles = [], None
    for h in horizons:
        later = outcomes(adjusted, rows, h)
        lags = -(-(h - 1) // every)
        found.append(correlate(said[rows], later, h, lags, across))
        if h == aim:
            quantiles = by_quantile(said[rows], later, h, lags, across)
    fits = calibrate(said[rows], outcomes(adjusted, rows, 1)) if unit == "probability" else None
    if not any(one.count for one in found):
        return Quality(signal, unit, across, every, (), None, fits, "no forecast has a return to be held against")
    return Quality(signal, unit, across, every, tuple(found), quantiles, fits)


def outcomes(adjusted: Floats, rows: Any, ahead: int) -> Floats:
    """(R, N) simple returns from each of `rows` to `ahead` slices later, NaN where either close is missing."""
    out = np.full((len(rows), adjusted.shape[1]), np.nan)
    inside = rows + ahead < len(adjusted)
    with np.errstate(divide="ignore", invalid="ignore"):
        out[inside] = adjusted[rows[inside] + ahead] / adjusted[rows[inside]] - 1.0
    out[~np.isfinite(out)] = np.nan
    return out


def correlate(said: Floats, later: Floats, bars: int, lags: int, across: bool) -> Horizon:
    """IC and rank IC at one horizon: correlations of each slice averaged, or of each name over time."""
    both = np.isfinite(said) & np.isfinite(later)
    x, y = np.where(both, said, np.nan), np.where(both, later, np.nan)
    if not across:
        x, y, both = x.T, y.T, both.T
    plain, ranked = products(x, y, both), products(ranks(x), ranks(y), both)
    series = [np.nanmean(part[_defined(part)], axis=1) if across else over_time(part) for part in (plain, ranked)]
    (ic, error), (rank_ic, rank_error) = (mean_and_error(part, lags) for part in series)
    return Horizon(bars, ic, error, rank_ic, rank_error, len(series[0]))


def over_time(part: Floats) -> Floats:
    """A series by slice whose mean is the mean correlation of (N, R) products of names over time."""
    part = part[_defined(part)]
    known = ~np.isnan(part)
    some = known.any(axis=0)
    if not some.any():
        return np.empty(0)
    share = np.where(known, part, 0.0) / known.sum(axis=1, keepdims=True)
    return np.asarray(share[:, some].sum(axis=0) * some.sum() / len(part))


def _defined(part: Floats) -> Bools:
    return np.asarray(~np.isnan(part).all(axis=1))


def products(x: Floats, y: Floats, both: Bools) -> Floats:
    """Standardised x times standardised y, whose mean over a row is its correlation; NaN rows where it is not defined."""
    count = both.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        dx = x - np.nansum(x, axis=1, keepdims=True) / count
        dy = y - np.nansum(y, axis=1, keepdims=True) / count
        sx = np.sqrt(np.nansum(dx * dx, axis=1, keepdims=True) / count)
        sy = np.sqrt(np.nansum(dy * dy, axis=1, keepdims=True) / count)
        usable = (count >= NAMES) & (sx > 1e-14) & (sy > 1e-14)
        return np.where(usable, dx * dy / (sx * sy), np.nan)


def ranks(values: Floats) -> Floats:
    """Ranks along each row, the mean of them where values are equal; NaN stays."""
    import pandas as pd

    return np.asarray(pd.DataFrame(values).rank(axis=1).to_numpy(dtype=np.float64))


def mean_and_error(series: Floats, lags: int) -> tuple[float, float]:
    """(mean, standard error) of an (n,) series whose neighbours overlap by `lags`: Newey and West (1987), Bartlett weights."""
    n = len(series)
    if n == 0:
        return float("nan"), float("nan")
    mean = float(series.mean())
    if n < 3:
        return mean, float("nan")
    off = series - mean
    variance = float(off @ off) / n
    for lag in range(1, min(lags, n - 1) + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1.0)) * float(off[lag:] @ off[:-lag]) / n
    return mean, float(np.sqrt(max(variance, 0.0) / n))


def by_quantile(said: Floats, later: Floats, bars: int, lags: int, across: bool) -> Quantiles | None:
    """Mean outcomes of equal parts of the forecasts: of the names of each slice, or of each name over the run."""
    both = np.isfinite(said) & np.isfinite(later)
    x, y = np.where(both, said, np.nan), np.where(both, later, np.nan)
    axis = 1 if across else 0
    place = ranks(x) if across else ranks(x.T).T
    count = both.sum(axis=axis, keepdims=True)
    if not (count >= NAMES).any():
        return None
    typical = float(np.median(count[count > 0]))
    parts = 5 if typical >= 10 else 3
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.floor((place - 0.5) / count * parts)
    part = np.where(count >= parts, part, np.nan)
    means, errors, lines = np.full(parts, np.nan), np.full(parts, np.nan), []
    for k in range(parts):
        line = row_means(np.where(part == k, y, np.nan))
        lines.append(line)
        means[k], errors[k] = mean_and_error(line[~np.isnan(line)], lags)
    difference = lines[-1] - lines[0]
    if across:
        spread, error = mean_and_error(difference[~np.isnan(difference)], lags)
    else:
        spread, error = float(means[-1] - means[0]), float(np.hypot(errors[-1], errors[0]))
    whole = row_means(y)
    return Quantiles(bars, means, errors, spread, error, mean_and_error(whole[~np.isnan(whole)], lags)[0])


def row_means(values: Floats) -> Floats:
    """(R,) mean of what is known of each row, NaN where nothing is."""
    count = np.isfinite(values).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(count > 0, np.nansum(values, axis=1) / count, np.nan))


def calibrate(said: Floats, later: Floats) -> Calibration | None:
    """How often what was called likely came: `said` are probabilities that the return is above 0."""
    both = np.isfinite(said) & np.isfinite(later)
    p, up = said[both], (later[both] > 0.0).astype(np.float64)
    if len(p) < PAIRS:
        return None
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(place, minlength=BINS).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        forecast = np.bincount(place, weights=p, minlength=BINS) / count
        happened = np.bincount(place, weights=up, minlength=BINS) / count
        centre = (happened + Z * Z / (2 * count)) / (1 + Z * Z / count)
        half = Z * np.sqrt(happened * (1 - happened) / count + Z * Z / (4 * count**2)) / (1 + Z * Z / count)
    base = float(up.mean())
    miss = float(np.nansum(np.abs(forecast - happened) * count) / count.sum())
    brier = float(((p - up) ** 2).mean())
    return Calibration(forecast, happened, centre - half, centre + half, count, brier, base * (1 - base), miss, base)


def unit_of(facts: Facts, signal: str) -> str:
    """The unit a signal declares, from the manifest, else from its own arguments, else 'unknown'."""
    told = facts.manifest.get("units", {})
    unit = told.get(signal) if isinstance(told, dict) else None
    if unit is None:
        spec = facts.config.get("signals", {}).get(signal, {})
        unit = spec.get("unit") if isinstance(spec, dict) else None
    return str(unit) if unit in ("return", "probability", "score", "price") else "unknown"
