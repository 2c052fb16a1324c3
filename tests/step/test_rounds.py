"""Explicit orders inside the bar: exits, then increases under one factor, then the levels of what was increased."""

from __future__ import annotations

import pytest

from tests.step.market import buy, flat_then, long_then, play, sell


# --- what touches, and at what price --------------------------------------------------------------------------------
def test_limits_fill_at_their_limit_and_stops_at_their_trigger_with_slippage():
    played = flat_then((100, 106, 94, 100), buy(2, limit=95.0), buy(2, stop=105.0), buy(1, limit=93.0), slippage=0.01)
    assert played.fills == [(1, "A", 2.0, 95.0), (1, "A", 2.0, 106.05)] and played.fate(1) == ["filled", "expired"]
    short = flat_then((100, 106, 94, 100), sell(2, limit=105.0), sell(2, stop=95.0), slippage=0.01)
    assert short.fills == [(1, "A", -2.0, 105.0), (1, "A", -2.0, 94.05)]


def test_a_touch_is_a_fill_and_a_cent_less_is_none():
    assert flat_then((100, 101, 95, 100), buy(5, limit=95.0)).fills == [(1, "A", 5.0, 95.0)]
    assert flat_then((100, 101, 95.01, 100), buy(5, limit=95.0)).fate(1) == ["expired"]
    assert flat_then((100, 105, 99, 100), buy(5, stop=105.0)).fills == [(1, "A", 5.0, 105.0)]
    assert flat_then((100, 104.99, 99, 100), buy(5, stop=105.0)).fate(1) == ["expired"]


def test_a_stop_limit_with_its_limit_beyond_the_trigger_slips_no_further_than_the_limit():
    # 105 x 1.01 = 106.05, 95 x 0.99 = 94.05
    bar = (100, 107, 93, 100)
    assert flat_then(bar, buy(5, stop=105.0, limit=105.5), slippage=0.01).fills == [(1, "A", 5.0, 105.5)]
    assert flat_then(bar, buy(5, stop=105.0, limit=107.0), slippage=0.01).fills == [(1, "A", 5.0, 106.05)]
    assert flat_then(bar, sell(5, stop=95.0, limit=94.5), slippage=0.01).fills == [(1, "A", -5.0, 94.5)]


@pytest.mark.parametrize(("close", "filled"), [(102, True), (103, True), (104, False)])
def test_a_stop_limit_with_its_limit_short_of_the_trigger_needs_the_close(close, filled):
    played = flat_then((100, 106, 94, close), buy(5, stop=105.0, limit=103.0), slippage=0.01)
    assert played.fills == ([(1, "A", 5.0, 103.0)] if filled else [])
    mirrored = flat_then((100, 106, 94, 200 - close), sell(5, stop=95.0, limit=97.0), slippage=0.01)
    assert mirrored.fills == ([(1, "A", -5.0, 97.0)] if filled else [])


def test_a_stop_limit_that_reduces_slips_no_further_than_its_limit_either():
    assert long_then((100, 100, 93, 95), sell(5, stop=95.0, limit=94.5), slippage=0.01).fills[1:] == [
        (2, "A", -5.0, 94.5)
    ]


def test_a_stop_limit_that_the_open_triggers_is_a_limit_from_then_on():
    played = flat_then((107, 108, 94, 107), buy(5, stop=105.0, limit=105.5), slippage=0.01)
    assert played.fills == [(1, "A", 5.0, 105.5)]


# --- round 1: exits -------------------------------------------------------------------------------------------------
def test_on_one_side_the_nearer_to_the_open_acts_first():
    played = long_then((100, 100, 88, 95), sell(2, stop=95.0), stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -2.0, 95.0), (2, "A", -3.0, 90.0)] and played.reasons[2] == "stop loss"
    stops = long_then((100, 100, 94, 95), sell(3, stop=95.0, only=True), sell(3, stop=97.0, only=True))
    assert stops.fills[1:] == [(2, "A", -3.0, 97.0), (2, "A", -2.0, 95.0)]


def test_a_protective_level_acts_before_orders_at_its_price_and_cancels_them():
    played = long_then((100, 100, 88, 95), sell(2, stop=90.0), stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 90.0)] and played.fate(2) == ["filled", "stopped", "cancelled"]


