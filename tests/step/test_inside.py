"""Paragraph 3: inside the bar. A touch counts, and two touches are settled by policy."""

from __future__ import annotations

import pytest
from pytest import approx

from tests.reference.interface import NAN
from tests.step.market import play

HALF = [0.5]
BOTH = {"stop_loss": 0.1, "take_profit": 0.1}  # entry 100: 90 and 110


def test_a_low_that_touches_the_stop_fills_it_at_the_level():
    played = play([100, 100, (95, 96, 90, 94)], HALF, stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 90.0)] and played.cash[2] == approx(950)


def test_a_low_a_cent_above_the_stop_does_not():
    assert len(play([100, 100, (95, 96, 90.01, 94)], HALF, stop_loss=0.1).fills) == 1


def test_a_high_that_touches_the_target_fills_it_at_the_level():
    played = play([100, 100, (105, 125, 100, 104)], HALF, take_profit=0.25)
    assert played.fills[1:] == [(2, "A", -5.0, 125.0)] and played.fate(2) == ["filled", "target"]


def test_a_high_a_cent_below_the_target_does_not():
    assert len(play([100, 100, (105, 124.99, 100, 104)], HALF, take_profit=0.25).fills) == 1


def test_a_short_is_stopped_by_the_high_and_paid_by_the_low():
    assert play([100, 100, (105, 125, 104, 106)], [-0.5], stop_loss=0.25).fills[1:] == [(2, "A", 5.0, 125.0)]
    assert play([100, 100, (95, 96, 75, 80)], [-0.5], take_profit=0.25).fills[1:] == [(2, "A", 5.0, 75.0)]


def test_a_touch_counts_for_a_percentage_that_floats_cannot_write():
    assert play([100, 100, (105, 110, 104, 106)], [-0.5], stop_loss=0.1).fills[1:] == [(2, "A", 5.0, 110.0)]
    assert play([100, 100, (105, 110, 104, 106)], HALF, take_profit=0.1).fills[1:] == [(2, "A", -5.0, 110.0)]


def test_stops_slip_and_targets_do_not():
    stopped = play([100, 100, (99, 99, 80, 95)], HALF, stop_loss=0.1, slippage=0.01)
    assert stopped.fills[1] == (2, "A", -5.0, 89.991)  # entry 101, stop 90.9, sold at 90.9 x 0.99
    reached = play([100, 100, (105, 130, 100, 104)], HALF, take_profit=0.25, slippage=0.01)
    assert reached.fills[1] == (2, "A", -5.0, 126.25)  # 101 x 1.25


def test_protective_fills_pay_fees():
    played = play([100, 100, (99, 99, 80, 95)], HALF, stop_loss=0.1, commission=0.01, min_fee=1.0)
    assert played.fees == approx([5.0, 4.5])


@pytest.mark.parametrize(
    ("bar", "policy", "price"),
    [
        ((104, 112, 88, 100), "pessimistic", 90.0),
        ((104, 112, 88, 100), "optimistic", 110.0),
        ((104, 112, 88, 100), "nearest", 110.0),  # 112 - 104 = 8 < 104 - 88 = 16
        ((96, 112, 88, 100), "nearest", 90.0),  # 96 - 88 = 8 < 112 - 96 = 16
        ((100, 112, 88, 100), "nearest", 90.0),  # a tie: stop
    ],
)
def test_a_bar_that_touches_both_is_settled_by_policy_and_named_ambiguous(bar, policy, price):
    played = play([100, 100, bar], HALF, intrabar=policy, **BOTH)
    assert played.fills[1:] == [(2, "A", -5.0, approx(price))]
    assert "ambiguous" in played.fate(2)


@pytest.mark.parametrize(
    ("bar", "policy", "price"),
    [
        ((96, 112, 88, 100), "pessimistic", 110.0),
        ((96, 112, 88, 100), "optimistic", 90.0),
        ((96, 112, 88, 100), "nearest", 90.0),  # the low, a short's target, is nearer
        ((104, 112, 88, 100), "nearest", 110.0),
        ((100, 112, 88, 100), "nearest", 110.0),  # a tie: stop
    ],
)
def test_a_short_mirrors_the_policies(bar, policy, price):
    played = play([100, 100, bar], [-0.5], intrabar=policy, **BOTH)
    assert played.fills[1:] == [(2, "A", 5.0, approx(price))]


def test_a_bar_that_touches_one_level_is_not_ambiguous():
    assert "ambiguous" not in play([100, 100, (99, 109, 85, 95)], HALF, **BOTH).fate(2)


def test_an_open_beyond_a_level_settles_the_bar_without_ambiguity():
    played = play([100, 100, (85, 120, 80, 100)], HALF, intrabar="optimistic", **BOTH)
    assert played.fills[1:] == [(2, "A", -5.0, 85.0)] and "ambiguous" not in played.fate(2)


