"""Exits in ATR: money, frozen when the order was decided, divided by later splits, and left alone by increases."""

from __future__ import annotations

import pytest

from tests.reference.interface import NAN, Atr
from tests.step.market import buy, play, sell

FOUR = (100, 102, 98, 100)  # a true range of 4 after a close of 100, so ATR(1) is 4
START = [100, FOUR, 100]  # decided on slice 1, in at 100 on slice 2
HALF = [NAN, 0.5]


def after(bar, weights=HALF, **rules):
    """The fills after the entry of 5 at 100."""
    played = play([*START, bar], weights, **rules)
    assert played.fills[0][0] == 2 and played.fills[0][3] == 100.0
    return played.fills[1:]


def test_a_stop_lies_so_many_atr_below_the_entry():
    assert after((100, 100, 91, 95), stop_loss=Atr(2.0, 1)) == [(3, "A", -5.0, 92.0)]
    assert after((100, 100, 92.01, 95), stop_loss=Atr(2.0, 1)) == []


def test_a_target_lies_so_many_atr_above_the_entry():
    assert after((100, 107, 99, 105), take_profit=Atr(1.5, 1)) == [(3, "A", -5.0, 106.0)]


def test_a_trailing_stop_hangs_so_many_atr_below_the_extreme():
    played = play([*START, (100, 120, 100, 119), (119, 119, 110, 112)], HALF, trailing_stop=Atr(2.0, 1))
    assert played.fills[1:] == [(4, "A", -5.0, 112.0)] and played.reasons[1] == "trailing stop"  # 120 - 8


def test_a_short_mirrors_them():
    down = [NAN, -0.5]
    assert after((100, 109, 100, 105), down, stop_loss=Atr(2.0, 1)) == [(3, "A", 5.0, 108.0)]
    assert after((100, 101, 93, 95), down, take_profit=Atr(1.5, 1)) == [(3, "A", 5.0, 94.0)]
    played = play([*START, (100, 100, 80, 81), (81, 90, 81, 89)], down, trailing_stop=Atr(2.0, 1))
    assert played.fills[1:] == [(4, "A", 5.0, 88.0)]


def test_the_distance_hangs_on_the_fill_with_its_slippage():
    played = play([*START, (100, 100, 92, 95)], HALF, stop_loss=Atr(2.0, 1), slippage=0.01)
    assert played.fills[1:] == [(3, "A", -5.0, 92.07)]  # 101 - 8 = 93, x 0.99


def test_an_open_beyond_the_level_fills_at_the_open():
    assert after((90, 91, 89, 90), stop_loss=Atr(2.0, 1)) == [(3, "A", -5.0, 90.0)]


def test_the_tick_rounds_away_from_the_position():
    assert after((100, 100, 90, 95), stop_loss=Atr(1.9, 1), tick=0.25) == [(3, "A", -5.0, 92.25)]  # 92.4 down


def test_distances_in_atr_and_in_percent_live_side_by_side():
    rules = {"stop_loss": 0.05, "take_profit": Atr(1.5, 1)}
    assert after((100, 100, 94, 95), **rules) == [(3, "A", -5.0, 95.0)]
    assert after((100, 107, 99, 105), **rules) == [(3, "A", -5.0, 106.0)]


def test_windows_may_differ():
    bars = [100, (100, 104, 96, 100), FOUR, 100, (100, 100, 90, 95)]
    # ATR(1) is 4 on slice 2, ATR(2) is (8 + 4) / 2
    assert play(bars, [NAN, NAN, 0.5], stop_loss=Atr(1.0, 1)).fills[1:] == [(4, "A", -5.0, 96.0)]
    assert play(bars, [NAN, NAN, 0.5], stop_loss=Atr(1.0, 2), take_profit=Atr(9.0, 1)).fills[1:] == [
        (4, "A", -5.0, 94.0)
    ]


# --- frozen at the decision -------------------------------------------------------------------------------------------
def test_the_distance_is_that_of_the_decision_whatever_the_entry_bar_does():
    # the entry bar ranges over 16; the stop stays 1 x 4 below the entry
    played = play([100, FOUR, (100, 112, 97, 100), (100, 100, 95, 97)], HALF, stop_loss=Atr(1.0, 1))
    assert played.fills[1:] == [(3, "A", -5.0, 96.0)]


def test_a_delay_does_not_thaw_it():
    played = play([100, FOUR, (100, 112, 97, 100), 100, (100, 100, 95, 97)], HALF, stop_loss=Atr(1.0, 1), delay=1)
    assert played.fills == [(3, "A", 5.0, 100.0), (4, "A", -5.0, 96.0)]


def test_a_level_whose_atr_was_not_known_is_off_and_the_others_are_on():
    crash = (100, 100, 50, 60)
    assert play([100, 100, crash], [0.5], stop_loss=Atr(2.0, 1)).fills == [(1, "A", 5.0, 100.0)]
    assert after(crash, stop_loss=Atr(2.0, 2)) == []
    assert after(crash, stop_loss=Atr(2.0, 2), trailing_stop=0.25) == [(3, "A", -5.0, 75.0)]


