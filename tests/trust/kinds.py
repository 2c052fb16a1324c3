"""Three kinds of strategy whose truth is known, run by the engine and noted in a ledger as a person would have done it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import engine
from engine import trials
from engine.belief import Belief, believe, believe_stored
from engine.lane import run_points
from engine.run import load_config, prepare
from engine.types import Floats

NAMES, YEAR = 20, 252
BASE = {
    "name": "kind",
    "data": {"source": "parquet", "path": "given.parquet", "prices": "split_adjusted", "dividends": "none"},
    "signals": {"f": {"plugin": "precomputed"}},
    "strategy": {"rule": "quintile", "signal": "f", "quantile": "20%", "side": "long_short"},
    "sizing": {"exposure": {"long": "50%", "short": "50%"}},
    "execution": {"lot": 0, "commission": "1 bps"},
    "capital": 1_000_000,
}


def market(seed: int, rows: int, ic: float) -> tuple[engine.Panel, Floats]:
    """(bars that move 1.5 % a day at random, forecasts that correlate `ic` with each next move)."""
    rng = np.random.default_rng((11, seed))
    steps = 0.015 * rng.standard_normal((rows, NAMES))
    close = 100.0 * np.exp(np.cumsum(steps, axis=0))
    opened = np.vstack([np.full((1, NAMES), 100.0), close[:-1]])
    days = np.arange("2010-01-01", "2040-01-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)][:rows]
    columns = (opened, np.maximum(opened, close), np.minimum(opened, close), close, np.full_like(close, 1e9))
    panel = engine.Panel.from_arrays(
        tuple(f"N{k:02d}" for k in range(NAMES)), days, *columns, prices="split_adjusted", lot=0.0
    )
    ahead = np.vstack([steps[1:], np.zeros((1, NAMES))]) / 0.015
    return panel, ic * ahead + np.sqrt(1 - ic**2) * rng.standard_normal((rows, NAMES))


def planted(seed: int, folder: Path) -> Belief:
    """Six years of a true signal (IC 0.06), tried with five quantiles; the best of them."""
    panel, forecasts = market(seed, 6 * YEAR, 0.06)
    loaded = load_config(BASE)
    inputs = prepare(loaded, panel, forecasts)
    points = [{"strategy.quantile": q} for q in ("10%", "15%", "20%", "25%", "30%")]
    lanes = run_points(loaded, points, inputs)
    ledger = folder / trials.LEDGER
    trials.note(ledger, trials.of_lanes(loaded, lanes, inputs, {}))
    best = max(lanes, key=lambda lane: lane.metrics["sharpe"])
    result = engine.backtest(BASE, panel, forecasts, sets=[f"strategy.quantile={best.overrides['strategy.quantile']}"])
    return believe_stored(result, folder / "run")


def overfitted(seed: int, folder: Path) -> Belief:
    """Four years of 45 signals that know nothing; the best of them."""
    results = []
    for k in range(45):
        panel, _ = market(seed, 4 * YEAR, 0.0)
        results.append(
            engine.backtest(BASE, panel, np.random.default_rng((12, seed, k)).standard_normal((4 * YEAR, NAMES)))
        )
    trials.note(folder / trials.LEDGER, [trials.of_result(result) for result in results])
    return believe_stored(max(results, key=lambda result: result.metrics["sharpe"]), folder / "run")


def too_short(seed: int, folder: Path) -> Belief:
    """Half a year of the same true signal, tried once."""
    panel, forecasts = market(seed, YEAR // 2, 0.06)
    return believe(engine.backtest(BASE, panel, forecasts))


KINDS = {"stands": planted, "chance": overfitted, "short": too_short}
