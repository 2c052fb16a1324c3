"""What becomes of explicit orders when bars or opens are missing, names split or die, volume is short, or switches speak."""

from __future__ import annotations

import pytest
from pytest import approx

from tests.reference.interface import NAN, Switch
from tests.step.market import buy, flat_then, long_then, play, sell

WIDE = {"max_weight": 9.0, "max_gross": 9.0}  # caps out of the way


# --- missing bars, opens, deaths ------------------------------------------------------------------------------------
def test_an_order_that_meets_no_bar_lapses():
    for order in (buy(5), buy(5, limit=101.0), buy(5, stop=99.0), buy(5, at="close")):
        played = play([100, None, 100], orders={0: [order]})
        assert played.fills == [] and played.fate(1) == ["no bar"] and played.fate(2) == []


def test_without_an_open_a_market_order_waits_for_the_close():
    played = play([100, (NAN, 106, 98, 104)], orders={0: [buy(5, stop_loss=0.05)]}, slippage=0.25)
    assert played.fills == [(1, "A", 5.0, 130.0)]  # and its own bar's low of 98 is older than the entry


def test_a_death_drops_what_waits():
    played = play([100, 100, None, 100], orders={0: [buy(5)], 1: [buy(2)]}, delay=1, delisted=2, terminal=7.0)
    # the 5 meet no bar on slice 2, on which A dies; the 2 for slice 3 are gone although bars return
    assert played.fills == [] and played.fate(2) == ["no bar"] and played.fate(3) == []


def test_a_position_dies_at_its_terminal_value_and_the_sale_that_waited_is_gone():
    played = play([100, 100, None, 100], orders={0: [buy(5)], 1: [sell(5)]}, delisted=2, terminal=7.0)
    assert played.fills[1:] == [(2, "A", -5.0, 7.0)] and played.cash[2] == approx(535) and played.held() == 0


# --- half-known bars ------------------------------------------------------------------------------------------------
def test_without_high_and_low_orders_fill_at_the_close_and_nothing_happens_after():
    bar = (100, NAN, NAN, 93)
    bought = flat_then(bar, buy(5, limit=95.0, take_profit=0.01, stop_loss=0.01), slippage=0.01)
    assert bought.fills == [(1, "A", 5.0, 93.0)] and bought.fate(1) == ["filled"]
    assert long_then(bar, sell(5, stop=95.0), slippage=0.01).fills[1:] == [(2, "A", -5.0, 92.07)]  # 93 x 0.99
    assert flat_then(bar, buy(5, limit=92.0)).fate(1) == ["expired"]


def test_after_an_entry_at_the_close_of_a_half_known_bar_no_level_acts():
    # bought at 106 x 1.1 = 116.6: the stop of 115.434 lies above the close
    played = flat_then((100, NAN, NAN, 106), buy(5, stop=105.0, stop_loss=0.01), slippage=0.1)
    assert played.fills == [(1, "A", 5.0, 116.6)]


def test_without_an_open_prices_are_held_within_the_range():
    bar = (NAN, 94, 92, 93)
    assert long_then(bar, sell(5, stop=95.0)).fills[1:] == [(2, "A", -5.0, 94.0)]
    assert flat_then(bar, buy(5, limit=95.0)).fills == [(1, "A", 5.0, 94.0)]
    assert flat_then((NAN, 108, 105, 106), buy(5, stop=102.0, limit=103.0)).fate(1) == ["expired"]


def test_without_an_open_the_order_nearer_to_the_last_mark_acts_first():
    orders = sell(3, stop=95.0, only=True), sell(3, stop=97.0, only=True)
    assert long_then((NAN, 96, 94, 95), *orders).fills[1:] == [(2, "A", -3.0, 96.0), (2, "A", -2.0, 95.0)]


# --- actions --------------------------------------------------------------------------------------------------------
def test_a_split_restates_quantity_and_limit_and_a_dividend_neither():
    split = play([100, (66, 67, 59, 60)], orders={0: [buy(5, limit=90.0)]}, actions=[(1, "A", 1.5, 1.0)])
    assert split.fills == [(1, "A", 7.0, 60.0)] and split.fate(1) == ["filled", "action"]  # 7.5 and 90 / 1.5
    paid = play([100, (95, 96, 90, 91)], orders={0: [buy(5, limit=92.0)]}, actions=[(1, "A", 1.0, 5.0)])
    assert paid.fills == [(1, "A", 5.0, 92.0)] and paid.cash[1] == approx(540)


def test_a_split_restates_the_trigger_of_a_stop_and_both_prices_of_a_stop_limit():
    stop = play([100, (50, 56, 50, 55)], orders={0: [buy(3, stop=110.0)]}, actions=[(1, "A", 2.0, 0.0)])
    assert stop.fills == [(1, "A", 6.0, 55.0)]
    both = play(
        [100, (50, 56, 50, 55)],
        orders={0: [buy(3, stop=110.0, limit=111.0)]},
        actions=[(1, "A", 2.0, 0.0)],
        slippage=0.25,
    )
    assert both.fills == [(1, "A", 6.0, 55.5)]


