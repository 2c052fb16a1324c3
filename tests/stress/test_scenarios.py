"""Shocks to today's book, on bars and money that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.config import load
from engine.panel import Panel
from engine.run import make_signals, prepare, run_record
from risk.stress.grafting import Graft, extended, replay, scaled, still
from risk.stress.scenarios import Book, borrow, crash, deaths, drought, gap, together, volatility
from risk.stress.shocked import configure, outcome, shocks

DATES = np.array(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"], "datetime64[D]")


def panel(*columns: list[float], volume: float = 1000.0) -> Panel:
    """Daily bars A, B, ... whose open, high, low and close are all the prices given."""
    close = np.array(columns).T
    names = tuple("ABCDEFGH"[: len(columns)])
    return Panel.from_arrays(
        names, DATES[: len(close)], close, close, close, close, np.full(close.shape, volume), prices="split_adjusted",
        calendar="XNYS", lot=0.0,
    )  # fmt: skip


def config(**more):
    """All of the capital in every name that rose over the last bar, in equal parts."""
    return load(
        {
            "name": "hold",
            "data": {"source": "csv", "path": "none.csv", "prices": "split_adjusted", "dividends": "none"},
            "signals": {"up": {"plugin": "momentum", "lookback": 1, "skip": 0}},
            "strategy": {
                "rule": "quintile", "signal": "up", "quantile": "100%", "side": "long", "positive_only": False, "min_names": 1,
            },
            "capital": 1000,
            "benchmark": "none",
            "execution": {"lot": 0},
            **more,
        }
    )  # fmt: skip


def ran(bars: Panel, **more):
    settings = config(**more)
    inputs = prepare(settings, bars, None)
    return settings, inputs, run_record(settings, *inputs, None, lambda text: None)


def test_a_gap_of_20_percent_fills_the_stop_at_the_gaps_open_and_not_at_its_level():
    settings, inputs, record = ran(panel([10, 10, 10, 10, 10.0]), exits={"stop_loss": "5%"})
    assert record.equity[-1] == 1000.0 and record.quantity[0] == 100.0
    found = outcome("gap", settings, inputs.panel, record, gap(Book(settings, inputs.panel, record.quantity)))
    assert found.fills["stop loss"] == 1
    assert found.worst == pytest.approx(-0.20)  # 100 shares at 8, not at the level of 9.50
    assert found.same_past


def test_a_replayed_crash_moves_a_name_that_was_not_there_as_the_mean_of_those_that_were():
    bars = panel([10, 9, 9, 9, 9.0], [20, 16, 16, 16, 16.0], [math.nan, math.nan, 5, 5, 5.0])
    found = replay(bars, slice(1, 2))
    assert found.close[0].tolist() == pytest.approx([0.9, 0.8, 0.85])


def test_a_crash_that_the_data_does_not_hold_is_said_to_be_not_covered():
    settings, inputs, record = ran(panel([10, 10, 10, 10, 10.0]))
    told = {one.name: one for one in shocks(settings, inputs, record)}
    assert told["COVID crash replayed"].said == "not covered by the data"
    assert math.isnan(told["COVID crash replayed"].result)
    book = Book(settings, inputs.panel, record.quantity)
    assert crash(book, "2024-01-03", "2024-01-05") is not None


def test_doubled_volatility_keeps_the_drift_and_doubles_the_distance_from_it():
    graft = Graft(*(np.array([[1.1], [1.21]]) for _ in range(4)), np.ones((2, 1)))
    made = np.log(scaled(graft, 2.0).close[:, 0])
    mean = 1.5 * math.log(1.1)
    assert made.tolist() == pytest.approx([mean - math.log(1.1), mean + math.log(1.1)])
    assert made.mean() == pytest.approx(np.log(graft.close).mean())


def test_correlation_to_one_makes_every_pair_move_as_one_with_its_own_deviation():
    bars = panel([10, 11, 10, 11, 10.0], [10, 9.5, 10, 9.5, 10.0])
    made = np.log(together(Book(config(), bars, np.ones(2))).graft.close)
    assert abs(np.corrcoef(made.T)[0, 1]) == pytest.approx(1.0)
    assert (np.diff(made[:, 0]) * np.diff(made[:, 1]) >= 0).all()
    past = np.log(replay(bars, slice(1, 5)).close)
    assert made.std(axis=0) == pytest.approx(past.std(axis=0))


def test_a_drought_leaves_a_tenth_of_the_volume_and_five_times_the_slippage():
    settings = config(execution={"lot": 0, "slippage": "10 bps"})
    made = drought(Book(settings, panel([10, 10, 10, 10, 10.0]), np.ones(1)))
    assert (made.graft.volume == 100.0).all()
    assert made.changes["execution.slippage"] == pytest.approx(0.005)


def test_a_delisted_holding_is_paid_out_at_half_its_last_close():
    settings, inputs, record = ran(panel([10, 10, 10, 10, 10.0]))
    found = outcome("deaths", settings, inputs.panel, record, deaths(Book(settings, inputs.panel, record.quantity)))
    assert found.result == pytest.approx(-0.50)
    assert found.fills == {"delisted": 1}


def test_a_borrow_spike_costs_shorts_a_fifth_a_year_and_only_from_today_on():
    bars = panel([10, 10, 10, 10, 10.0])
    short = {"sizing": {"exposure": {"short": "100%"}}}
    settings, inputs, record = ran(
        bars, **short,
        strategy={"rule": "quintile", "signal": "up", "quantile": "100%", "side": "short", "negative_only": False, "min_names": 1},
    )  # fmt: skip
    assert record.quantity[0] == -100.0
    made = borrow(Book(settings, inputs.panel, record.quantity), slices=4)
    assert made.changes == {"execution.borrow": 0.20}
    found = outcome("borrow", settings, inputs.panel, record, made)
    days = 4  # calendar days from Monday 8 to Friday 12 January
    assert found.result == pytest.approx(-0.20 * days / 365, rel=1e-3)
    assert found.same_past


def test_what_a_scenario_changes_leaves_the_past_as_it_was():
    """The wrong specimen: the same changes over the whole run make another book."""
    settings, inputs, record = ran(panel([10, 11, 10, 11, 10.0]), execution={"lot": 0, "slippage": "10 bps"})
    made = drought(Book(settings, inputs.panel, record.quantity))
    assert outcome("drought", settings, inputs.panel, record, made).same_past
    wrong = configure(settings, made.changes)
    again = run_record(wrong, inputs.panel, make_signals(wrong), inputs.forecasts, None, lambda text: None)
    assert (again.equity != record.equity).any()


def test_a_longer_panel_goes_on_at_the_next_sessions_and_keeps_what_was():
    bars = panel([10, 11, 10, 11, 10.0])
    longer = extended(bars, still(bars, 6))
    assert [str(day) for day in longer.sessions[5:]] == [
        "2024-01-09", "2024-01-10", "2024-01-11", "2024-01-12", "2024-01-16", "2024-01-17",
    ]  # fmt: skip
    assert (longer.close[:5] == bars.close).all() and (longer.close[5:] == 10.0).all()
    assert volatility(Book(config(), bars, np.ones(1))).graft.close.shape == (4, 1)
