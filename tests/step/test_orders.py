"""Explicit orders where they meet one price, the open or the close: what fills, at what, what lapses, what is restated."""

from __future__ import annotations

from pytest import approx

from engine.types import Order
from tests.reference import interface
from tests.step.market import buy, play, sell


# --- the open -------------------------------------------------------------------------------------------------------
def test_a_market_order_fills_at_the_next_open_with_slippage_and_commission():
    played = play([100, (102, 110, 101, 108)], orders={0: [buy(5)]}, slippage=0.01, commission=0.01)
    # 5 x 103.02 = 515.10 and 5.151 of fees: 479.749 left, and 5 x 108 = 540
    assert played.fills == [(1, "A", 5.0, 103.02)] and played.fees == approx([5.151])
    assert played.cash[1] == approx(479.749) and played.equity[1] == approx(1019.749)
    assert played.reasons == ["order"] and played.decision(0) == "ordered" and played.fate(1) == ["filled"]


def test_an_order_meets_the_next_slice_and_no_other():
    played = play([100, (100, 101, 96, 100), (100, 100, 80, 90)], orders={0: [buy(5, limit=95.0)]})
    assert played.fills == [] and played.fate(1) == ["expired"] and played.fate(2) == []


def test_a_buy_limit_that_the_open_has_reached_fills_at_the_better_open_without_slippage():
    assert play([100, 98], orders={0: [buy(5, limit=99.0)]}, slippage=0.01).fills == [(1, "A", 5.0, 98.0)]


def test_a_sell_limit_that_the_open_has_reached_fills_at_the_better_open_without_slippage():
    assert play([100, 103], orders={0: [sell(5, limit=102.0)]}, slippage=0.01).fills == [(1, "A", -5.0, 103.0)]


def test_a_reduction_at_the_open_slips_by_its_kind():
    rules = {"orders": {0: [buy(5)], 1: [sell(2, limit=99.0), sell(2, stop=101.0), sell(1)]}, "slippage": 0.01}
    played = play([100, 100, 100], **rules)
    assert played.fills[1:] == [(2, "A", -2.0, 100.0), (2, "A", -2.0, 99.0), (2, "A", -1.0, 99.0)]


def test_a_limit_that_the_open_only_touches_fills():
    assert play([100, 99], orders={0: [buy(5, limit=99.0)]}).fills == [(1, "A", 5.0, 99.0)]


def test_a_buy_stop_that_the_open_has_passed_fills_at_the_open_with_slippage():
    assert play([100, 103], orders={0: [buy(5, stop=102.0)]}, slippage=0.01).fills == [(1, "A", 5.0, 104.03)]


def test_a_sell_stop_that_the_open_has_passed_fills_at_the_open_with_slippage():
    assert play([100, 97], orders={0: [sell(5, stop=98.0)]}, slippage=0.01).fills == [(1, "A", -5.0, 96.03)]


def test_a_stop_limit_whose_trigger_and_limit_the_open_has_reached_fills_there_without_slippage():
    # trigger 102, limit 104: the open of 103 has passed the one and is no worse than the other
    assert play([100, 103], orders={0: [buy(5, stop=102.0, limit=104.0)]}, slippage=0.01).fills == [
        (1, "A", 5.0, 103.0)
    ]


def test_a_stop_limit_that_the_open_has_triggered_beyond_its_limit_expires_if_the_price_never_comes_back():
    played = play([100, (106, 107, 105, 106)], orders={0: [buy(5, stop=102.0, limit=104.0)]})
    assert played.fills == [] and played.fate(1) == ["expired"]


def test_orders_of_one_open_fill_in_the_order_given():
    given = {0: [buy(1, limit=99.0), buy(2), buy(3, stop=97.0)]}
    assert play([100, 98], orders=given).fills == [(1, "A", 1.0, 98.0), (1, "A", 2.0, 98.0), (1, "A", 3.0, 98.0)]


def test_an_order_by_column_is_an_order_by_symbol():
    bars = {"A": [100, 100], "B": [10, 10]}
    for order in (buy(5, "B"), Order(1, 5.0), interface.Order(1, 5.0)):
        assert play(bars, orders={0: [order]}).fills == [(1, "B", 5.0, 10.0)]


# --- increases and reductions ---------------------------------------------------------------------------------------
def test_increases_share_one_factor_over_all_instruments():
    bars = {"A": [10, 12.5], "B": [20, 25]}
    played = play(bars, orders={0: [buy(50), buy(25, "B")]})
    # 50 x 12.5 + 25 x 25 = 1250 for a power of 1000: factor 0.8
    assert played.fills == [(1, "A", 40.0, 12.5), (1, "B", 20.0, 25.0)]
    assert played.fate(1, "A") == played.fate(1, "B") == ["filled", "scaled"]