def test_an_increase_by_a_target_leaves_the_distance_alone():
    bars = [100, FOUR, (100, 200, 100, 100), 100, (100, 100, 95, 95)]
    # grown on a slice whose true range is 100
    played = play(bars, [NAN, 0.5, 1.0], stop_loss=Atr(1.0, 1))
    assert played.fills == [(2, "A", 5.0, 100.0), (3, "A", 5.0, 100.0), (4, "A", -10.0, 96.0)]


def test_a_flip_takes_the_distance_of_its_own_decision():
    bars = [100, FOUR, (100, 110, 100, 100), 100, (100, 111, 100, 105)]
    # long with 4, flipped with 10: the short is stopped at 110
    played = play(bars, [NAN, 0.5, -0.5], stop_loss=Atr(1.0, 1))
    assert played.fills[3:] == [(4, "A", 5.0, 110.0)]


# --- splits and dividends -----------------------------------------------------------------------------------------------
def test_a_split_divides_the_distance():
    played = play([*START, (50, 50, 47, 48)], HALF, stop_loss=Atr(1.0, 1), actions=[(3, "A", 2.0, 0.0)])
    assert played.fills[1:] == [(3, "A", -10.0, 48.0)]  # 50 - 2
    trailing = play(
        [*START, (50, 51, 49.5, 50), (50, 50, 45, 46)], HALF, trailing_stop=Atr(1.0, 1), actions=[(3, "A", 2.0, 0.0)]
    )
    assert trailing.fills[1:] == [(4, "A", -10.0, 49.0)]  # 51 - 2


def test_a_split_between_the_decision_and_the_fill_divides_it_too():
    played = play([100, FOUR, 50, (50, 50, 47, 48)], HALF, stop_loss=Atr(1.0, 1), actions=[(2, "A", 2.0, 0.0)])
    assert played.fills == [(2, "A", 10.0, 50.0), (3, "A", -10.0, 48.0)]


def test_a_split_restates_the_distance_of_a_waiting_explicit_order():
    played = play(
        [100, FOUR, 50, (50, 50, 47, 48)], orders={1: [buy(5)]}, stop_loss=Atr(1.0, 1), actions=[(2, "A", 2.0, 0.0)]
    )
    assert played.fills == [(2, "A", 10.0, 50.0), (3, "A", -10.0, 48.0)]


def test_a_dividend_lowers_the_basis_and_not_the_distance():
    played = play([*START, (98, 98, 90, 91)], HALF, stop_loss=Atr(1.0, 1), actions=[(3, "A", 1.0, 2.0)])
    assert played.fills[1:] == [(3, "A", -5.0, 94.0)]  # 100 - 2 - 4


# --- explicit orders ----------------------------------------------------------------------------------------------------
def test_an_explicit_order_carries_the_files_distances():
    played = play([*START, (100, 100, 91, 95)], orders={1: [buy(5)]}, stop_loss=Atr(2.0, 1))
    assert played.fills[1:] == [(3, "A", -5.0, 92.0)]


@pytest.mark.parametrize(("bar", "price"), [((100, 100, 98, 99), 99.0), ((100, 104, 100, 101), 104.0)])
def test_a_bracket_is_laid_over_the_files_distances(bar, price):
    rules = {"stop_loss": Atr(1.0, 1), "take_profit": Atr(1.0, 1)}
    played = play([*START, bar], orders={1: [buy(5, stop_loss=0.01)]}, **rules)
    assert played.fills[1:] == [(3, "A", -5.0, price)]


def test_a_bracket_of_an_order_that_grows_replaces_the_distance_it_names():
    bars = [*START, 100, (100, 105, 100, 101), (100, 100, 90, 91)]
    orders = {1: [buy(5)], 2: [buy(2, stop_loss=0.0625)]}
    played = play(bars[:4] + bars[5:], orders=orders, stop_loss=Atr(1.0, 1), take_profit=Atr(1.0, 1))
    assert played.fills[2:] == [(4, "A", -7.0, 93.75)]  # no longer 96
    reached = play(bars[:5], orders=orders, stop_loss=Atr(1.0, 1), take_profit=Atr(1.0, 1))
    assert reached.fills[2:] == [(4, "A", -7.0, 104.0)]  # the target is the file's still


def test_a_limit_entry_inside_the_bar_is_guarded_by_its_distance():
    played = play([100, FOUR, (100, 100, 90, 92)], orders={1: [buy(5, limit=95.0)]}, stop_loss=Atr(1.0, 1))
    assert played.fills == [(2, "A", 5.0, 95.0), (2, "A", -5.0, 91.0)]


def test_a_flip_by_an_explicit_order_takes_its_own_distance():
    bars = [100, FOUR, (100, 110, 100, 100), 100, (100, 111, 100, 105)]
    played = play(bars, orders={1: [buy(5)], 2: [sell(10)]}, stop_loss=Atr(1.0, 1))
    assert played.fills[3:] == [(4, "A", 5.0, 110.0)]