def test_an_order_that_a_reverse_split_leaves_below_a_lot_is_dropped():
    played = play([100, 1000], orders={0: [buy(5)]}, actions=[(1, "A", 0.1, 0.0)])
    assert played.fills == [] and played.fate(1) == ["action"]
    kept = play([100, 1000], orders={0: [buy(25), buy(5)]}, actions=[(1, "A", 0.1, 0.0)], **WIDE)
    assert kept.fills == [(1, "A", 2.0, 1000.0)]


def test_a_time_stop_cancels_orders_that_a_delay_still_holds_back():
    played = play([100] * 6, orders={0: [buy(5)], 2: [buy(2)]}, delay=1, time_stop=2)
    # bought on slice 2, out at the close of slice 3; the 2 were meant for slice 4
    assert played.fills == [(2, "A", 5.0, 100.0), (3, "A", -5.0, 100.0)] and "cancelled" in played.fate(3)


# --- participation --------------------------------------------------------------------------------------------------
THIN = (100, 100, 100, 100, 30)


def test_the_rest_of_an_entry_that_participation_cut_lapses():
    played = play([100, THIN, THIN], orders={0: [buy(5)]}, max_participation=0.1)
    assert played.fills == [(1, "A", 3.0, 100.0)] and played.fate(1) == ["filled", "participation"]


def test_the_rest_of_a_whole_exit_stands_again_as_a_market_exit():
    for order in (sell(5), sell(5, limit=100.0), sell(5, stop=100.0), sell(5, at="close")):
        played = play([100, 100, THIN, THIN], orders={0: [buy(5)], 1: [order]}, max_participation=0.1)
        assert played.fills[1:] == [(2, "A", -3.0, 100.0), (3, "A", -2.0, 100.0)] and played.reasons[2] == "order"


def test_the_rest_of_a_part_of_a_position_lapses():
    played = play([100, 100, THIN, THIN], orders={0: [buy(5)], 1: [sell(4)]}, max_participation=0.1)
    assert played.fills[1:] == [(2, "A", -3.0, 100.0)] and played.held() == 2


def test_orders_of_one_bar_share_its_volume_in_the_order_given():
    played = play([100, THIN], orders={0: [buy(2), buy(5)]}, max_participation=0.1)
    assert played.fills == [(1, "A", 2.0, 100.0), (1, "A", 1.0, 100.0)]
    later = play(
        [100, (100, 101, 94, 100, 30)],
        orders={0: [buy(2), buy(5, limit=95.0), buy(1, at="close")]},
        max_participation=0.1,
    )
    assert later.fills == [(1, "A", 2.0, 100.0), (1, "A", 1.0, 95.0)]


# --- delay and switches ---------------------------------------------------------------------------------------------
def test_a_delay_of_one_holds_an_order_back_for_a_slice():
    assert play([100, 90, 80], orders={0: [buy(5)]}, delay=1).fills == [(2, "A", 5.0, 80.0)]


def test_flattening_drops_what_waits_and_asks_for_nothing():
    switch = Switch("max_drawdown", 0.05, "flatten", 1.0, "never")
    bars = [100, 100, 100, 90, 90, 90]
    played = play(bars, orders={0: [buy(6)], 2: [buy(1)], 3: [buy(1)], 4: [buy(1)]}, delay=1, switches=[switch])
    # 6 x 10 lost of 1000
    assert played.fills[1:] == [(4, "A", -6.0, 90.0)] and played.refused == []
    assert [played.decision(t) for t in (3, 4, 5)] == ["flatten"] * 3


@pytest.mark.parametrize(("order", "sold"), [(sell(8), -5.0), (sell(3), -3.0), (buy(1), 0.0)])
def test_a_halt_makes_all_that_waits_reduce_only(order, sold):
    switch = Switch("max_drawdown", 0.02, "halt", 1.0, "never")
    # decided on slice 2 for slice 4; the halt comes on slice 3 with 5 x 5 lost of 1000
    played = play([100, 100, 100, 95, 95], orders={0: [buy(5)], 2: [order]}, delay=1, switches=[switch])
    assert played.fills[1:] == ([(4, "A", sold, 95.0)] if sold else [])


def test_a_reduce_switch_leaves_explicit_orders_alone():
    switch = Switch("max_drawdown", 0.02, "reduce", 0.5, "never")
    played = play([100, 100, 95, 95], orders={0: [buy(5)], 2: [buy(4)]}, switches=[switch])
    assert played.fills[1:] == [(3, "A", 4.0, 95.0)]