def test_two_increases_of_one_instrument_share_the_factor_too():
    played = play([10, 12.5], orders={0: [buy(60), buy(20)]})
    # 80 x 12.5 = 1000 fits; at 20: 1600, factor 0.625: 37.5 and 12.5, in whole lots 37 and 12
    assert [fill[2] for fill in played.fills] == [60.0, 20.0]
    dearer = play([10, 20], orders={0: [buy(60), buy(20)]})
    assert dearer.fills == [(1, "A", 37.0, 20.0), (1, "A", 12.0, 20.0)]


def test_fees_count_toward_the_cost():
    played = play([100, 100], orders={0: [buy(10)]}, commission=0.25)
    # 10 x 100 x 1.25 = 1250: factor 0.8
    assert played.fills == [(1, "A", 8.0, 100.0)] and played.cash[1] == approx(0)


def test_a_reduction_makes_room_for_an_increase_that_was_given_before_it():
    bars = {"A": [10, 10, 10], "B": [10, 10, 10]}
    played = play(bars, orders={0: [buy(100, "B")], 1: [buy(90), sell(100, "B")]}, max_gross=2.0)
    assert played.fills[1:] == [(2, "B", -100.0, 10.0), (2, "A", 90.0, 10.0)]


def test_without_power_nothing_is_bought():
    bars = {"A": [100, 100, 100], "B": [10, 10, 11]}
    played = play(bars, orders={0: [buy(9)], 1: [buy(9, "B")]}, max_gross=1.0)
    # 100 of cash: 9 x 11 = 99 fits
    assert played.fills[1:] == [(2, "B", 9.0, 11.0)]
    short = play({"A": [100, 100, 100], "B": [10, 10, 200]}, orders={0: [buy(9)], 1: [buy(9, "B")]})
    # 100 / (9 x 200) x 9 = 0.5, below a lot
    assert short.fills[1:] == [] and short.fate(2, "B") == ["no buying power"]


def test_a_flip_is_a_reduction_and_an_increase():
    played = play([100, 100, 110], orders={0: [buy(5)], 1: [sell(8)]})
    # 5 sold at 110, 3 short: cash 500 + 550 + 330 = 1380; 1380 - 330 = 1050
    assert played.fills[1:] == [(2, "A", -5.0, 110.0), (2, "A", -3.0, 110.0)]
    assert played.cash[2] == approx(1380) and played.equity[2] == approx(1050)


def test_reduce_only_never_opens_grows_or_flips():
    assert play([100, 100], orders={0: [buy(5, only=True)]}).fills == []
    grown = play([100, 100, 100], orders={0: [buy(5)], 1: [buy(2, only=True)]})
    assert grown.fills == [(1, "A", 5.0, 100.0)] and grown.refused == []
    flipped = play([100, 100, 100], orders={0: [buy(5)], 1: [sell(8, only=True)]})
    assert flipped.fills[1:] == [(2, "A", -5.0, 100.0)]


def test_a_quantity_floors_toward_zero_to_the_lot_when_written():
    assert play([100, 100], orders={0: [buy(5.9)]}).fills == [(1, "A", 5.0, 100.0)]
    assert play([100, 100], orders={0: [sell(5.9)]}).fills == [(1, "A", -5.0, 100.0)]
    small = play([100, 100], orders={0: [buy(0.9)]})
    assert small.fills == [] and small.refused == [] and small.notes(0) == ["below a lot"]
    assert small.decision(0) == "undecided"
    assert play([100, 100], orders={0: [buy(5.9)]}, lot=0.0).fills == [(1, "A", 5.9, 100.0)]


# --- the close ------------------------------------------------------------------------------------------------------
def test_a_close_order_fills_at_the_close_with_slippage():
    played = play([100, (100, 105, 99, 104)], orders={0: [buy(5, at="close")]}, slippage=0.25)
    assert played.fills == [(1, "A", 5.0, 130.0)]


def test_under_fill_close_market_orders_wait_for_the_close_and_limits_do_not():
    given = {0: [buy(2), buy(3, limit=101.0)]}
    played = play([100, (100, 105, 99, 104)], orders=given, fill="close")
    assert played.fills == [(1, "A", 3.0, 100.0), (1, "A", 2.0, 104.0)]


def test_at_the_close_reductions_come_first_and_increases_share_the_power_there():
    bars = {"A": [10, 10, 10], "B": [10, 10, (10, 20, 10, 20)]}
    played = play(bars, orders={0: [buy(90)], 1: [buy(80, "B", at="close"), sell(90, at="close")]}, max_gross=2.0)
    # A out at 10: 1000 of cash, power 2000; 80 x 20 = 1600 fits
    assert played.fills[1:] == [(2, "A", -90.0, 10.0), (2, "B", 80.0, 20.0)]
    scaled = play(bars, orders={0: [buy(40)], 1: [buy(60, "B", at="close")]})
    # power 1000 - 400 = 600 at the close: 600 / 1200 x 60
    assert scaled.fills[1:] == [(2, "B", 30.0, 20.0)] and "scaled" in scaled.fate(2, "B")


