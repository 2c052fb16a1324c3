"""Caps: explicit orders are refused with the numbers that say why, targets are scaled or not written."""

from __future__ import annotations

import pytest
from pytest import approx

from tests.reference.interface import NAN, Switch
from tests.step.market import buy, play, same_bits, sell


def refused(*orders, bars=(100, 100), **rules):
    """(rule, value, limit) of what was refused of orders given on slice 0 with 1000 of capital."""
    return [told[3:] for told in play(list(bars), orders={0: list(orders)}, **rules).refused]


# --- each cap, with its numbers ---------------------------------------------------------------------------------------
def test_an_order_worth_more_than_max_order_value_is_refused():
    assert refused(buy(5), max_order_value=499.0) == [("max_order_value", 500.0, 499.0)]
    assert refused(sell(5), max_order_value=499.0) == [("max_order_value", 500.0, 499.0)]
    assert refused(buy(5), max_order_value=500.0) == []


def test_max_order_value_is_judged_at_the_close_and_not_at_the_limit():
    assert refused(buy(5, limit=80.0), max_order_value=450.0) == [("max_order_value", 500.0, 450.0)]
    assert refused(buy(5, stop=110.0), max_order_value=500.0) == []


def test_max_order_value_counts_the_whole_of_a_flip():
    # 2 long; 6 sold leave 4 short: larger than before, and worth 600
    played = play([100, 100, 100], orders={0: [buy(2)], 1: [sell(6)]}, max_order_value=500.0)
    assert played.refused == [(1, "A", -6.0, "max_order_value", 600.0, 500.0)]


def test_a_position_above_max_weight_is_refused():
    assert refused(buy(11)) == [("max_weight", 1.1, 1.0)]
    assert refused(sell(5), max_weight=0.4) == [("max_weight", 0.5, 0.4)]
    assert refused(buy(4), max_weight=0.4) == []


def test_a_sector_above_max_sector_is_refused_longs_and_shorts_alike():
    def told(*orders):
        bars, sector = {"A": [100, 100], "B": [10, 10], "C": [10, 10]}, {"A": 0, "B": 0, "C": 1}
        return play(bars, orders={0: list(orders)}, sector=sector, max_sector=0.5).refused

    assert told(buy(3), buy(30, "B")) == [(0, "B", 30.0, "max_sector", 0.6, 0.5)]
    assert told(buy(3), sell(30, "B")) == [(0, "B", -30.0, "max_sector", 0.6, 0.5)]
    assert told(buy(3), buy(30, "C")) == []


def test_names_without_a_sector_are_not_capped_by_it():
    assert refused(buy(9), sector=-1, max_sector=0.5) == []


def test_a_net_above_max_net_is_refused_and_an_opposite_position_makes_room():
    assert refused(sell(5), max_net=0.4) == [("max_net", 0.5, 0.4)]
    bars = {"A": [100, 100], "B": [10, 10]}
    hedged = play(bars, orders={0: [sell(30, "B"), buy(5)]}, max_net=0.4)
    assert hedged.refused == [] and len(hedged.fills) == 2  # 0.5 - 0.3


def test_longs_that_leave_less_than_min_cash_are_refused_and_shorts_are_not():
    assert refused(buy(5), min_cash=0.6) == [("min_cash", 0.5, 0.4)]
    assert refused(sell(5), min_cash=0.6) == []
    assert refused(buy(4), min_cash=0.6) == []


def test_a_gross_above_max_gross_is_refused():
    played = play({"A": [100, 100], "B": [10, 10]}, orders={0: [buy(6), sell(50, "B")]})
    assert played.refused == [(0, "B", -50.0, "max_gross", 1.1, 1.0)]
    assert played.decision(0, "A") == "ordered" and played.decision(0, "B") == "over max_gross"


def test_value_is_quantity_times_price_times_multiplier():
    assert refused(buy(5), multiplier=3.0) == [("max_weight", 1.5, 1.0)]


def test_a_cap_reached_but_for_rounding_is_not_exceeded():
    # 0.1 + 0.2 is a bit above 0.3 in floats
    played = play({"A": [100, 100], "B": [100, 100]}, orders={0: [buy(1), buy(2, "B")]}, max_gross=0.3)
    assert played.refused == []


# --- no bar, not a member, halted -----------------------------------------------------------------------------------
def test_without_a_bar_an_order_that_grows_is_refused_without_a_number():
    played = play([100, None, 100], orders={1: [buy(5)]})
    assert played.refused == [(1, "A", 5.0, "no bar", None, None)] and played.decision(1) == "no bar"
    never = play({"A": [None, 100], "B": [10, 10]}, orders={0: [buy(5)]})
    assert never.refused == [(0, "A", 5.0, "no bar", None, None)]


