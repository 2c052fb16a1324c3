"""How well a forecast agrees with returns that came before and after it: what can be said of forecasts made elsewhere.

Rank correlations, across names on each slice where there are five or more, and along time for each name. Two numbers agree by
chance, so only what no honest forecast reaches is called a leak; a small leak cannot be told from skill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.audit.pipeline import Pipeline
from engine.checks.finding import Finding, slice_of
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.panel import Panel

NAMES = 5  # on a slice, to rank across them
FEWEST = 60  # slices, to say anything
MOST = 2000  # slices looked at
WIDEST = 100  # names looked at, spread over the universe
HORIZONS = (5, 20, 60)
ABSURD, SURE = 0.2, 6.0  # correlation with the next bar, and its standard errors
FAR = 0.3  # correlation with the return over a horizon
SEEN, SURER = 0.03, 8.0  # a forecast made of past returns, shifted: as good on the next bar as on the last
HIGH, HIGHER = 0.1, 10.0  # a correlation, and its standard errors, that is told of but might be skill
FARTHEST = 20  # bars by which a shift is looked for
SHIFTED = "shifted by a bar: it agrees with the bar to come as it does with the one just closed"
ASKED = "it agrees with the next returns no better than a forecast can, nor as well as with those it was made from"


@dataclass(frozen=True, slots=True)
class Agreement:
    """A mean rank correlation, its t-statistic, over how many slices, and how it was measured."""

    rho: float
    t: float
    slices: int
    way: str  # "across names" | "over time"

    def __str__(self) -> str:
        return f"{self.rho:+.2f} (t {self.t:+.0f})" if abs(self.t) < 1000.0 else f"{self.rho:+.2f} (t beyond 1000)"


NOTHING = Agreement(0.0, 0.0, 0, "over time")


def ranks(values: Floats, axis: int) -> Floats:
    """Ranks among the values that are known along an axis, ties shared, centred and of unit length; NaN stays."""
    import pandas as pd

    ranked = pd.DataFrame(values).rank(axis="columns" if axis else "index").to_numpy(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ranked = ranked - np.nansum(ranked, axis, keepdims=True) / (~np.isnan(ranked)).sum(axis, keepdims=True)
        out: Floats = ranked / np.sqrt(np.nansum(ranked * ranked, axis, keepdims=True))
    return out


def correlations(one: Floats, two: Floats, axis: int, fewest: int) -> Floats:
    """Rank correlation along an axis; NaN with fewer than `fewest` pairs, or where one of the two never varies."""
    both = ~(np.isnan(one) | np.isnan(two))
    a, b = (ranks(np.where(both, values, np.nan), axis) for values in (one, two))
    out: Floats = np.where(both.sum(axis) >= fewest, (a * b).sum(axis, where=both), np.nan)
    return out


def agreement(forecast: Floats, earned: Floats, known: Floats | None = None) -> Agreement:
    """The surer of the agreement across names and over time; `known` returns are taken out of it first (partial).

    Over time all names together count as one series, since they move together: careful, never too sure.
    """
    return max((_across(forecast, earned, known), _along(forecast, earned, known)), key=lambda one: abs(one.t))


def _across(forecast: Floats, earned: Floats, known: Floats | None) -> Agreement:
    rho = correlations(forecast, earned, 1, NAMES)
    fit = rho[~np.isnan(rho)]
    if len(fit) < FEWEST // 3:
        return NOTHING
    error = max(float(fit.std(ddof=1)), 1e-3) / np.sqrt(len(fit))
    mean = float(fit.mean())
    if known is not None:
        mean = _partial(mean, *(_mean(correlations(known, other, 1, NAMES)) for other in (forecast, earned)))
    return Agreement(mean, mean / error, len(fit), "across names")


def _along(forecast: Floats, earned: Floats, known: Floats | None) -> Agreement:
    fewest = FEWEST // 3
    rho = _mean(correlations(forecast, earned, 0, fewest))
    slices = int((~(np.isnan(forecast) | np.isnan(earned))).any(axis=1).sum())
    if slices < fewest or np.isnan(rho):
        return NOTHING
    if known is not None:
        rho = _partial(rho, *(_mean(correlations(known, other, 0, fewest)) for other in (forecast, earned)))
    t = float(np.arctanh(np.clip(rho, -0.9999, 0.9999)) * np.sqrt(max(1, slices - 3)))
    return Agreement(rho, t, slices, "over time")


def _mean(values: Floats) -> float:
    fit = values[~np.isnan(values)]
    return float(fit.mean()) if len(fit) else float("nan")


def _partial(rho: float, with_known: float, known_earned: float) -> float:
    """Correlation left when what both owe to a third is taken out; 0 where the forecast is that third."""
    if np.isnan(with_known) or np.isnan(known_earned):
        return rho
    rest = (1.0 - with_known**2) * (1.0 - known_earned**2)
    return (rho - with_known * known_earned) / float(np.sqrt(rest)) if rest > 1e-3 else 0.0


def log_prices(panel: Panel) -> Floats:
    """(T, N) log of the forward-adjusted close; NaN where there is no bar."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(panel.adjusted.close)


def ahead(prices: Floats, first: int, last: int) -> Floats:
    """(T, N) log return from `first` to `last` bars after each slice (first may be negative); NaN beyond the ends."""
    out = np.full(prices.shape, np.nan)
    rows = np.arange(max(0, -first), len(prices) - max(0, last))
    if len(rows):
        out[rows] = prices[rows + last] - prices[rows + first]
    return out


