"""Levels after increases inside the bar: which of them can be known to come later, and what the policies make of the rest."""

from __future__ import annotations

import pytest
from pytest import approx

from tests.step.market import buy, flat_then, long_then, play, sell

POLICIES = ("pessimistic", "optimistic", "nearest")


# --- a limit order that the price meets before the stop level ---------------------------------------------------------
MORE = {"stop_loss": 0.1, "max_gross": 2.0}


def test_a_limit_nearer_to_the_open_than_the_stop_level_fills_first_and_moves_the_level():
    # basis 97.5: the stop moves from 90 to 87.75
    played = long_then((100, 100, 87, 96), buy(5, limit=95.0), **MORE)
    assert played.fills[1:] == [(2, "A", 5.0, 95.0), (2, "A", -10.0, 87.75)]
    assert long_then((100, 100, 89, 96), buy(5, limit=95.0), **MORE).fills[1:] == [(2, "A", 5.0, 95.0)]
    short = play([100, 100, (100, 113, 100, 104)], orders={0: [sell(5)], 1: [sell(5, limit=105.0)]}, **MORE)
    assert short.fills[1:] == [(2, "A", -5.0, 105.0), (2, "A", 10.0, 112.75)]  # 102.5 x 1.1


@pytest.mark.parametrize("order", [buy(5, limit=90.0), buy(5, limit=89.0), buy(5, limit=95.0, only=True)])
def test_a_limit_at_or_beyond_the_stop_level_or_reduce_only_does_not(order):
    played = long_then((100, 100, 87, 96), order, **MORE)
    assert played.fills[1:] == [(2, "A", -5.0, 90.0)] and "cancelled" in played.fate(2)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_target_waits_with_the_stop(policy):
    played = long_then((100, 107, 89, 96), buy(5, limit=95.0), take_profit=0.0625, intrabar=policy, **MORE)
    # basis 97.5: stop 87.75 untouched; target 103.59375 seen, but perhaps before the entry, and the close is below
    sold = [(2, "A", -10.0, 103.59375)] if policy == "optimistic" else []
    assert played.fills[1:] == [(2, "A", 5.0, 95.0), *sold] and "ambiguous" in played.fate(2)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_limit_that_came_first_and_found_no_power_leaves_the_stop_where_it_was(policy):
    bars = {"A": [100, 100, (100, 100, 89, 96)], "B": [10, 10, 50]}
    played = play(bars, orders={0: [buy(5)], 1: [buy(10, "B"), buy(4, limit=95.0)]}, stop_loss=0.1, intrabar=policy)
    # B opens at 50 and takes the 500 that were left
    assert played.fills[1:] == [(2, "B", 10.0, 50.0), (2, "A", -5.0, 90.0)] and "no buying power" in played.fate(2)


# --- round 3: levels after entries ----------------------------------------------------------------------------------
BRACKET = {"stop_loss": 0.05, "take_profit": 0.05}


@pytest.mark.parametrize("policy", POLICIES)
def test_after_a_limit_entry_a_target_that_the_close_reaches_is_certain(policy):
    played = flat_then((100, 101, 94, 100), buy(5, limit=95.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == [(1, "A", -5.0, 99.75)] and "ambiguous" not in played.fate(1)


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 90.25), ("optimistic", 99.75), ("nearest", 90.25)])
def test_after_a_limit_entry_the_stop_is_certain_and_a_target_short_of_the_close_is_not(policy, price):
    played = flat_then((100, 101, 90, 95), buy(5, limit=95.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == [(1, "A", -5.0, price)] and "ambiguous" in played.fate(1)


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 110.25), ("optimistic", 99.75), ("nearest", 110.25)])
def test_after_a_short_limit_entry_it_is_the_mirror(policy, price):
    played = flat_then((100, 111, 99, 105), sell(5, limit=105.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == [(1, "A", 5.0, approx(price))] and "ambiguous" in played.fate(1)


@pytest.mark.parametrize(("policy", "sold"), [("pessimistic", 99.75), ("optimistic", None), ("nearest", None)])
def test_after_a_stop_entry_a_stop_level_that_the_close_has_not_reached_is_not_certain(policy, sold):
    played = flat_then((100, 106, 99, 105), buy(5, stop=105.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == ([(1, "A", -5.0, sold)] if sold else []) and "ambiguous" in played.fate(1)


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 99.75), ("optimistic", 110.25), ("nearest", 110.25)])
def test_after_a_stop_entry_the_target_is_certain(policy, price):
    played = flat_then((100, 111, 99, 105), buy(5, stop=105.0, **BRACKET), intrabar=policy)
    assert played.fills[1:] == [(1, "A", -5.0, price)]


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 110.25), ("optimistic", 99.75), ("nearest", 110.25)])
def test_a_stop_limit_counts_as_a_limit_entry(policy, price):
    # triggered at 105 on the way down from 106; after a stop the target would be the certain one
    order = sell(5, stop=105.0, limit=104.0, **BRACKET)
    played = flat_then((106, 111, 99, 105), order, intrabar=policy)
    assert played.fills == [(1, "A", -5.0, 105.0), (1, "A", 5.0, approx(price))]


@pytest.mark.parametrize(("policy", "price"), [("pessimistic", 95.0), ("optimistic", 105.0), ("nearest", None)])
def test_after_both_kinds_neither_level_is_certain(policy, price):
    orders = buy(2, limit=95.0, **BRACKET), buy(2, stop=105.0)
    played = flat_then((100, 106, 94, 100), *orders, intrabar=policy)  # basis 100
    assert played.fills[2:] == ([(1, "A", -4.0, price)] if price else []) and "ambiguous" in played.fate(1)
    fallen = flat_then((100, 106, 94, 94.5), *orders, intrabar=policy)  # the close has reached the stop
    assert fallen.fills[2:] == [(1, "A", -4.0, 95.0 if price is None else price)]


def test_entry_bar_protection_holds_for_positions_opened_now_and_not_for_older_ones():
    fresh = flat_then((100, 101, 90, 95), buy(5, limit=95.0, **BRACKET), entry_bar_protection=False)
    assert fresh.fills == [(1, "A", 5.0, 95.0)]
    older = long_then((100, 100, 87, 96), buy(5, limit=95.0), entry_bar_protection=False, **MORE)
    assert older.fills[1:] == [(2, "A", 5.0, 95.0), (2, "A", -10.0, 87.75)]


def test_a_high_before_the_entry_lifts_no_trail():
    bars = [100, (100, 110, 94, 96), (96, 97, 86, 90)]
    played = play(bars, orders={0: [buy(5, limit=95.0, trailing_stop=0.1)]})
    assert played.fills[1:] == [(2, "A", -5.0, 86.4)]  # 96 x 0.9, where 110 x 0.9 would be 99