def test_a_sale_may_be_ordered_without_a_bar():
    played = play([100, 100, None, 90], orders={0: [buy(5)], 2: [sell(5)]})
    assert played.refused == [] and played.fills[1:] == [(3, "A", -5.0, 90.0)]


def test_outside_the_universe_nothing_may_grow():
    played = play([100, 100, 100], orders={0: [buy(5)], 1: [sell(2), buy(1)]}, member=[True, False, False])
    assert played.refused == [(1, "A", 1.0, "not a member", None, None)]
    assert played.fills[1:] == [(2, "A", -2.0, 100.0)]


def test_while_a_switch_halts_nothing_may_grow_and_a_sale_cannot_flip():
    halt = Switch("max_drawdown", 0.02, "halt", 1.0, "never")
    # 5 x 5 lost of 1000; 1 more is refused; 8 sold would leave 3 short, which is smaller, but under a halt closes 5
    played = play([100, 100, 95, 95], orders={0: [buy(5)], 2: [buy(1), sell(8)]}, switches=[halt])
    assert played.refused == [(2, "A", 1.0, "halted", None, None)]
    assert played.fills[1:] == [(3, "A", -5.0, 95.0)] and played.decision(2) == "halted"


# --- the order of the rules -------------------------------------------------------------------------------------------
ALL = {
    "max_order_value": 100.0,
    "max_weight": 0.1,
    "max_sector": 0.1,
    "max_net": 0.1,
    "min_cash": 0.9,
    "max_gross": 0.1,
}


@pytest.mark.parametrize("place", range(6))
def test_the_first_rule_that_applies_is_the_one_named(place):
    names = list(ALL)
    left = {name: ALL[name] for name in names[place:]} | ({"max_weight": 9.0} if place > 1 else {})
    limit = {"max_order_value": 100.0, "min_cash": approx(0.1)}.get(names[place], 0.1)
    value = 500.0 if names[place] == "max_order_value" else 0.5
    assert refused(buy(5), sector=0, **left) == [(names[place], value, limit)]


def test_no_bar_comes_before_the_universe_and_that_before_the_caps():
    gone = play([100, None], orders={1: [buy(99)]}, member=[True, False])
    assert [told[3] for told in gone.refused] == ["no bar"]
    outside = play([100, 100], orders={1: [buy(99)]}, member=[True, False])
    assert [told[3] for told in outside.refused] == ["not a member"]


# --- which position is counted ----------------------------------------------------------------------------------------
def test_what_waits_counts_earlier_orders_of_the_slice_and_limits_that_may_never_fill():
    assert refused(buy(6), buy(5)) == [("max_weight", 1.1, 1.0)]
    assert refused(buy(6, limit=50.0), buy(5)) == [("max_weight", 1.1, 1.0)]


def test_what_a_delay_holds_back_counts():
    played = play([100, 100, 100, 100], orders={0: [buy(6)], 1: [buy(5)]}, delay=1)
    assert played.refused == [(1, "A", 5.0, "max_weight", 1.1, 1.0)]


def test_a_refused_order_does_not_count_and_does_not_stop_the_others():
    played = play([100, 100], orders={0: [buy(11), buy(5), buy(6), sell(5)]})
    # 11 refused; 5 written; 5 + 6 refused; 5 - 5 is smaller and is written: 5 bought and sold at one open
    assert [told[2:5] for told in played.refused] == [(11.0, "max_weight", 1.1), (6.0, "max_weight", 1.1)]
    assert played.decision(0) == "over max_weight"


def test_a_sale_on_its_way_makes_room():
    bars = {"A": [100, 100, 100], "B": [10, 10, 10]}
    played = play(bars, orders={0: [buy(10)], 1: [sell(10, only=True), buy(100, "B")]})
    assert played.refused == [] and played.fills[1:] == [(2, "A", -10.0, 100.0), (2, "B", 100.0, 10.0)]


def test_a_reduce_only_order_makes_no_more_room_than_it_reduces():
    """A reduce-only sale of what is not held would leave net at 0.8; of 3 held, a sale of 50 frees those 3."""
    bars = {"A": [100, 100, 100], "B": [10, 10, 10]}
    nothing = play(bars, orders={0: [sell(50, "B", only=True), buy(8)]}, max_net=0.3)
    assert nothing.refused == [(0, "A", 8.0, "max_net", 0.8, 0.3)]
    some = play(bars, orders={0: [buy(30, "B")], 1: [sell(50, "B", only=True), buy(3), buy(1)]}, max_net=0.3)
    assert some.refused == [(1, "A", 1.0, "max_net", 0.4, 0.3)]


def test_a_reduce_only_order_of_a_name_without_a_price_does_not_switch_the_caps_off():
    bars = {"A": [10, 10, 10, 10], "B": [None, None, 10, 10]}
    played = play(bars, orders={0: [sell(5, "B", only=True), buy(90)]}, max_gross=0.4)
    assert played.refused == [(0, "A", 90.0, "max_gross", 0.9, 0.4)]


