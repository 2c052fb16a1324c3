"""Sizers: weights in proportion to 1 / volatility, and weights that risk a fraction of equity on so many ATR."""

from __future__ import annotations

import pytest

from tests.reference.interface import NAN, Atr
from tests.step.market import play

SWING = [100, 110, 99, 99]  # + 10 %, - 10 %: a deviation of 0.1 x sqrt 2
CALM = [100, 105, 99.75, 99.75]  # + 5 %, - 5 %: half of it
STILL = [100] * 4


def third(value):
    """A target on the third slice."""
    return [NAN, NAN, value]


def sizes(played):
    """(symbol, signed quantity) of every fill."""
    return [(symbol, quantity) for _, symbol, quantity, _ in played.fills]


# --- inverse volatility ---------------------------------------------------------------------------------------------
def test_a_leg_is_shared_in_proportion_to_one_over_volatility():
    played = play({"A": SWING, "B": CALM}, {"A": third(0.45), "B": third(0.45)}, inverse_volatility=2, capital=9000.0)
    # 0.9 in shares of 1 : 2, 2700 / 99 = 27.3 and 5400 / 99.75 = 54.1
    assert sizes(played) == [("A", 27.0), ("B", 54.0)]


def test_what_the_rule_gave_each_name_within_its_leg_is_forgotten():
    played = play({"A": SWING, "B": CALM}, {"A": third(0.8), "B": third(0.1)}, inverse_volatility=2, capital=9000.0)
    assert sizes(played) == [("A", 27.0), ("B", 54.0)]


def test_each_leg_keeps_its_own_total():
    bars = {"A": SWING, "B": CALM, "C": SWING, "D": CALM}
    weights = {"A": third(0.3), "B": third(0.3), "C": third(-0.15), "D": third(-0.15)}
    played = play(bars, weights, inverse_volatility=2, capital=9000.0)
    # long 0.2 and 0.4: 1800 / 99 = 18.2, 3600 / 99.75 = 36.1; short 0.1 and 0.2: 9.1, 18.05
    assert sizes(played) == [("A", 18.0), ("B", 36.0), ("C", -9.0), ("D", -18.0)]


def test_a_name_that_never_moves_or_is_too_young_gets_nothing_and_the_others_its_part():
    young = [None, 100, 105, 105]  # one return where two are asked for
    bars = {"A": SWING, "B": CALM, "C": STILL, "D": young}
    played = play(bars, {name: third(0.225) for name in bars}, inverse_volatility=2, capital=9000.0)
    assert sizes(played) == [("A", 27.0), ("B", 54.0)]


def test_before_there_are_enough_returns_nothing_is_bought():
    assert play(SWING, [NAN, 0.9], inverse_volatility=2).fills == []


def test_a_held_name_whose_volatility_is_gone_is_sold():
    # bought on slice 3; a price that has stood still for two bars has a volatility of 0
    played = play([*SWING, 99, 99], [NAN, NAN, 0.5, NAN, 0.5], inverse_volatility=2)
    assert sizes(played) == [("A", 5.0), ("A", -5.0)]


def test_a_split_and_a_dividend_are_no_volatility():
    # A: 110 is 55 after 2 for 1, then 99 is 49.5; B: 95 and a dividend of 10 are 105, then 105 x 0.95 / 105 x 95 = 90.25
    bars = {"A": [100, 55, 49.5, 49.5], "B": [100, 95, 90.25, 90.25]}
    actions = [(1, "A", 2.0, 0.0), (1, "B", 1.0, 10.0)]
    played = play(bars, {"A": third(0.45), "B": third(0.45)}, inverse_volatility=2, capital=9000.0, actions=actions)
    # 2700 / 49.5 = 54.5 and 5400 / 90.25 = 59.8
    assert sizes(played) == [("A", 54.0), ("B", 59.0)]


def test_only_bars_that_exist_count():
    bars = {"A": [100, None, 110, 99, 99], "B": [100, 105, None, 99.75, 99.75]}
    weights = {"A": [NAN, *third(0.45)], "B": [NAN, *third(0.45)]}
    played = play(bars, weights, inverse_volatility=2, capital=9000.0)
    assert sizes(played) == [("A", 27.0), ("B", 54.0)]


