"""Run a strategy into a scenario, and tell what became of today's book and what its stops and switches did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from engine import codes
from engine.config import Config, load
from engine.contracts import Signal
from engine.forecasts import forecast
from engine.panel import Panel
from engine.record import Record
from engine.run import Inputs, engine_of, make_signals, record_of
from engine.types import Floats
from risk.stress.grafting import extended
from risk.stress.scenarios import USUAL, Book, Shock

Say = Callable[[str], None]


class Outcome(NamedTuple):
    """What a scenario did to a book. Figures are of the slices grafted; undefined ones are NaN."""

    name: str
    said: str  # what happened, or why it could not
    slices: int
    result: float  # equity at its end over today's, less 1
    worst: float  # lowest equity over today's, less 1
    before: float  # gross exposure today
    after: float  # and at the end
    fills: dict[str, int]  # by reason
    braked: int  # slices on which a switch took or cut a decision
    ruined: bool
    same_past: bool  # equity up to today is that of the run without the scenario


def shocks(config: Config, inputs: Inputs, record: Record, say: Say = lambda text: None) -> list[Outcome]:
    """Every usual scenario on the book of `record`, which `config` made of `inputs`."""
    book = Book(config, inputs.panel, record.quantity)
    out = []
    for name, scenario in USUAL.items():
        say(name)
        shock = scenario(book)
        out.append(_missing(name) if shock is None else outcome(name, config, inputs.panel, record, shock))
    return out


def outcome(name: str, config: Config, panel: Panel, record: Record, shock: Shock) -> Outcome:
    """One scenario: the run over the longer panel; what the scenario changes holds from today on, not over the past."""
    whole = into(config, extended(panel, shock.graft), shock.changes, len(record.equity))
    today = len(record.equity) - 1
    equity = whole.equity[today:] / record.equity[-1]
    counts = Counter(codes.REASONS[int(code)] for code in whole.fills.reason[whole.fills.t > today])
    return Outcome(
        name, shock.said, len(equity) - 1, float(equity[-1] - 1.0), float(equity.min() - 1.0),
        gross(record, today), gross(whole, -1), dict(counts), braked(whole.codes[today + 1 :]),
        whole.ended == "ruin", bool((whole.equity[: today + 1] == record.equity).all()),
    )  # fmt: skip


def into(config: Config, longer: Panel, changes: Mapping[str, Any], start: int) -> Record:
    """The Record of a run over `longer` whose rules are those of `changes` from slice `start` on."""
    signals = make_signals(config)
    forecasts = forecasts_of(config, longer, signals)
    engine = engine_of(config, longer, signals, forecasts)
    engine.run(start)
    if changes:
        engine.rules = engine_of(configure(config, changes), longer, signals, forecasts).rules
    engine.run()
    return record_of(engine, longer, forecasts, config.capital, 0.0)


def forecasts_of(config: Config, panel: Panel, signals: Mapping[str, Signal]) -> dict[str, Floats]:
    """(T, N) forecasts of every signal over other bars than the run's own."""
    return {name: forecast(name, signal, config, panel, None) for name, signal in signals.items()}


def configure(config: Config, changes: Mapping[str, Any]) -> Config:
    """The configuration with other values at dotted keys."""
    return load(config, [f"{key}={value!r}" for key, value in changes.items()])


def gross(record: Record, row: int) -> float:
    """Gross exposure at the end of a slice; NaN where equity is not above 0."""
    equity = float(record.equity[row])
    return float(record.long_value[row] - record.short_value[row]) / equity if equity > 0.0 else float("nan")


def braked(found: np.ndarray) -> int:
    """How many of (S, N) decisions a switch took or cut."""
    decisions = found & np.uint32(codes.DECISION_MASK)
    return int(
        (
            (decisions == np.uint32(codes.HALTED))
            | (decisions == np.uint32(codes.FLATTEN))
            | (found & np.uint32(codes.REDUCED) != 0)
        )
        .any(axis=1)
        .sum()
    )


def _missing(name: str) -> Outcome:
    nan = float("nan")
    return Outcome(name, "not covered by the data", 0, nan, nan, nan, nan, {}, 0, False, True)