def test_a_position_opened_at_this_open_lives_through_the_whole_bar():
    played = play([100, (100, 105, 89, 104)], HALF, stop_loss=0.1)
    assert played.fills == [(1, "A", 5.0, 100.0), (1, "A", -5.0, 90.0)]
    assert played.equity[1] == approx(950)


def test_without_entry_bar_protection_the_entry_bar_is_survived():
    played = play([100, (100, 125, 89, 104), (104, 104, 89, 95)], HALF, entry_bar_protection=False, **BOTH)
    assert played.fills == [(1, "A", 5.0, 100.0), (2, "A", -5.0, 90.0)]


def test_an_entry_at_the_close_does_not_meet_its_own_bar():
    played = play([100, (100, 130, 80, 100), 100], HALF, fill="close", **BOTH)
    assert played.fills == [(1, "A", 5.0, 100.0)]


def test_a_stop_inside_the_bar_cancels_the_order_for_its_close():
    played = play([100, 100, (100, 100, 88, 95)], [0.5, 0.9], fill="close", stop_loss=0.1)
    # bought at the close of slice 1; the order of slice 1 for the close of slice 2 is cancelled by the stop
    assert played.fills == [(1, "A", 5.0, 100.0), (2, "A", -5.0, 90.0)]
    assert "cancelled" in played.fate(2)


def test_with_high_and_low_missing_a_level_acts_on_the_close():
    played = play([100, 100, (95, NAN, NAN, 85)], HALF, stop_loss=0.1, slippage=0.01)
    assert played.fills[1] == (2, "A", -5.0, 84.15)  # 85 x 0.99; the stop of 90.9 had been passed
    reached = play([100, 100, (105, NAN, NAN, 115)], HALF, take_profit=0.1, slippage=0.01)
    assert reached.fills[1] == (
        2,
        "A",
        -5.0,
        115.0,
    )  # level 111.1 reached by the close: fills at the close, no slippage


def test_with_only_the_low_missing_the_high_is_not_used_either():
    assert len(play([100, 100, (105, 130, NAN, 105)], HALF, take_profit=0.1).fills) == 1


def test_with_high_and_low_missing_a_level_acts_on_the_open():
    assert play([100, 100, (85, NAN, NAN, 95)], HALF, stop_loss=0.1).fills[1] == (2, "A", -5.0, 85.0)


def test_a_slice_without_a_bar_touches_nothing():
    assert len(play([100, 100, None, 100], HALF, **BOTH).fills) == 1


def test_the_tick_rounds_the_stop_of_a_long_down_and_of_a_short_up():
    long = play([100, 101, (101, 101, 80, 95)], HALF, stop_loss=0.1, tick=0.25)
    assert long.fills[1] == (2, "A", -5.0, 90.75)  # 90.9 down
    short = play([100, 101, (101, 130, 101, 110)], [-0.5], stop_loss=0.1, tick=0.25)
    assert short.fills[1] == (2, "A", 5.0, 111.25)  # 111.1 up


def test_the_tick_rounds_the_target_of_a_long_up_and_of_a_short_down():
    long = play([100, 101, (101, 130, 101, 110)], HALF, take_profit=0.1, tick=0.25)
    assert long.fills[1] == (2, "A", -5.0, 111.25)  # 111.1 up
    short = play([100, 101, (101, 101, 80, 90)], [-0.5], take_profit=0.1, tick=0.25)
    assert short.fills[1] == (2, "A", 5.0, 90.75)  # 90.9 down


def test_a_level_on_the_tick_stays_where_it_is():
    assert play([100, 100, (95, 95, 80, 90)], HALF, stop_loss=0.1, tick=0.01).fills[1] == (2, "A", -5.0, 90.0)


def test_trailing_and_stop_the_tighter_one_acts():
    bars = [100, (100, 120, 100, 119), (119, 119, 85, 90)]
    both = play(bars, HALF, stop_loss=0.1, trailing_stop=0.15)
    assert both.fills[1] == (2, "A", -5.0, 102.0) and both.reasons[1] == "trailing stop"  # 120 x 0.85 > 90
    wide = play(bars, HALF, stop_loss=0.1, trailing_stop=0.4)
    assert wide.fills[1] == (2, "A", -5.0, 90.0) and wide.reasons[1] == "stop loss"  # 72 < 90


def test_without_an_open_a_stop_fills_no_better_and_a_target_no_worse_than_the_range():
    assert play([100, 100, (NAN, 85, 80, 84)], HALF, stop_loss=0.1).fills[1:] == [(2, "A", -5.0, 85.0)]
    assert play([100, 100, (NAN, 120, 112, 115)], HALF, take_profit=0.1).fills[1:] == [(2, "A", -5.0, 112.0)]
    assert play([100, 100, (NAN, 95, 80, 84)], HALF, stop_loss=0.1).fills[1:] == [(2, "A", -5.0, 90.0)]