def test_orders_at_one_price_act_in_the_order_given():
    played = long_then((100, 100, 94, 95), sell(1, stop=95.0), sell(4, stop=95.0))
    assert played.fills[1:] == [(2, "A", -1.0, 95.0), (2, "A", -4.0, 95.0)]


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 95.0), ("optimistic", 105.0), ("nearest", 105.0)])
def test_an_order_on_each_side_is_settled_by_policy_and_named_ambiguous(policy, price):
    orders = sell(5, stop=95.0, only=True), sell(5, limit=105.0, only=True)
    played = long_then((100, 106, 92, 100), *orders, intrabar=policy)  # the high is 6 away, the low 8
    assert played.fills[1:] == [(2, "A", -5.0, price)] and played.fate(2) == ["filled", "ambiguous"]


@pytest.mark.parametrize(
    ("policy", "fills"),
    [
        ("pessimistic", [(2, "A", -5.0, 90.0)]),
        ("optimistic", [(2, "A", -2.0, 105.0), (2, "A", -3.0, 90.0)]),
        ("nearest", [(2, "A", -2.0, 105.0), (2, "A", -3.0, 90.0)]),  # 6 up, 12 down
    ],
)
def test_a_stop_level_against_a_limit_order(policy, fills):
    played = long_then((100, 106, 88, 100), sell(2, limit=105.0), stop_loss=0.1, intrabar=policy)
    assert played.fills[1:] == fills and "ambiguous" in played.fate(2)


@pytest.mark.parametrize(
    ("policy", "fills"),
    [
        ("pessimistic", [(2, "A", -2.0, 95.0), (2, "A", -3.0, 106.25)]),
        ("optimistic", [(2, "A", -5.0, 106.25)]),
        ("nearest", [(2, "A", -2.0, 95.0), (2, "A", -3.0, 106.25)]),  # 8 up, 6 down
    ],
)
def test_a_target_level_against_a_stop_order(policy, fills):
    played = long_then((100, 108, 94, 100), sell(2, stop=95.0), take_profit=0.0625, intrabar=policy)
    assert played.fills[1:] == fills and "ambiguous" in played.fate(2)


def test_one_side_alone_is_not_ambiguous():
    assert "ambiguous" not in long_then((100, 104, 92, 100), sell(5, stop=95.0), sell(5, limit=105.0, only=True)).fate(
        2
    )


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 105.0), ("optimistic", 95.0), ("nearest", 105.0)])
def test_a_short_mirrors_the_sides(policy, price):
    orders = [buy(5, stop=105.0, only=True), buy(5, limit=95.0, only=True)]
    played = play([100, 100, (100, 106, 92, 100)], orders={0: [sell(5)], 1: orders}, intrabar=policy)
    assert played.fills[1:] == [(2, "A", 5.0, price)] and "ambiguous" in played.fate(2)


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 95.0), ("optimistic", 105.0), ("nearest", 105.0)])
def test_a_stop_limit_is_a_stop_until_it_is_triggered(policy, price):
    orders = sell(5, stop=95.0, limit=94.0, only=True), sell(5, limit=105.0, only=True)
    played = long_then((100, 106, 92, 100), *orders, intrabar=policy)
    assert played.fills[1:] == [(2, "A", -5.0, price)] and "ambiguous" in played.fate(2)


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 90.0), ("optimistic", 96.0), ("nearest", 96.0)])
def test_a_stop_limit_that_the_open_has_triggered_is_a_limit_on_the_other_side_of_the_stop_level(policy, price):
    played = long_then((94, 97, 89, 95), sell(5, stop=95.0, limit=96.0, only=True), stop_loss=0.1, intrabar=policy)
    assert played.fills[1:] == [(2, "A", -5.0, price)] and "ambiguous" in played.fate(2)  # 3 up, 5 down


def test_a_protective_fill_that_participation_cuts_cancels_all_the_same_and_its_rest_stands_again():
    orders = {0: [buy(5)], 1: [sell(2, stop=89.0), buy(1, at="close")]}
    played = play([100, 100, (100, 100, 88, 95, 30), 96], orders=orders, stop_loss=0.1, max_participation=0.1)
    assert played.fills[1:] == [(2, "A", -3.0, 90.0), (3, "A", -2.0, 96.0)]
    assert played.fate(2) == ["filled", "participation", "stopped", "cancelled"]


