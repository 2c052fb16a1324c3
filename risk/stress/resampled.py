"""Other histories of the same market: its slices in another order, block by block, and the strategy run over each.

A slice is drawn whole, so what moves together still does, and blocks of random length keep what follows upon itself (Politis and
Romano 1994). Unlike a resampling of the strategy's returns, the strategy sees these bars and decides anew. Within a state of the
market, blocks begin in it and end where it ends: histories of nothing but calm, or of nothing but storm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, default_rng

from engine.config import Config
from engine.errors import DataError
from engine.metrics import compute
from engine.panel import Panel
from engine.run import Inputs, engine_of, make_signals, record_of
from engine.trades import round_trips
from engine.types import Bools, Floats, Ints
from risk.stress.grafting import moves
from risk.stress.shocked import forecasts_of

BLOCK = 20.0  # slices, mean
SHOWN = ("total_return", "sharpe", "max_drawdown")
QUANTILES = (0.05, 0.5, 0.95)
Progress = Callable[[int, int], None]


class Histories(NamedTuple):
    """What (K,) histories came to; NaN where a figure is undefined."""

    state: str | None  # the state they are drawn from; None: all slices
    block: float
    figures: dict[str, Floats]

    def quantiles(self) -> dict[str, list[float | None]]:
        """QUANTILES of each figure over the histories that have it."""
        out: dict[str, list[float | None]] = {}
        for name, values in self.figures.items():
            known = values[~np.isnan(values)]
            out[name] = [float(np.quantile(known, q)) for q in QUANTILES] if len(known) else [None] * len(QUANTILES)
        return out

    def loses(self) -> float:
        """The share of histories in which money is lost."""
        return float((self.figures["total_return"] < 0.0).mean())


def resampled(
    config: Config,
    inputs: Inputs,
    count: int,
    seed: int = 0,
    state: str | None = None,
    within: Bools | None = None,
    block: float = BLOCK,
    progress: Progress | None = None,
) -> Histories:
    """`count` histories as long as the panel, from the slices that `within` (T,) marks, or all.

    DataError for signals whose forecasts were made elsewhere: they belong to the dates they were made for.
    """
    panel = inputs.panel
    not_given(config)
    allowed = np.ones(len(panel), np.bool_) if within is None else within.copy()
    allowed[0] = False
    if allowed.sum() < 2:
        raise DataError(f"resample: expected 2 slices or more in {state or 'the data'}, got {int(allowed.sum())}")
    ratios = moves(panel)
    rng = default_rng(seed)
    figures = {name: np.full(count, np.nan) for name in SHOWN}
    for k in range(count):
        bars = history(panel, ratios, drawn(allowed, len(panel), block, rng))
        for name, value in figures_of(config, bars).items():
            figures[name][k] = value
        if progress is not None:
            progress(k + 1, count)
    return Histories(state, block, figures)


def not_given(config: Config) -> None:
    """Nothing; DataError where a signal's forecasts were made elsewhere."""
    fixed = [name for name, one in make_signals(config).items() if getattr(one, "given_by_the_run", False)]
    if fixed:
        raise DataError(
            f"signals.{fixed[0]}: forecasts made elsewhere say nothing of other histories; resample needs a signal"
        )


def figures_of(config: Config, bars: Panel) -> dict[str, float]:
    """SHOWN of a run over `bars`, by signals that see nothing else; NaN where one is undefined."""
    signals = make_signals(config)
    forecasts = forecasts_of(config, bars, signals)
    engine = engine_of(config, bars, signals, forecasts)
    engine.run()
    record = record_of(engine, bars, forecasts, config.capital, 0.0)
    values, _ = compute(record, round_trips(record))
    return {name: np.nan if (value := values[name]) is None else float(value) for name in SHOWN}


def drawn(allowed: Bools, length: int, block: float, rng: Generator) -> Ints:
    """(length,) rows: from each the next one follows with probability 1 - 1 / block, where it is allowed; else any that is."""
    starts = np.flatnonzero(allowed)
    fresh = starts[rng.integers(0, len(starts), length)]
    goes_on = rng.random(length) >= 1.0 / block
    out = np.empty(length, np.int64)
    out[0] = fresh[0]
    for t in range(1, length):
        following = out[t - 1] + 1
        out[t] = following if goes_on[t] and following < len(allowed) and allowed[following] else fresh[t]
    return out


def history(panel: Panel, ratios: list[Floats], rows: Ints) -> Panel:
    """The panel with the bars of `rows`, one after the other, at its own times; every name begins at 100."""
    close = ratios[3][rows]
    steps = np.where(np.isnan(close), 1.0, close)
    level = 100.0 * np.cumprod(steps, axis=0)
    before = np.vstack((np.full((1, level.shape[1]), 100.0), level[:-1]))
    bars = [column[rows] * before for column in ratios[:4]]
    return Panel.from_arrays(
        panel.universe.symbols, panel.times, bars[0], bars[1], bars[2], bars[3], ratios[4][rows], prices="total_return",
        calendar=panel.calendar, missing_open=panel.missing_open, universe=panel.universe, member=panel.member,
        verify=False, name=panel.name,
    )  # fmt: skip
