"""The quintile rule: who is chosen, how ties and signs are settled, and on which slices."""

from __future__ import annotations

import pytest
from pytest import approx

from tests.reference.interface import NAN
from tests.step.market import play

RULE = {"rule": "quintile", "lot": 0.0}


def first_weights(forecasts, **rules):
    """Weight by symbol that one decision over flat bars at 10 leads to (lot 0, so nothing is floored)."""
    bars = {symbol: [10, 10] for symbol in forecasts}
    played = play(bars, None, {s: [f] for s, f in forecasts.items()}, **{**RULE, "max_gross": 4.0, **rules})
    return {symbol: quantity / 100 for _, symbol, quantity, _ in played.fills}


def test_k_is_the_floor_of_quantile_times_count_and_at_least_one():
    names = dict(zip("ABCDEFG", (7, 6, 5, 4, 3, 2, 1), strict=True))
    assert first_weights(names, quantile=0.2) == {"A": 1.0}  # 1.4
    assert first_weights(names, quantile=0.3) == {"A": 0.5, "B": 0.5}  # 2.1
    assert first_weights(names, quantile=0.01) == {"A": 1.0}


def test_the_floor_of_k_forgives_a_billionth():
    names = dict(zip("ABCDEFGHIJ", range(10, 0, -1), strict=True))
    assert len(first_weights(names, quantile=0.3)) == 3  # 0.3 x 10


def test_names_without_a_forecast_do_not_count_and_get_zero():
    bars = {s: [10] * 3 for s in "ABCD"}
    played = play(bars, None, {"A": [4, NAN], "B": [3, 3], "C": [2, 2], "D": [1, 1]}, quantile=0.5, **RULE)
    # first A and B; then three names, k = 1: B alone, A is sold
    assert played.fills[2:] == [(2, "A", -50.0, 10.0), (2, "B", 50.0, 10.0)]
    assert played.decision(1, "A") == "no forecast"


def test_long_short_takes_the_lowest_short():
    weights = first_weights({"A": 4, "B": 3, "C": 2, "D": 1}, side="long_short", quantile=0.25)
    assert weights == {"A": 1.0, "D": -1.0}


def test_short_takes_only_the_lowest():
    assert first_weights({"A": 4, "B": 3, "C": 2, "D": 1}, side="short", quantile=0.5) == {"C": -0.5, "D": -0.5}


def test_ties_go_by_ascending_symbol_on_both_sides():
    names = {"A": 1, "B": 1, "C": 1, "D": 1}
    assert first_weights(names, quantile=0.5) == {"A": 0.5, "B": 0.5}
    assert first_weights(names, side="short", quantile=0.5) == {"A": -0.5, "B": -0.5}


def test_ties_go_by_symbol_whatever_the_column():
    assert first_weights({"D": 1, "B": 1, "A": 1, "C": 1}, quantile=0.5) == {"A": 0.5, "B": 0.5}


def test_a_tie_at_the_edge_leaves_the_better_names_in():
    assert first_weights({"A": 1, "B": 1, "C": 2, "D": 0}, quantile=0.5) == {"A": 0.5, "C": 0.5}


def test_a_name_in_both_legs_gets_zero():
    assert first_weights({"A": 1, "B": 1}, side="long_short", quantile=0.5) == {}
    # three names, k = 2: A B long, C B short
    assert first_weights({"A": 3, "B": 2, "C": 1}, side="long_short", quantile=0.67) == {"A": 1.0, "C": -1.0}


def test_positive_only_means_above_zero():
    names = {"A": 1.0, "B": 0.0, "C": -1.0, "D": -2.0}
    assert first_weights(names, quantile=0.5, positive_only=True) == {"A": 1.0}
    assert first_weights(names, quantile=0.5, positive_only=True, weight="slot") == {"A": 0.5}


def test_negative_only_means_below_zero():
    names = {"A": 2.0, "B": 1.0, "C": 0.0, "D": -2.0}
    rules = {"side": "short", "quantile": 0.5, "negative_only": True}
    assert first_weights(names, **rules) == {"D": -1.0}
    assert first_weights(names, weight="slot", **rules) == {"D": -0.5}


def test_the_filters_name_who_they_drop():
    bars = {s: [10] * 2 for s in "ABC"}
    played = play(bars, None, {"A": [0.0], "B": [-1.0], "C": [-2.0]}, quantile=0.34, positive_only=True, **RULE)
    assert [played.decision(0, s) for s in "ABC"] == ["sign filter", "rank cut", "rank cut"]


TOY = dict(zip("ABCDEFGHIJ", (0.05, 0.04, 0.03, 0.02, 0.01, 0.004, 0.003, 0.002, -0.001, -0.02), strict=True))
S2 = {"side": "long_short", "quantile": 0.2, "positive_only": True, "negative_only": True}
S2 |= {"exposure_long": 0.65, "exposure_short": 0.35, "max_gross": 1.0}


