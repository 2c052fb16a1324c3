"""Honest probabilities of a planted market hardly pass .7: a share of each name's own last forecasts is the gate that trades."""

from __future__ import annotations

import numpy as np
import pytest

import engine
from engine import codes as c
from engine.lane import digest_of, lanes

SLICES, NAMES, RHO, DAILY = 1_000, 6, 0.35, 0.01


@pytest.fixture(scope="module")
def planted():
    """(panel, (T, N) probabilities of a rise from the next open to the one after, correlated .35 with that return)."""
    rng = np.random.default_rng(11)
    known, noise = rng.standard_normal((2, SLICES, NAMES))
    moves = DAILY * (RHO * known + np.sqrt(1.0 - RHO**2) * noise)
    opens = 100.0 * np.exp(
        np.vstack([np.zeros((2, NAMES)), np.cumsum(moves[:-2], axis=0)])
    )  # open t+1 to open t+2 is move t
    days = np.busday_offset("2015-01-01", np.arange(SLICES), roll="forward")
    grids = (opens, opens, opens, opens, np.full(opens.shape, 1e9))
    names = [f"S{i}" for i in range(NAMES)]
    panel = engine.Panel.from_arrays(names, days, *grids, prices="split_adjusted", calendar="XNYS", verify=False)
    return panel, 0.5 + 0.04 * np.tanh(known)  # in the right order, and never above .54


def file(**strategy):
    return {
        "name": "planted",
        "data": {"source": "csv", "path": "none.csv", "prices": "split_adjusted", "dividends": "none"},
        "signals": {"up": {"plugin": "precomputed", "unit": "probability"}},
        "strategy": {"rule": "threshold", "signal": "up", "size": "10%", "max_positions": NAMES} | strategy,
        "execution": {"lot": 0},
    }


def test_a_fixed_confidence_trades_nothing_and_says_so(planted):
    result = engine.backtest(file(confidence=0.7), *planted)
    assert len(result.fills) == 0
    assert any("'below confidence'" in warning for warning in result.warnings)


def test_the_top_tenth_of_each_names_last_year_is_entered_and_earns_what_was_planted(planted):
    result = engine.backtest(file(confidence="top 10% trailing 252"), *planted)
    entries = np.count_nonzero(result.decisions & np.uint32(c.DECISION_MASK) == c.ENTER)
    # a tenth of the 748 slices with a full record, of six names; one that stays in the top tenth enters once
    assert 0.07 < entries / ((SLICES - 252) * NAMES) < 0.11
    trades = result.trades
    gains = trades["exit_price"] / trades["entry_price"] - 1.0
    # .35 x 1 % x 1.75, the mean of the top tenth of a normal, a slice; and one time in ten it is held for another
    assert gains.mean() == pytest.approx(RHO * DAILY * 1.75 / 0.9, rel=0.2)


def test_a_run_shorter_than_the_record_says_why_it_did_nothing(planted):
    panel, probabilities = planted
    short = panel.cut(end=str(panel.dates()[199]))
    result = engine.backtest(file(confidence="top 10% trailing 252"), short, probabilities[:200])
    assert result.warnings[-1] == (
        "no trades: in the 200 slices no name has as many forecasts as its confidence compares with"
    )


def test_lanes_of_several_gates_are_the_runs_themselves(planted):
    gates = ["top 10% trailing 252", "top 25% trailing 40", 0.52]
    for lane, gate in zip(
        lanes(file(confidence=0.7), planted[0], {"strategy.confidence": gates}, forecasts=planted[1]),
        gates,
        strict=True,
    ):
        alone = engine.backtest(file(confidence=gate), *planted)
        assert lane.digest == digest_of(alone.facts.fills, alone.decisions) and lane.fills > 100
