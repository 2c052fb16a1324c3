"""Explicit orders inside the bar: exits, then increases under one factor, then the levels of what was increased."""

from __future__ import annotations

import pytest
from pytest import approx

from tests.step.market import buy, play, sell

POLICIES = ("pessimistic", "optimistic", "nearest")


def long(bar, *orders, **rules):
    """Long 5 at 100, then these orders for `bar`."""
    return play([100, 100, bar], orders={0: [buy(5)], 1: list(orders)}, **rules)


def entry(bar, *orders, **rules):
    """Flat at 100, then these orders for `bar`."""
    return play([100, bar], orders={0: list(orders)}, **rules)


# --- what touches, and at what price --------------------------------------------------------------------------------
def test_limits_fill_at_their_limit_and_stops_at_their_trigger_with_slippage():
    played = entry((100, 106, 94, 100), buy(2, limit=95.0), buy(2, stop=105.0), buy(1, limit=93.0), slippage=0.01)
    assert played.fills == [(1, "A", 2.0, 95.0), (1, "A", 2.0, 106.05)] and played.fate(1) == ["filled", "expired"]
    short = entry((100, 106, 94, 100), sell(2, limit=105.0), sell(2, stop=95.0), slippage=0.01)
    assert short.fills == [(1, "A", -2.0, 105.0), (1, "A", -2.0, 94.05)]


def test_a_touch_is_a_fill_and_a_cent_less_is_none():
    assert entry((100, 101, 95, 100), buy(5, limit=95.0)).fills == [(1, "A", 5.0, 95.0)]
    assert entry((100, 101, 95.01, 100), buy(5, limit=95.0)).fate(1) == ["expired"]
    assert entry((100, 105, 99, 100), buy(5, stop=105.0)).fills == [(1, "A", 5.0, 105.0)]
    assert entry((100, 104.99, 99, 100), buy(5, stop=105.0)).fate(1) == ["expired"]


def test_a_stop_limit_with_its_limit_beyond_the_trigger_slips_no_further_than_the_limit():
    # 105 x 1.01 = 106.05, 95 x 0.99 = 94.05
    bar = (100, 107, 93, 100)
    assert entry(bar, buy(5, stop=105.0, limit=105.5), slippage=0.01).fills == [(1, "A", 5.0, 105.5)]
    assert entry(bar, buy(5, stop=105.0, limit=107.0), slippage=0.01).fills == [(1, "A", 5.0, 106.05)]
    assert entry(bar, sell(5, stop=95.0, limit=94.5), slippage=0.01).fills == [(1, "A", -5.0, 94.5)]


@pytest.mark.parametrize(("close", "filled"), [(102, True), (103, True), (104, False)])
def test_a_stop_limit_with_its_limit_short_of_the_trigger_needs_the_close(close, filled):
    played = entry((100, 106, 94, close), buy(5, stop=105.0, limit=103.0), slippage=0.01)
    assert played.fills == ([(1, "A", 5.0, 103.0)] if filled else [])
    mirrored = entry((100, 106, 94, 200 - close), sell(5, stop=95.0, limit=97.0), slippage=0.01)
    assert mirrored.fills == ([(1, "A", -5.0, 97.0)] if filled else [])


def test_a_stop_limit_that_the_open_triggers_is_a_limit_from_then_on():
    played = entry((107, 108, 94, 107), buy(5, stop=105.0, limit=105.5), slippage=0.01)
    assert played.fills == [(1, "A", 5.0, 105.5)]


# --- round 1: exits -------------------------------------------------------------------------------------------------
def test_on_one_side_the_nearer_to_the_open_acts_first():
    played = long((100, 100, 88, 95), sell(2, stop=95.0), stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -2.0, 95.0), (2, "A", -3.0, 90.0)] and played.reasons[2] == "stop loss"
    stops = long((100, 100, 94, 95), sell(3, stop=95.0, only=True), sell(3, stop=97.0, only=True))
    assert stops.fills[1:] == [(2, "A", -3.0, 97.0), (2, "A", -2.0, 95.0)]


def test_a_protective_level_acts_before_orders_at_its_price_and_cancels_them():
    played = long((100, 100, 88, 95), sell(2, stop=90.0), stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 90.0)] and played.fate(2) == ["filled", "stopped", "cancelled"]


def test_orders_at_one_price_act_in_the_order_given():
    played = long((100, 100, 94, 95), sell(1, stop=95.0), sell(4, stop=95.0))
    assert played.fills[1:] == [(2, "A", -1.0, 95.0), (2, "A", -4.0, 95.0)]


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 95.0), ("optimistic", 105.0), ("nearest", 105.0)])
def test_an_order_on_each_side_is_settled_by_policy_and_named_ambiguous(policy, price):
    orders = sell(5, stop=95.0, only=True), sell(5, limit=105.0, only=True)
    played = long((100, 106, 92, 100), *orders, intrabar=policy)  # the high is 6 away, the low 8
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
    played = long((100, 106, 88, 100), sell(2, limit=105.0), stop_loss=0.1, intrabar=policy)
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
    played = long((100, 108, 94, 100), sell(2, stop=95.0), take_profit=0.0625, intrabar=policy)
    assert played.fills[1:] == fills and "ambiguous" in played.fate(2)