def test_positions_are_valued_at_the_close_and_against_equity_now():
    # 5 at 100, now 300: equity 2000; 5 are 0.75 of it, 6 are 0.9
    played = play([100, 100, 300, 300], orders={0: [buy(5)], 2: [buy(1)]}, max_weight=0.8)
    assert played.refused == [(2, "A", 1.0, "max_weight", 0.9, 0.8)]


@pytest.mark.parametrize("order", [sell(1), sell(5), sell(9), buy(3, only=True)])
def test_what_cannot_grow_the_position_is_never_refused(order):
    # 5 at 100, now 300: 0.75 of 2000 where 0.6 is allowed
    played = play([100, 100, 300, 300], orders={0: [buy(5)], 2: [order]}, max_weight=0.6, max_order_value=510.0)
    assert played.refused == []


def test_a_flip_to_more_than_before_is_refused_whole():
    played = play([100, 100, 100], orders={0: [buy(5)], 1: [sell(11)]}, max_weight=0.5)
    assert played.refused == [(1, "A", -11.0, "max_weight", 0.6, 0.5)] and len(played.fills) == 1


def test_runs_that_differ_in_a_refusal_alone_are_not_the_same():
    one, again, other = (play([100, 100], orders={0: [buy(q)]}).engine for q in (11, 11, 12))
    assert one.codes.tobytes() == other.codes.tobytes() and len(one.fills()) == len(other.fills()) == 0
    assert same_bits(one, again) and not same_bits(one, other)


def test_a_quantity_is_judged_in_whole_lots():
    assert refused(buy(10.9)) == []
    assert [told[2] for told in play([100, 100], orders={0: [buy(11.9)]}).refused] == [11.0]


# --- targets: scaled, or not written ------------------------------------------------------------------------------------
def test_min_cash_scales_the_long_targets_and_leaves_shorts_alone():
    bars = {name: [10, 10] for name in "ABC"}
    played = play(bars, {"A": [0.6], "B": [0.3], "C": [-0.2]}, min_cash=0.4, max_gross=2.0)
    # 0.9 of longs where 0.6 is allowed
    assert [fill[2] for fill in played.fills] == [40.0, 20.0, -20.0]
    assert played.notes(0, "A") == played.notes(0, "B") == ["capped"] and played.notes(0, "C") == []


def test_long_targets_within_min_cash_are_left_alone():
    played = play([10, 10], [0.6], min_cash=0.4)
    assert played.fills == [(1, "A", 60.0, 10.0)] and played.notes(0) == []


def test_min_cash_comes_before_max_gross():
    bars = {"A": [10, 10], "B": [10, 10]}
    played = play(bars, {"A": [1.0], "B": [-0.5]}, min_cash=0.5)
    # the long first to 0.5; then 1.0 gross fits
    assert [fill[2] for fill in played.fills] == [50.0, -50.0]


def test_a_target_whose_order_is_worth_more_than_max_order_value_is_not_written():
    played = play([100] * 3, [0.5, 0.5, 0.5], max_order_value=499.0)
    assert played.fills == [] and played.decision(0) == "over max_order_value" and played.refused == []
    assert play([100] * 3, [0.5, 0.5, 0.5], max_order_value=500.0).fills == [(1, "A", 5.0, 100.0)]


def test_max_order_value_looks_at_the_order_and_not_at_the_position():
    played = play([100] * 4, [0.3, 0.6, 0.9], max_order_value=300.0)
    assert [fill[2] for fill in played.fills] == [3.0, 3.0, 3.0]


def test_an_exit_of_any_value_is_written_and_so_is_a_flip_to_less():
    assert play([100] * 3, [0.5, 0.0], max_order_value=500.0).fills[1:] == [(2, "A", -5.0, 100.0)]
    risen = play([100, 100, 200, 200], [0.5, NAN, 0.0], max_order_value=500.0)
    assert risen.fills[1:] == [(3, "A", -5.0, 200.0)]  # 1000 of value
    # from 5 long to 4 short is an order of 900 that grows nothing; back to 5 long does
    turned = play([100] * 4, [0.5, -0.4, 0.5], max_order_value=500.0)
    assert turned.held() == -4 and turned.decision(2) == "over max_order_value"


def test_max_order_value_counts_what_waits():
    # 5 ordered on slice 0 for slice 2; on slice 1 the target of 0.9 asks for 4 more, which grows 5 to 9
    played = play([100] * 4, [0.5, 0.9], delay=1, max_order_value=500.0)
    assert [fill[:3] for fill in played.fills] == [(2, "A", 5.0), (3, "A", 4.0)]
