"""One assumption at a time, and how much money a strategy can carry."""

from __future__ import annotations

import numpy as np
import pytest

from engine.config import load
from engine.panel import Panel
from engine.run import prepare
from risk.stress.assumptions import LEVELS, Level, assumptions, halved, moved


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(5)
    close = 50 * np.exp(np.cumsum(0.01 * rng.standard_normal((300, 8)), axis=0))
    times = np.busday_offset("2020-01-01", np.arange(300), roll="forward")
    bars = Panel.from_arrays(
        [f"S{k}" for k in range(8)], times, close, close, close, close, np.full(close.shape, 20_000.0), prices="split_adjusted",
    )  # fmt: skip
    config = load(
        {
            "name": "weekly",
            "data": {"source": "csv", "path": "none.csv", "prices": "split_adjusted", "dividends": "none"},
            "signals": {"r": {"plugin": "reversal", "lookback": 5}},
            "strategy": {"rule": "quintile", "signal": "r", "quantile": "25%", "positive_only": False, "min_names": 2, "rebalance": "daily"},
            "exits": {"stop_loss": "5%"},
            "execution": {"commission": "5 bps", "slippage": "5 bps"},
            "capital": 10_000,
            "benchmark": "none",
        }
    )  # fmt: skip
    return config, assumptions(config, prepare(config, bars, None))


def test_costs_are_moved_to_nothing_and_to_twice_and_less_cost_is_never_worse(found):
    config, told = found
    assert ("execution.commission", 0.0, 0.001) in moved(config)
    commission = next(one for one in told.tornado if one.key == "execution.commission")
    assert commission.sharpe[0] > told.sharpe > commission.sharpe[1]


def test_only_what_the_file_sets_is_moved(found):
    config, _ = found
    keys = [key for key, _, _ in moved(config)]
    assert "exits.stop_loss" in keys and "strategy.quantile" in keys
    assert "exits.take_profit" not in keys and "sizing.vol_target" not in keys


def test_a_move_that_the_rules_forbid_is_left_out(found):
    from risk.stress.assumptions import _valid

    config, _ = found
    assert not _valid(config, "strategy.quantile", 0.9, 1.5)
    assert _valid(config, "strategy.quantile", 0.2, 0.3)


def test_a_share_of_past_forecasts_is_moved_by_a_quarter_of_the_share(found):
    from risk.stress.assumptions import _valid

    gate = {"rule": "threshold", "signal": "r", "confidence": "top 10% trailing 20"}
    config = load(found[0].resolved() | {"strategy": gate})
    assert ("strategy.confidence", "top 7.5% trailing 20", "top 12.5% trailing 20") in moved(config)
    assert _valid(config, "strategy.confidence", "top 7.5% trailing 20", "top 12.5% trailing 20")
    assert not _valid(config, "strategy.confidence", "top 75% trailing 20", "top 125% trailing 20")


def test_the_tornado_has_its_widest_first(found):
    spans = [one.span for one in found[1].tornado]
    assert spans == sorted(spans, reverse=True) and spans[0] > 0.0


def test_capacity_falls_as_money_meets_the_volume(found):
    told = found[1]
    assert len(told.capacity) == LEVELS
    assert told.capacity[0].capital == 10_000 and told.capacity[-1].capital == pytest.approx(1e9)
    assert abs(told.capacity[-1].cagr) < 0.01 < abs(told.capacity[0].cagr)  # a billion cannot be placed in these names


def test_half_the_return_is_the_first_level_at_or_below_it():
    levels = tuple(Level(c, None, r) for c, r in ((1.0, 0.20), (2.0, 0.15), (4.0, 0.10), (8.0, 0.12)))
    assert halved(levels) == 4.0
    assert halved(levels[:2]) is None
    assert halved((Level(1.0, None, -0.1), Level(2.0, None, -0.2))) is None