def test_the_toy_universe_puts_65_percent_long_and_35_short():
    assert first_weights(TOY, **S2) == approx({"A": 0.325, "B": 0.325, "I": -0.175, "J": -0.175})


def test_the_toy_universe_with_one_loser_shorts_it_with_35_percent():
    assert first_weights(TOY | {"I": 0.001}, **S2) == approx({"A": 0.325, "B": 0.325, "J": -0.35})


def test_the_toy_universe_without_losers_has_no_shorts():
    assert first_weights(TOY | {"I": 0.001, "J": 0.0}, **S2) == approx({"A": 0.325, "B": 0.325})


def test_fewer_than_min_names_leaves_everything_alone():
    bars = {s: [10] * 3 for s in "ABC"}
    played = play(bars, None, {"A": [3, NAN], "B": [2, 2], "C": [1, 1]}, min_names=3, quantile=0.34, **RULE)
    # two forecasts are too few: A is neither kept on purpose nor sold, B is not bought
    assert played.fills == [(1, "A", 100.0, 10.0)]
    assert played.decision(1, "B") == "too few names"


def test_weekly_decides_on_the_last_session_of_the_week():
    bars = {s: [10] * 8 for s in "AB"}
    forecasts = {"A": [2, 1, 1, 2, 2, 1, 1, 1], "B": [1, 2, 2, 1, 1, 2, 2, 2]}
    played = play(bars, None, forecasts, quantile=0.5, rebalance="weekly", weeks_end=[3, 6], **RULE)
    assert played.fills == [(4, "A", 100.0, 10.0), (7, "A", -100.0, 10.0), (7, "B", 100.0, 10.0)]
    assert played.decision(0, "A") == "not due"


def test_monthly_decides_on_the_last_session_of_the_month():
    played = play([10] * 5, None, [1] * 5, rebalance="monthly", weeks_end=[0], months_end=[2], **RULE)
    assert played.fills == [(3, "A", 100.0, 10.0)]


def test_every_n_bars_decides_on_multiples_of_n():
    bars = {s: [10] * 6 for s in "AB"}
    forecasts = {"A": [2, 1, 1, 1, 1, 1], "B": [1, 2, 2, 2, 2, 2]}
    played = play(bars, None, forecasts, quantile=0.5, rebalance=3, **RULE)
    assert played.fills == [(1, "A", 100.0, 10.0), (4, "A", -100.0, 10.0), (4, "B", 100.0, 10.0)]


def test_daily_decides_on_the_last_slice_of_the_day():
    played = play([10] * 4, None, [1] * 4, days=[0, 0, 1, 1], **RULE)
    assert played.fills == [(2, "A", 100.0, 10.0)]


def test_cooldown_blocks_after_ranking_and_leaves_cash():
    bars = {"A": [10, (10, 10, 8, 9), 9, 9], "B": [10] * 4, "C": [10] * 4}
    forecasts = {"A": [3, 3, 3], "B": [2, 2, 2], "C": [1, 1, 1]}
    played = play(bars, None, forecasts, quantile=0.67, cooldown=9, stop_loss=0.1, **RULE)
    # A and B at 50 %; A is stopped at 9 and ranked again, but stays out, and C does not take its place
    assert played.fills[:3] == [(1, "A", 50.0, 10.0), (1, "B", 50.0, 10.0), (1, "A", -50.0, 9.0)]
    assert {fill[1] for fill in played.fills[3:]} <= {"B"} and played.decision(1, "A") == "cooldown"
    assert played.held("B") == approx(47.5)  # 0.5 x 950 / 10


def test_cooldown_lets_a_name_back_in_time():
    played = play([10, (10, 10, 8, 9), 9, 9, 9], None, [1] * 5, cooldown=2, stop_loss=0.1, **RULE)
    # stopped on slice 1; 3 - 1 >= 2: decided on slice 3, 900 / 9
    assert played.fills[2:] == [(4, "A", 100.0, 9.0)]


def test_a_held_name_that_falls_out_leaves():
    bars = {s: [10] * 3 for s in "AB"}
    played = play(bars, None, {"A": [2, 1], "B": [1, 2]}, quantile=0.5, **RULE)
    assert [played.decision(1, s) for s in "AB"] == ["leave", "enter"]


@pytest.mark.parametrize("weight", ["equal", "slot"])
def test_with_everybody_left_equal_and_slot_agree(weight):
    assert first_weights({"A": 2, "B": 1}, quantile=1.0, weight=weight) == {"A": 0.5, "B": 0.5}