def test_a_position_opened_at_the_close_does_not_meet_its_own_bar():
    played = play([100, (100, 120, 80, 100)], orders={0: [buy(5, at="close", stop_loss=0.1, take_profit=0.1)]})
    assert played.fills == [(1, "A", 5.0, 100.0)]


# --- brackets -------------------------------------------------------------------------------------------------------
def test_a_bracket_replaces_the_exits_of_the_file_where_the_order_opens_a_position():
    fall = [100, 100, (100, 100, 79, 90)]
    assert play(fall, orders={0: [buy(5, stop_loss=0.05)]}, stop_loss=0.2).fills[1:] == [(2, "A", -5.0, 95.0)]
    assert play(fall, orders={0: [buy(5)]}, stop_loss=0.2).fills[1:] == [(2, "A", -5.0, 80.0)]


def test_what_a_bracket_leaves_out_is_the_files():
    played = play([100, 100, (100, 108, 100, 105)], orders={0: [buy(5, stop_loss=0.05)]}, take_profit=0.0625)
    assert played.fills[1:] == [(2, "A", -5.0, 106.25)] and played.reasons[1] == "take profit"


def test_a_bracket_with_a_target_and_a_trailing_stop():
    rose = [100, 100, (100, 120, 100, 118), (118, 118, 100, 110)]
    played = play(rose, orders={0: [buy(5, trailing_stop=0.1, take_profit=0.5)]})
    assert played.fills[1:] == [(3, "A", -5.0, 108.0)] and played.reasons[1] == "trailing stop"  # 120 x 0.9
    short = play([100, 100, (100, 100, 80, 82), (82, 95, 82, 90)], orders={0: [sell(5, trailing_stop=0.125)]})
    assert short.fills[1:] == [(3, "A", 5.0, 90.0)]  # 80 x 1.125


def test_a_bracket_of_an_order_that_grows_replaces_what_it_gives_and_no_more():
    bars = [100, 100, 100, (100, 100, 85, 95)]
    tight = buy(5, stop_loss=0.05, take_profit=0.1)
    kept = play(bars, orders={0: [tight], 1: [buy(2, take_profit=0.2)]})
    assert kept.fills[2:] == [(3, "A", -7.0, 95.0)]
    replaced = play(bars, orders={0: [tight], 1: [buy(2, stop_loss=0.125)]})
    assert replaced.fills[2:] == [(3, "A", -7.0, 87.5)]


def test_a_bracket_of_an_order_that_only_shrinks_changes_nothing():
    bars = [100, 100, 100, (100, 100, 85, 95)]
    played = play(bars, orders={0: [buy(5, stop_loss=0.125)], 1: [sell(2, stop_loss=0.05)]})
    assert played.fills[2:] == [(3, "A", -3.0, 87.5)]


def test_a_flip_carries_its_own_bracket():
    played = play(
        [100, 100, 100, (100, 110, 100, 105)], orders={0: [buy(5, stop_loss=0.5)], 1: [sell(8, stop_loss=0.0625)]}
    )
    assert played.fills[3:] == [(3, "A", 3.0, 106.25)]


def test_an_entry_that_the_open_puts_beyond_its_own_level_leaves_at_that_open():
    # 10 % of slippage: bought at 110, so that the 5 % stop lies at 104.5, above the open
    played = play([100, 100], orders={0: [buy(5, stop_loss=0.05)]}, slippage=0.1)
    assert played.fills == [(1, "A", 5.0, 110.0), (1, "A", -5.0, 90.0)] and played.reasons[1] == "stop loss"


# --- cancellation ---------------------------------------------------------------------------------------------------
def test_a_protective_fill_at_the_open_cancels_all_that_waits_for_the_instrument():
    given = {0: [buy(5, stop_loss=0.1), buy(10, "B")], 1: [buy(2), sell(5), buy(1, at="close"), sell(4, "B")]}
    played = play({"A": [100, 100, 85], "B": [10, 10, 10]}, orders=given)
    assert played.fills[2:] == [(2, "A", -5.0, 85.0), (2, "B", -4.0, 10.0)]
    assert played.fate(2) == ["filled", "stopped", "cancelled"] and played.fate(2, "B") == ["filled"]


def test_a_protective_fill_inside_the_bar_cancels_the_order_at_its_close():
    given = {0: [buy(5, take_profit=0.0625)], 1: [buy(2, at="close")]}
    played = play([100, 100, (100, 110, 100, 105)], orders=given)
    assert played.fills[1:] == [(2, "A", -5.0, 106.25)] and played.fate(2) == ["filled", "target", "cancelled"]


def test_a_protective_fill_cancels_orders_that_a_delay_still_holds_back():
    given = {0: [buy(5, stop_loss=0.1)], 2: [buy(2)]}
    played = play([100, 100, 100, 85, 100], orders=given, delay=1)
    # the 2 were decided on slice 2 for slice 4
    assert played.fills == [(2, "A", 5.0, 100.0), (3, "A", -5.0, 85.0)] and "cancelled" in played.fate(3)
