"""Other histories: whole slices in another order, which the strategy sees and decides on anew."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.config import load
from engine.errors import DataError
from engine.panel import Panel
from engine.run import prepare
from risk.stress.grafting import moves
from risk.stress.resampled import drawn, history, resampled
from risk.stress.simulated import simulated


def market(rows: int = 120) -> Panel:
    """Three names, the third a twin of the first; bars with holes."""
    rng = np.random.default_rng(8)
    close = 50 * np.exp(np.cumsum(0.02 * rng.standard_normal((rows, 3)), axis=0))
    close[:, 2] = 2.0 * close[:, 0]
    close[30, 1] = math.nan
    days = np.busday_offset("2020-01-01", np.arange(rows), roll="forward")
    volume = np.where(np.isnan(close), math.nan, 1e6)
    return Panel.from_arrays(("A", "B", "C"), days, close, close, close, close, volume, prices="split_adjusted")


def config(**more):
    return load(
        {
            "name": "r",
            "data": {"source": "csv", "path": "none.csv", "prices": "split_adjusted", "dividends": "none"},
            "signals": {"f": {"plugin": "reversal", "lookback": 2}},
            "strategy": {"rule": "quintile", "signal": "f", "quantile": "34%", "positive_only": False, "min_names": 2},
            "capital": 1000,
            "benchmark": "none",
            **more,
        }
    )  # fmt: skip


def test_a_block_goes_on_until_it_ends_and_never_leaves_what_is_allowed():
    allowed = np.zeros(100, np.bool_)
    allowed[10:20] = allowed[50:60] = True
    rows = drawn(allowed, 5_000, 5.0, np.random.default_rng(1))
    assert allowed[rows].all()
    goes_on = np.diff(rows) == 1
    assert 0.6 < goes_on.mean() < 0.85  # 4 of 5 would, but for the ends of the stretches
    alone = drawn(allowed, 5_000, 1.0, np.random.default_rng(1))
    assert (np.diff(alone) == 1).mean() < 0.1


def test_a_history_in_its_own_order_is_the_market_itself():
    panel = market()
    made = history(panel, moves(panel), np.arange(120))
    ours, theirs = made.close[1:] / made.close[1], panel.close[1:] / panel.close[1]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert np.isnan(made.close[30, 1])


def test_names_that_move_as_one_still_do():
    panel = market()
    rows = drawn(np.arange(120) > 0, 120, 10.0, np.random.default_rng(2))
    made = history(panel, moves(panel), rows)
    np.testing.assert_allclose(made.close[:, 0], made.close[:, 2], rtol=1e-12)


def test_the_same_seed_draws_the_same_and_the_strategy_sees_other_bars():
    inputs = prepare(config(), market(), None)
    one, same, other = (resampled(config(), inputs, 3, seed) for seed in (4, 4, 5))
    assert one.figures["sharpe"].tolist() == same.figures["sharpe"].tolist()
    assert one.figures["sharpe"].tolist() != other.figures["sharpe"].tolist()
    assert len(set(one.figures["total_return"])) == 3
    low, middle, high = one.quantiles()["total_return"]
    assert low < middle < high


def test_forecasts_made_elsewhere_say_nothing_of_other_histories():
    fixed = config(signals={"f": {"plugin": "precomputed", "unit": "score"}})
    inputs = prepare(fixed, market(), np.zeros((120, 3)))
    with pytest.raises(DataError, match=r"signals\.f: forecasts made elsewhere"):
        resampled(fixed, inputs, 2)


def test_a_state_that_never_was_is_refused():
    inputs = prepare(config(), market(), None)
    with pytest.raises(DataError, match="2 slices or more in storm"):
        resampled(config(), inputs, 2, state="storm", within=np.zeros(120, np.bool_))


def markets(tmp_path) -> str:
    """Twenty names of 1.5 % a day that nothing foretells."""
    file = tmp_path / "markets.yaml"
    file.write_text(
        "name: plain\nseed: 7\nnames: 20\nbars: 260\nmode: plain\nown: {volatility: 24%}\nsignal: {shape: none}\n"
    )
    return str(file)


def test_simulated_markets_are_each_another_and_the_same_for_the_same_seed(tmp_path):
    one, same, other = (simulated(config(), markets(tmp_path), 4, seed) for seed in (1, 1, 2))
    assert one.state == "simulated: plain" and len(set(one.figures["total_return"])) == 4
    assert one.figures["sharpe"].tolist() == same.figures["sharpe"].tolist() != other.figures["sharpe"].tolist()


def test_a_simulated_market_is_what_the_file_makes_of_that_seed(tmp_path):
    from engine import backtest
    from engine.markets import simulate
    from engine.markets.reading import read, reseeded

    file = markets(tmp_path)
    found = simulated(config(), file, 2, seed=1)
    panel = simulate(reseeded(read(file), 2 * 1_000_003 + 1)).panel()
    assert backtest(config(), panel).metrics["sharpe"] == pytest.approx(found.figures["sharpe"][1], rel=1e-12)


def test_the_command_runs_over_simulated_markets_and_says_how_many(tmp_path):
    from typer.testing import CliRunner

    from engine.cli import app

    words = ["stress", "configs/demo/us20-quintile.yaml", "--set", "data.start=2021-01-01"]
    done = CliRunner().invoke(app, [*words, "--simulate", markets(tmp_path), "--resample", "3"])
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if line.startswith("simulated: plain"))
    assert row.split()[2] == "3" and "all slices" in done.stdout