def test_caps_come_after_the_sizer():
    played = play(
        {"A": SWING, "B": CALM},
        {"A": third(0.45), "B": third(0.45)},
        inverse_volatility=2,
        max_weight=0.5,
        capital=9000.0,
    )
    # 0.3 and 0.6, which max_weight cuts to 0.5: 4500 / 99.75 = 45.1
    assert sizes(played) == [("A", 27.0), ("B", 45.0)] and played.notes(2, "B") == ["capped"]


# --- ATR --------------------------------------------------------------------------------------------------------------
FOUR = (100, 102, 98, 100)  # a true range of 4 after a close of 100


def risk(share, multiple, window):
    return {"atr_sizing": (share, Atr(float(multiple), window))}


def test_the_weight_is_risk_over_so_many_atr_with_the_sign_of_the_target():
    # ATR 4 of 100: 0.01 / (0.5 x 0.04) = 0.5
    assert play([100, FOUR, 100], [NAN, 0.9], **risk(0.01, 0.5, 1)).fills == [(2, "A", 5.0, 100.0)]
    assert play([100, FOUR, 100], [NAN, -0.2], **risk(0.01, 0.5, 1)).fills == [(2, "A", -5.0, 100.0)]
    assert play([100, FOUR, 100], [NAN, 0.0], **risk(0.01, 0.5, 1)).fills == []


def test_every_name_has_its_own_size():
    bars = {"A": [100, FOUR, 100], "B": [50, (50, 54, 50, 50), 50]}
    played = play(bars, {"A": [NAN, 0.1], "B": [NAN, 0.1]}, **risk(0.016, 1, 1))
    # A: 0.016 / 0.04 = 0.4; B: 4 of 50 is 0.08, 0.2 of 1000 is 4 of 50
    assert sizes(played) == [("A", 4.0), ("B", 4.0)]


def test_without_an_atr_the_target_is_zero():
    assert play([FOUR, 100], [0.9], **risk(0.01, 0.5, 1)).fills == []  # a first bar has no true range
    assert play([100, FOUR, 100], [NAN, 0.9], **risk(0.01, 0.5, 2)).fills == []
    assert play([100, 100, 100], [NAN, 0.9], **risk(0.01, 0.5, 1)).fills == []  # an ATR of 0 risks nothing


@pytest.mark.parametrize(("t", "quantity"), [(2, 2.8), (3, 2.0)])
def test_atr_is_wilders_the_mean_first_then_a_running_one(t, quantity):
    bars = [100, FOUR, (100, 103, 97, 100), (100, 104.5, 95.5, 100), 100]
    weights = [NAN] * t + [1.0]
    # true ranges 4, 6, 9: (4 + 6) / 2 = 5, then 5 / 2 + 9 / 2 = 7; 0.014 / 0.05 = 0.28, 0.014 / 0.07 = 0.2
    assert play(bars, weights, lot=0.0, **risk(0.014, 1, 2)).fills == [(t + 1, "A", quantity, 100.0)]


def test_a_gap_counts_in_the_true_range():
    # from 80 to 100: 20, where high - low is 10; 0.1 / (20 / 100) = 0.5
    assert sizes(play([80, (95, 100, 90, 100), 100], [NAN, 1.0], **risk(0.1, 1, 1))) == [("A", 5.0)]


def test_a_bar_without_high_or_low_counts_with_the_distance_of_the_closes():
    assert sizes(play([95, (100, NAN, NAN, 100), 100], [NAN, 1.0], **risk(0.025, 1, 1))) == [("A", 5.0)]
    assert sizes(play([95, (100, 200, NAN, 100), 100], [NAN, 1.0], **risk(0.025, 1, 1))) == [("A", 5.0)]


def test_a_split_is_no_true_range():
    # 50 after 2 for 1 is where it was; 51 - 49 = 2 of 50: 0.02 / 0.04 = 0.5 of 1000 is 10 of 50
    played = play([100, (50, 51, 49, 50), 50], [NAN, 1.0], actions=[(1, "A", 2.0, 0.0)], **risk(0.02, 1, 1))
    assert sizes(played) == [("A", 10.0)]


def test_a_gap_in_the_bars_is_bridged_by_the_last_close():
    # 80, nothing, then 90 to 100: 20
    assert sizes(play([80, None, (95, 100, 90, 100), 100], [NAN, NAN, 1.0], **risk(0.1, 1, 1))) == [("A", 5.0)]
