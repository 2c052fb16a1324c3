"""Paragraph 4: the close. Orders that fill there, time stops, and the end of the data."""

from __future__ import annotations

from pytest import approx

from tests.reference.interface import NAN
from tests.step.market import play

HALF = [0.5]


def test_a_time_stop_of_three_counts_the_entry_bar_as_the_first():
    played = play([100, (100, 110, 99, 101), 102, 103, 104], HALF, time_stop=3)
    assert played.fills == [(1, "A", 5.0, 100.0), (3, "A", -5.0, 103.0)]  # bars 1, 2, 3
    assert played.reasons[1] == "time stop" and played.fate(3) == ["filled", "timed out"]


def test_a_time_stop_of_one_leaves_at_the_close_of_the_entry_bar():
    assert play([100, (101, 105, 100, 104), 100], HALF, time_stop=1).fills == [
        (1, "A", 5.0, 101.0),
        (1, "A", -5.0, 104.0),
    ]


def test_a_time_stop_counts_bars_that_exist():
    played = play([100, 100, None, 101, 102, 103], HALF, time_stop=3)
    assert played.fills[1:] == [(4, "A", -5.0, 102.0)]


def test_a_time_stop_slips_and_pays():
    played = play([100, 100, 100], HALF, time_stop=2, slippage=0.01, per_order=2.0)
    assert played.fills[1] == (2, "A", -5.0, 99.0) and played.fees == [2.0, 2.0]


def test_a_stop_inside_the_bar_comes_before_the_time_stop():
    played = play([100, 100, (100, 100, 89, 95)], HALF, time_stop=2, stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 90.0)] and played.reasons[1] == "stop loss"


def test_an_increase_does_not_restart_the_time_stop():
    assert play([100] * 5, [0.2, 0.5], time_stop=3).fills[2] == (3, "A", -5.0, 100.0)


def test_a_new_position_starts_a_new_count():
    played = play([100] * 7, [0.5, NAN, 0.5, NAN, NAN], time_stop=2)
    assert [fill[0] for fill in played.fills] == [1, 2, 3, 4]


def test_at_the_end_of_the_data_positions_stay_open():
    played = play([100, 100, 110], HALF)
    assert len(played.fills) == 1 and played.held() == 5.0 and played.equity[-1] == approx(1050)


def test_orders_at_the_close_reduce_before_they_increase():
    bars = {"A": [10] * 3, "B": [10] * 3}
    played = play(bars, {"A": [NAN, 1.0], "B": [1.0, 0.0]}, fill="close")
    assert played.fills[1:] == [(2, "B", -100.0, 10.0), (2, "A", 100.0, 10.0)]


def test_orders_at_the_close_share_one_factor_at_closing_prices():
    bars = {"A": [10, (10, 13, 9, 12.5)], "B": [20, (20, 26, 19, 25)]}
    played = play(bars, {"A": HALF, "B": HALF}, fill="close")
    assert played.fills == [(1, "A", 40.0, 12.5), (1, "B", 20.0, 25.0)]  # 1250 for 1000: 0.8


def test_an_order_for_the_close_that_meets_no_bar_lapses():
    assert play([100, None, 100], HALF, fill="close").fills == []


def test_a_time_stop_is_decided_by_the_bar_after_an_entry_at_the_close():
    played = play([100, (90, 100, 90, 100), 101, 102], HALF, fill="close", time_stop=2)
    assert played.fills == [(1, "A", 5.0, 100.0), (2, "A", -5.0, 101.0)]


def test_a_time_stop_cut_by_participation_goes_on_at_the_next_close():
    thin = (100, 100, 100, 100, 30)
    played = play([100, 100, thin, thin], HALF, time_stop=2, max_participation=0.1)
    assert played.fills[1:] == [(2, "A", -3.0, 100.0), (3, "A", -2.0, 100.0)]