def test_all_fills_of_a_bar_share_its_volume_in_the_order_they_happen():
    orders = {0: [buy(5)], 1: [sell(2, stop=95.0)]}
    played = play([100, 100, (100, 100, 88, 95, 30), 96], orders=orders, stop_loss=0.1, max_participation=0.1)
    assert played.fills[1:] == [(2, "A", -2.0, 95.0), (2, "A", -1.0, 90.0), (3, "A", -2.0, 96.0)]


def test_a_reducing_order_may_follow_a_market_entry_of_the_same_slice():
    played = flat_then((100, 101, 94, 98), buy(5), sell(5, stop=95.0))
    assert played.fills == [(1, "A", 5.0, 100.0), (1, "A", -5.0, 95.0)]


def test_without_entry_bar_protection_levels_sleep_and_reducing_orders_do_not():
    rules = {"entry_bar_protection": False, "stop_loss": 0.0625}
    played = flat_then((100, 101, 90, 98), buy(5), sell(2, stop=95.0), **rules)
    assert played.fills == [(1, "A", 5.0, 100.0), (1, "A", -2.0, 95.0)]


# --- round 2: increases ---------------------------------------------------------------------------------------------
def test_what_goes_beyond_the_position_is_an_increase_that_needs_power():
    # power at the open 1000 - 500: of 7 x 95 = 665 fit 5; the exit inside the bar adds nothing
    played = long_then((100, 100, 94, 95), sell(12, stop=95.0))
    assert played.fills[1:] == [(2, "A", -5.0, 95.0), (2, "A", -5.0, 95.0)] and "scaled" in played.fate(2)
    assert long_then((100, 100, 94, 95), sell(12, stop=95.0, only=True)).fills[1:] == [(2, "A", -5.0, 95.0)]


def test_twins_close_once_and_the_rest_opens_unless_reduce_only():
    bar = (100, 106, 100, 101)
    twins = [sell(4, limit=105.0), sell(4, limit=105.0)]
    assert [fill[2] for fill in long_then(bar, *twins).fills[1:]] == [-4.0, -1.0, -3.0]
    only = [sell(4, limit=105.0, only=True)] * 2
    assert [fill[2] for fill in long_then(bar, *only).fills[1:]] == [-4.0, -1.0]


def test_an_exit_inside_the_bar_pays_for_nothing_in_it():
    bars = {"A": [100, 100, (100, 111, 100, 110)], "B": [10, 10, (10, 10, 8, 9)]}
    orders = {0: [buy(10)], 1: [sell(10, limit=110.0), buy(10, "B", limit=9.0)]}
    played = play(bars, orders=orders)
    assert played.fills[1:] == [(2, "A", -10.0, 110.0)] and played.fate(2, "B") == ["no buying power"]


def test_increases_inside_the_bar_share_one_factor_over_all_instruments():
    bars = {"A": [10, (10, 10, 9, 9.5)], "B": [10, (10, 12, 10, 12)]}
    played = play(bars, orders={0: [buy(50, limit=9.0), buy(50, "B", stop=12.0)]})
    # 450 + 600 = 1050 for a power of 1000: 47.6 each
    assert played.fills == [(1, "A", 47.0, 9.0), (1, "B", 47.0, 12.0)]
    assert played.fate(1, "A") == played.fate(1, "B") == ["filled", "scaled"]


def test_what_the_open_bought_is_taken_from_the_power_inside():
    bars = {"A": [10, (10, 10, 9, 9.5)], "B": [10, 16]}
    played = play(bars, orders={0: [buy(50, limit=9.0), buy(50, "B")]})
    # B takes 800 of 1000: 200 / 450 x 50 = 22.2
    assert played.fills == [(1, "B", 50.0, 16.0), (1, "A", 22.0, 9.0)]


def test_opposite_entries_in_one_bar_close_each_other():
    assert flat_then((100, 100, 93, 95), buy(2, limit=95.0), sell(2, stop=94.0)).fills == [
        (1, "A", 2.0, 95.0),
        (1, "A", -2.0, 94.0),
    ]
    past = flat_then((100, 100, 93, 95), buy(2, limit=95.0), sell(5, stop=94.0))
    assert past.fills == [(1, "A", 2.0, 95.0), (1, "A", -2.0, 94.0), (1, "A", -3.0, 94.0)]
    only = flat_then((100, 100, 93, 95), buy(2, limit=95.0), sell(2, stop=94.0, only=True))
    assert only.fills == [(1, "A", 2.0, 95.0)]  # there was nothing to reduce when exits acted