def test_one_side_alone_is_not_ambiguous():
    assert "ambiguous" not in long((100, 104, 92, 100), sell(5, stop=95.0), sell(5, limit=105.0, only=True)).fate(2)


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 105.0), ("optimistic", 95.0), ("nearest", 105.0)])
def test_a_short_mirrors_the_sides(policy, price):
    orders = [buy(5, stop=105.0, only=True), buy(5, limit=95.0, only=True)]
    played = play([100, 100, (100, 106, 92, 100)], orders={0: [sell(5)], 1: orders}, intrabar=policy)
    assert played.fills[1:] == [(2, "A", 5.0, price)] and "ambiguous" in played.fate(2)


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
    played = entry((100, 101, 94, 98), buy(5), sell(5, stop=95.0))
    assert played.fills == [(1, "A", 5.0, 100.0), (1, "A", -5.0, 95.0)]


def test_without_entry_bar_protection_levels_sleep_and_reducing_orders_do_not():
    rules = {"entry_bar_protection": False, "stop_loss": 0.0625}
    played = entry((100, 101, 90, 98), buy(5), sell(2, stop=95.0), **rules)
    assert played.fills == [(1, "A", 5.0, 100.0), (1, "A", -2.0, 95.0)]


# --- round 2: increases ---------------------------------------------------------------------------------------------
def test_what_goes_beyond_the_position_is_an_increase_that_needs_power():
    # power at the open 1000 - 500: of 7 x 95 = 665 fit 5; the exit inside the bar adds nothing
    played = long((100, 100, 94, 95), sell(12, stop=95.0))
    assert played.fills[1:] == [(2, "A", -5.0, 95.0), (2, "A", -5.0, 95.0)] and "scaled" in played.fate(2)
    assert long((100, 100, 94, 95), sell(12, stop=95.0, only=True)).fills[1:] == [(2, "A", -5.0, 95.0)]


def test_twins_close_once_and_the_rest_opens_unless_reduce_only():
    bar = (100, 106, 100, 101)
    twins = [sell(4, limit=105.0), sell(4, limit=105.0)]
    assert [fill[2] for fill in long(bar, *twins).fills[1:]] == [-4.0, -1.0, -3.0]
    only = [sell(4, limit=105.0, only=True)] * 2
    assert [fill[2] for fill in long(bar, *only).fills[1:]] == [-4.0, -1.0]


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
    assert entry((100, 100, 93, 95), buy(2, limit=95.0), sell(2, stop=94.0)).fills == [
        (1, "A", 2.0, 95.0),
        (1, "A", -2.0, 94.0),
    ]
    only = entry((100, 100, 93, 95), buy(2, limit=95.0), sell(2, stop=94.0, only=True))
    assert only.fills == [(1, "A", 2.0, 95.0)]  # there was nothing to reduce when exits acted


# --- a limit order that the price meets before the stop level ---------------------------------------------------------
MORE = {"stop_loss": 0.1, "max_gross": 2.0}


def test_a_limit_nearer_to_the_open_than_the_stop_level_fills_first_and_moves_the_level():
    # basis 97.5: the stop moves from 90 to 87.75
    played = long((100, 100, 87, 96), buy(5, limit=95.0), **MORE)
    assert played.fills[1:] == [(2, "A", 5.0, 95.0), (2, "A", -10.0, 87.75)]
    assert long((100, 100, 89, 96), buy(5, limit=95.0), **MORE).fills[1:] == [(2, "A", 5.0, 95.0)]
    short = play([100, 100, (100, 113, 100, 104)], orders={0: [sell(5)], 1: [sell(5, limit=105.0)]}, **MORE)
    assert short.fills[1:] == [(2, "A", -5.0, 105.0), (2, "A", 10.0, 112.75)]  # 102.5 x 1.1


@pytest.mark.parametrize("order", [buy(5, limit=90.0), buy(5, limit=89.0), buy(5, limit=95.0, only=True)])
def test_a_limit_at_or_beyond_the_stop_level_or_reduce_only_does_not(order):
    played = long((100, 100, 87, 96), order, **MORE)
    assert played.fills[1:] == [(2, "A", -5.0, 90.0)] and "cancelled" in played.fate(2)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_target_waits_with_the_stop(policy):
    played = long((100, 107, 89, 96), buy(5, limit=95.0), take_profit=0.0625, intrabar=policy, **MORE)
    # basis 97.5: stop 87.75 untouched; target 103.59375 seen, but perhaps before the entry, and the close is below
    sold = [(2, "A", -10.0, 103.59375)] if policy == "optimistic" else []
    assert played.fills[1:] == [(2, "A", 5.0, 95.0), *sold] and "ambiguous" in played.fate(2)


