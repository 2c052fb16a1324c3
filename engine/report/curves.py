"""Numbers of the curves: rolling Sharpe and volatility, turnover by period, the benchmark's drawdown and years."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import codes as c
from engine.report import thinning
from engine.statistics import curve, given
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.facts import Facts
    from engine.result import Result

FEWEST = 20  # slices in a rolling window; of fewer, a deviation tells nothing
MOST_PERIODS = 130  # bars of a chart
DROPPED = 10  # drawdowns shown


@dataclass(frozen=True, slots=True)
class Rolling:
    """(S,) figures over the last `window` slices, NaN before there are so many or where they never vary."""

    window: int
    sharpe: Floats
    volatility: Floats


@dataclass(frozen=True, slots=True)
class Periods:
    """Figures per calendar period: `word` is month, quarter or year, `label` names each."""

    word: str
    label: tuple[str, ...]
    value: Floats


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One stretch under water; days are of the calendar. `end` is None while it lasts."""

    depth: float
    start: np.datetime64
    trough: np.datetime64
    end: np.datetime64 | None
    falling: float  # days from start to trough
    recovering: float | None  # days from trough to end
    total: float  # days from start to end, or so far


def window_of(slices: int, bars_per_year: float) -> int:
    """Half a year of slices, or a quarter of the run if that is less; 0 where even that is fewer than FEWEST."""
    half = round(bars_per_year / 2.0) if np.isfinite(bars_per_year) else slices
    window = min(max(half, FEWEST), slices // 4)
    return window if window >= FEWEST else 0


def rolling(returns: Floats, window: int, bars_per_year: float) -> Rolling:
    """Sharpe and volatility as engine.metrics defines them, risk-free 0, over every `window` returns in a row."""
    n = len(returns)
    sharpe, volatility = np.full(n, np.nan), np.full(n, np.nan)
    reached = int(np.argmax(np.isnan(returns))) if np.isnan(returns).any() else n
    if window >= 2 and reached >= window and np.isfinite(bars_per_year):
        known = returns[:reached]
        centre = float(known.mean())  # sums of what is left lose no digits
        first = np.concatenate([[0.0], np.cumsum(known - centre)])
        second = np.concatenate([[0.0], np.cumsum((known - centre) ** 2)])
        mean = (first[window:] - first[:-window]) / window
        variance = (second[window:] - second[:-window] - window * mean**2) / (window - 1)
        changes = np.concatenate([[0], np.cumsum(np.abs(np.diff(known)) > curve.FLAT)])
        varies = changes[window - 1 :] > changes[: reached - window + 1]
        deviation = np.sqrt(np.where(varies & (variance > 0.0), variance, np.nan))
        sharpe[window - 1 : reached] = (mean + centre) / deviation * np.sqrt(bars_per_year)
        volatility[window - 1 : reached] = deviation * np.sqrt(bars_per_year)
    return Rolling(window, sharpe, volatility)


def returns_of(capital: float, equity: Floats) -> Floats:
    """(S,) simple returns, the first on the capital; NaN from ruin on."""
    out = np.full(len(equity), np.nan)
    curve.returns_of(float(capital), given(equity), out)
    return out


def underwater(capital: float, equity: Floats) -> Floats:
    """(S,) equity / highest so far - 1; the capital is the first peak."""
    out = np.empty(len(equity))
    curve.drawdowns(float(capital), given(equity), out)
    return out


def turnover(facts: Facts) -> Periods:
    """Value traded / 2 / mean equity of each period: months, or quarters or years where months are too many."""
    days = facts.dates
    if len(days) == 0:
        return Periods("month", (), np.empty(0))
    months = days.astype("datetime64[M]").astype(np.int64)
    span = int(months[-1] - months[0]) + 1
    word, size = next(
        (w, s) for w, s in (("month", 1), ("quarter", 3), ("year", 12)) if span <= s * MOST_PERIODS or s == 12
    )
    period = months // size
    place = period - period[0]
    f = facts.fills
    counted = (f.reason != c.REASON_SPLIT_CASH) & (f.reason != c.REASON_DEATH)
    value = np.abs(f.quantity * f.price) * facts.instruments.multiplier[f.instrument] * counted
    length = int(place[-1]) + 1
    traded = np.bincount(place[f.t], weights=value, minlength=length)
    slices = np.bincount(place, minlength=length)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(place, weights=facts.curve.equity, minlength=length) / slices
        share = np.where(mean > 0.0, traded / 2.0 / mean, np.nan)
    return Periods(word, tuple(_period(int(k), size) for k in range(int(period[0]), int(period[-1]) + 1)), share)


def _period(number: int, size: int) -> str:
    """The name of a period, counted from 1970."""
    per_year = 12 // size
    year, part = 1970 + number // per_year, number % per_year
    return str(year) if size == 12 else f"{year} Q{part + 1}" if size == 3 else f"{year}-{part + 1:02d}"


def drawdowns(result: Result, most: int = DROPPED) -> list[Drawdown]:
    """The deepest stretches under water; one that begins at the capital starts on the first day."""
    times, frame = result.facts.times, result.drawdowns.head(most)
    if len(frame) == 0:
        return []
    stamps: Any = [frame[name].dt.as_unit("ns").astype("int64").to_numpy() for name in ("peak", "trough", "recovery")]
    lasting = frame["recovery"].isna().to_numpy()
    fresh = frame["peak"].isna().to_numpy()
    peak = np.where(fresh, 0, np.searchsorted(times, stamps[0]))
    trough = np.searchsorted(times, stamps[1])
    end = np.where(lasting, len(times) - 1, np.searchsorted(times, stamps[2]))
    when = moments(result.facts)
    rows = zip(frame["depth"].to_numpy(), peak, trough, end, lasting, strict=True)
    return [_drawdown(float(depth), when, (p, t, e), bool(last)) for depth, p, t, e, last in rows]


def _drawdown(depth: float, when: np.ndarray, rows: tuple[int, int, int], lasting: bool) -> Drawdown:
    start, trough, end = (when[row] for row in rows)
    between = [float((b - a) / np.timedelta64(1, "D")) for a, b in ((start, trough), (trough, end), (start, end))]
    return Drawdown(
        depth, start, trough, None if lasting else end, between[0], None if lasting else between[1], between[2]
    )


def daily(facts: Facts) -> bool:
    """Whether every slice has a session of its own, so that a date names it."""
    return bool((np.diff(facts.dates) > np.timedelta64(0, "D")).all())


def moments(facts: Facts) -> np.ndarray:
    """(S,) what to call each slice: its session's date, or its time to the minute where a session has several."""
    return facts.dates if daily(facts) else facts.times.view("datetime64[ns]").astype("datetime64[m]")


def benchmark_years(facts: Facts) -> dict[int, float]:
    """The benchmark's return in each calendar year; empty without one."""
    from engine.tables import monthly_frame

    if facts.benchmark is None:
        return {}
    frame = monthly_frame(replace(facts, curve=replace(facts.curve, equity=facts.benchmark)))
    return {int(year): float(value) for year, value in zip(frame.index, frame["year"].to_numpy(), strict=True)}


def held(result: Result, points: int) -> tuple[Ints, Floats, Floats, int]:
    """(slices, gross, net, slices in each mean): exposure as multiples of equity, means where slices are many."""
    frame = result.exposure
    rows, gross = thinning.averaged(frame["gross"].to_numpy(), points)
    return rows, gross, thinning.averaged(frame["net"].to_numpy(), points)[1], thinning.grouped(len(frame), points)[1]


def rows_to_draw(values: tuple[Floats | None, ...], points: int) -> Ints:
    """Rows at which the shape of any of several (S,) lines shows: the union of each one's own."""
    rows = [thinning.thin(line, points) for line in values if line is not None]
    return np.unique(np.concatenate(rows))
