"""The section on the forecasts themselves: information coefficients, quantile returns, calibration, or why there are none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.report import drawings, quality
from engine.report.bars import Bars, NoBars
from engine.report.blocks import Cell, Column, Note, Pair, Section, Table, Unchecked
from engine.report.quality import Calibration, Quality
from engine.report.words import num, number, percent, plural

if TYPE_CHECKING:
    from engine.result import Result

SIGNALS = 4  # shown
TITLE = "Signal quality"
HEAD = (
    Column("Bars ahead"),
    Column("IC", "num", "mean correlation of forecasts and returns"),
    Column("± error", "num"),
    Column("Rank IC", "num", "mean correlation of their ranks"),
    Column("± error", "num", "standard error, Newey-West with one lag less than the bars ahead"),
    Column("Slices", "num"),
)


def section(result: Result, bars: Bars | NoBars) -> Section:
    """What the forecasts were worth before any rule or cost, from each close to the closes after it."""
    lead = "What the forecasts were worth before any rule or cost: each close to the closes after it. "
    lead += "Nothing here says whether they were out of sample."
    forecasts = result.forecasts
    if not forecasts:
        return Section("signals", TITLE, lead, [Unchecked("No forecast was kept", "the strategy used none")])
    if isinstance(bars, NoBars):
        return Section("signals", TITLE, lead, [Unchecked("Signal quality", bars.why)])
    facts = result.facts
    held = result.metrics.get("average_bars_held")
    blocks: list[Any] = []
    for name in list(forecasts)[:SIGNALS]:
        unit = quality.unit_of(facts, name)
        told = quality.measure(name, unit, forecasts[name], bars.adjusted, facts.codes, held)
        blocks += of_signal(told)
    if len(forecasts) > SIGNALS:
        blocks.append(Note(f"The first {SIGNALS} of {len(forecasts)} signals are shown."))
    return Section("signals", TITLE, lead, blocks)


def of_signal(told: Quality) -> list[Any]:
    """Tables and pictures of one signal."""
    if told.why:
        return [Unchecked(f"Signal {told.signal}", told.why)]
    how = "names against each other at each slice" if told.across else "each name over time"
    some = f"; every {told.every}th slice was looked at" if told.every > 1 else ""
    note = Note(f"Signal {told.signal}, unit {told.unit}: {how}{some}.")
    rows = [
        [
            Cell(str(h.bars)),
            num(number(h.ic, 4)),
            num(number(h.error, 4)),
            num(number(h.rank_ic, 4)),
            num(number(h.rank_error, 4)),
            num(f"{h.count:,}"),
        ]
        for h in told.horizons
    ]
    pictures = [ic_figure(told)]
    if told.quantiles is not None:
        pictures.append(quantile_figure(told))
    blocks: list[Any] = [note, Pair(pictures), Table(HEAD, rows, "Information coefficient by horizon")]
    return blocks + calibrated(told)


def ic_figure(told: Quality) -> Any:
    """IC and rank IC by horizon, whiskers of two standard errors."""
    parts = {
        key: np.array([getattr(h, key) for h in told.horizons]) for key in ("ic", "error", "rank_ic", "rank_error")
    }
    labels = [str(h.bars) for h in told.horizons]
    series = [
        (parts["ic"], parts["error"], "mark", "IC"),
        (parts["rank_ic"], parts["rank_error"], "markless", "rank IC"),
    ]
    return drawings.whiskers_figure("IC by bars ahead", "Whiskers are two standard errors", labels, series, False)


def quantile_figure(told: Quality) -> Any:
    """Mean return of each part of the forecasts, the mean of all as a dashed line."""
    q = told.quantiles
    assert q is not None
    count = len(q.mean)
    labels = [f"{k + 1}" for k in range(count)]
    labels[0], labels[-1] = "lowest", "highest"
    spread = f"highest less lowest {percent(q.spread, 2)}"
    if math.isfinite(q.spread_error):
        spread += f" ± {percent(q.spread_error, 2)}"
    part = "fifth" if count == 5 else "third"
    caption = f"Mean return {plural(q.bars, 'bar')} ahead by {part} of the forecasts; {spread}; all, dashed"
    return drawings.whiskers_figure(
        "Return by forecast", caption, labels, [(q.mean, q.error, "mark", "return")], True, q.all
    )


def calibrated(told: Quality) -> list[Any]:
    """The reliability picture with its scores, where the unit is probability."""
    fits: Calibration | None = told.calibration
    if told.unit == "unknown":
        return [Note("The unit is not known, so calibration was not checked.")]
    if told.unit != "probability":
        return []
    if fits is None:
        return [Unchecked("Calibration", f"fewer than {quality.PAIRS} probabilities have an outcome")]
    rows = [
        [
            Cell("Brier score"),
            num(number(fits.brier, 4)),
            Cell("mean squared distance of probability and outcome; less is better", "quiet"),
        ],
        [
            Cell("Brier score of the base rate"),
            num(number(fits.brier_base, 4)),
            Cell(f"always saying {percent(fits.base)}", "quiet"),
        ],
        [
            Cell("Expected calibration error"),
            num(number(fits.error, 4)),
            Cell("mean distance of forecast and frequency over the bins", "quiet"),
        ],
    ]
    picture = drawings.reliability_figure(fits.forecast, fits.happened, fits.low, fits.high, fits.count)
    edges = [f"{k * 10}" for k in range(len(fits.count))]
    spread = drawings.bars_figure(
        "How often each was said", "Forecasts by probability, in percent", edges, fits.count, False
    )
    note = Note(
        "Taken as the probability that the next bar's return is above 0; the horizon a signal was trained for is not declared."
    )
    return [Pair([picture, spread]), Table((Column(""), Column("", "num"), Column("")), rows, "Calibration"), note]