def test_a_limit_that_came_first_and_found_no_power_leaves_the_stop_where_it_was():
    bars = {"A": [100, 100, (100, 100, 89, 96)], "B": [10, 10, 50]}
    played = play(bars, orders={0: [buy(5)], 1: [buy(10, "B"), buy(4, limit=95.0)]}, stop_loss=0.1)
    # B opens at 50 and takes the 500 that were left
    assert played.fills[1:] == [(2, "B", 10.0, 50.0), (2, "A", -5.0, 90.0)] and "no buying power" in played.fate(2)


# --- round 3: levels after entries ----------------------------------------------------------------------------------
BRACKET = {"stop_loss": 0.05, "take_profit": 0.05}


@pytest.mark.parametrize("policy", POLICIES)
def test_after_a_limit_entry_a_target_that_the_close_reaches_is_certain(policy):
    played = entry((100, 101, 94, 100), buy(5, limit=95.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == [(1, "A", -5.0, 99.75)] and "ambiguous" not in played.fate(1)


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 90.25), ("optimistic", 99.75), ("nearest", 90.25)])
def test_after_a_limit_entry_the_stop_is_certain_and_a_target_short_of_the_close_is_not(policy, price):
    played = entry((100, 101, 90, 95), buy(5, limit=95.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == [(1, "A", -5.0, price)] and "ambiguous" in played.fate(1)


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 110.25), ("optimistic", 99.75), ("nearest", 110.25)])
def test_after_a_short_limit_entry_it_is_the_mirror(policy, price):
    played = entry((100, 111, 99, 105), sell(5, limit=105.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == [(1, "A", 5.0, approx(price))] and "ambiguous" in played.fate(1)


@pytest.mark.parametrize(("policy", "sold"), [("pessimistic", 99.75), ("optimistic", None), ("nearest", None)])
def test_after_a_stop_entry_a_stop_level_that_the_close_has_not_reached_is_not_certain(policy, sold):
    played = entry((100, 106, 99, 105), buy(5, stop=105.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == ([(1, "A", -5.0, sold)] if sold else []) and "ambiguous" in played.fate(1)


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 99.75), ("optimistic", 110.25), ("nearest", 110.25)])
def test_after_a_stop_entry_the_target_is_certain(policy, price):
    played = entry((100, 111, 99, 105), buy(5, stop=105.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == [(1, "A", -5.0, price)]


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 110.25), ("optimistic", 99.75), ("nearest", 110.25)])
def test_a_stop_limit_counts_as_a_limit_entry(policy, price):
    # triggered at 105 on the way down from 106; after a stop the target would be the certain one
    order = sell(5, stop=105.0, limit=104.0, **BRACKET)
    played = entry((106, 111, 99, 105), order, intrabar=policy)
    assert played.fills == [(1, "A", -5.0, 105.0), (1, "A", 5.0, approx(price))]


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 95.0), ("optimistic", 105.0), ("nearest", None)])
def test_after_both_kinds_neither_level_is_certain(policy, price):
    orders = buy(2, limit=95.0, **BRACKET), buy(2, stop=105.0)
    played = entry((100, 106, 94, 100), *orders, intrabar=policy)  # basis 100
    assert played.fills[2:] == ([(1, "A", -4.0, price)] if price else []) and "ambiguous" in played.fate(1)
    fallen = entry((100, 106, 94, 94.5), *orders, intrabar=policy)  # the close has reached the stop
    assert fallen.fills[2:] == [(1, "A", -4.0, 95.0 if price is None else price)]


def test_entry_bar_protection_holds_for_positions_opened_now_and_not_for_older_ones():
    fresh = entry((100, 101, 90, 95), buy(5, limit=95.0, **BRACKET), entry_bar_protection=False)
    assert fresh.fills == [(1, "A", 5.0, 95.0)]
    older = long((100, 100, 87, 96), buy(5, limit=95.0), entry_bar_protection=False, **MORE)
    assert older.fills[1:] == [(2, "A", 5.0, 95.0), (2, "A", -10.0, 87.75)]


def test_a_high_before_the_entry_lifts_no_trail():
    bars = [100, (100, 110, 94, 96), (96, 97, 86, 90)]
    played = play(bars, orders={0: [buy(5, limit=95.0, trailing_stop=0.1)]})
    assert played.fills[1:] == [(2, "A", -5.0, 86.4)]  # 96 x 0.9, where 110 x 0.9 would be 99