def audit_agreement(pipeline: Pipeline, name: str) -> Finding:
    """The finding on one signal's forecasts; passed None for precomputed ones that look honest, since it proves nothing."""
    check, panel = f"agreement, {name}", pipeline.panel
    forecast = pipeline.forecasts[name]
    rows = np.flatnonzero((~np.isnan(forecast)).any(axis=1))[-MOST:]
    if len(rows) < FEWEST:
        return Finding(check, None, ASKED, f"not asked: {len(rows)} slices with a forecast, {FEWEST} are needed", name)
    some = np.unique(np.linspace(0, len(panel.universe) - 1, WIDEST).astype(np.int64))
    prices, forecast = log_prices(panel)[:, some], forecast[:, some]
    just = ahead(prices, -1, 0)
    profile = {lag: agreement(forecast[rows], ahead(prices, lag - 1, lag)[rows]) for lag in (-1, 0, 1, 2)}
    new = agreement(forecast[rows], ahead(prices, 0, 1)[rows], just[rows])
    told = f"with the bar before the last {profile[-1]}, the last {profile[0]}, the next {profile[1]}, the one after {profile[2]}"
    where = _where(pipeline, name, forecast, ahead(prices, 0, 1), rows, some)
    kind = _kind(new, profile)
    if not kind or _lasting(profile):
        longer, far = _far(forecast, prices, rows)
        kind, told = longer or kind, told + far
    if kind == SHIFTED:
        kind = _shift(forecast[rows], prices, rows, profile[0].rho)
    share = _same_sign(forecast[rows], ahead(prices, 0, 1)[rows])
    told += f"; sign of the next bar {share:.0%}" if share == share else ""
    if kind:
        return Finding(check, False, ASKED, f"{kind}: {told}", where, kind.split(":")[0])
    if abs(new.rho) >= HIGH and abs(new.t) >= HIGHER:
        return Finding(check, None, ASKED, f"higher than forecasts are, and perhaps skill: {told}", where, "suspicious")
    if pipeline.precomputed(name):
        return Finding(check, None, ASKED, f"nothing absurd, which proves nothing: {told}", f"signal {name}")
    return Finding(check, True, ASKED, told, f"signal {name}")


def _lasting(profile: dict[int, Agreement]) -> bool:
    """Whether it knows the bar after the next as it knows the next: no shift by one bar, but something longer."""
    return abs(profile[2].rho) >= 0.5 * abs(profile[1].rho) and abs(profile[2].t) >= SURE


def _kind(new: Agreement, profile: dict[int, Agreement]) -> str:
    """The kind of leak that agreement with the next bar shows; empty for none."""
    last = profile[0]
    continues = abs(last.rho) >= SEEN and abs(last.t) >= SURER and new.rho * last.rho > 0.0
    if continues and abs(new.t) >= SURER and abs(new.rho) >= 0.5 * abs(last.rho):
        return SHIFTED
    if abs(new.rho) >= ABSURD and abs(new.t) >= SURE:
        return "foresight: no forecast made before the bar knows its return so well"
    return ""


def _shift(forecast: Floats, prices: Floats, rows: Ints, last: float) -> str:
    """By how many bars it is shifted: as far ahead as it agrees half as well as with the bar just closed."""
    bars = 1
    while bars < FARTHEST and agreement(forecast, ahead(prices, bars, bars + 1)[rows]).rho / last >= 0.5:
        bars += 1
    return SHIFTED if bars == 1 else f"shifted by {bars} bars: it agrees with those to come as with the one just closed"


def _far(forecast: Floats, prices: Floats, rows: Ints) -> tuple[str, str]:
    """(kind, numbers) of agreement with returns over longer horizons, each from slices that do not overlap."""
    best: tuple[float, str, str] = (0.0, "", "")
    for horizon in HORIZONS:
        one = agreement(forecast[rows[::horizon]], ahead(prices, 0, horizon)[rows[::horizon]])
        if abs(one.rho) >= FAR and abs(one.t) >= SURE and abs(one.t) > best[0]:
            kind = f"foresight over {horizon} bars: as data stamped earlier than it was published, or a label of that length"
            best = (abs(one.t), kind, f"; with the next {horizon} bars {one} on {one.slices} slices {one.way}")
    return best[1], best[2]


def _where(pipeline: Pipeline, name: str, forecast: Floats, earned: Floats, rows: Ints, some: Ints) -> str:
    each = np.abs(correlations(forecast[rows], earned[rows], 0, FEWEST // 3))
    column = int(some[0 if np.isnan(each).all() else np.nanargmax(each)])
    first, last = (slice_of(pipeline.panel, int(row)) for row in (rows[0], rows[-1]))
    return f"signal {name}, {pipeline.panel.universe.symbols[column]} most, {first} to {last}"


def _same_sign(forecast: Floats, earned: Floats) -> float:
    """Share of forecasts on the side of the next bar; NaN where they take one side only, as probabilities do."""
    use = ~(np.isnan(forecast) | np.isnan(earned)) & (forecast != 0.0) & (earned != 0.0)
    if not use.any() or (forecast[use] > 0.0).all() or (forecast[use] < 0.0).all():
        return float("nan")
    return float((np.sign(forecast[use]) == np.sign(earned[use])).mean())
