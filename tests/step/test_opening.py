"""Paragraph 2: the open. Gaps, reductions, one factor, lots, participation, slippage, fees."""

from __future__ import annotations

import statistics

import pytest
from pytest import approx

from tests.reference.interface import NAN
from tests.step.market import play

HALF = [0.5]


def test_an_order_decided_on_a_close_fills_at_the_next_open():
    played = play([(99, 101, 98, 100), (102, 110, 101, 108)], HALF)
    assert played.fills == [(1, "A", 5.0, 102.0)]  # 500 / 100 at the decision, paid at 102
    assert played.cash == approx([1000, 490]) and played.equity == approx([1000, 1030])


def test_a_gap_through_the_stop_fills_at_the_open():
    played = play([100, 100, (85, 88, 80, 86)], HALF, stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 85.0)] and played.cash[2] == approx(925)
    assert played.reasons[1] == "stop loss" and played.fate(2) == ["filled", "stopped"]


def test_the_stop_vector_of_three_bars():
    for bar, price in (((85, 88, 80, 86), 85.0), ((85, 92, 80, 86), 85.0), ((95, 96, 90, 91), 90.0)):
        assert play([100, 100, bar], HALF, stop_loss=0.1).fills[1:] == [(2, "A", -5.0, price)]


def test_an_open_that_only_touches_the_stop_fills():
    assert play([100, 100, (90, 95, 90, 95)], HALF, stop_loss=0.1).fills[1:] == [(2, "A", -5.0, 90.0)]


def test_a_stop_at_the_open_slips_and_a_target_does_not():
    stopped = play([100, 100, (80, 81, 79, 80)], HALF, stop_loss=0.1, slippage=0.01)
    assert stopped.fills == [(1, "A", 5.0, 101.0), (2, "A", -5.0, 79.2)]  # 80 x 0.99
    reached = play([100, 100, (130, 131, 129, 130)], HALF, take_profit=0.1, slippage=0.01)
    assert reached.fills[1:] == [(2, "A", -5.0, 130.0)]


def test_a_gap_over_the_target_fills_at_the_better_open():
    played = play([100, 100, (115, 116, 114, 115)], HALF, take_profit=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 115.0)] and played.reasons[1] == "take profit"


def test_a_short_is_stopped_by_a_gap_up_at_the_open():
    assert play([100, 100, (115, 116, 114, 115)], [-0.5], stop_loss=0.1).fills[1:] == [(2, "A", 5.0, 115.0)]


def test_a_protective_fill_at_the_open_cancels_the_order_of_this_slice():
    played = play([100, 100, (80, 81, 79, 80)], [0.5, 0.8], stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 80.0)]  # the 3 more that were ordered are not bought
    assert played.fate(2) == ["filled", "stopped", "cancelled"]


def test_reductions_make_room_for_increases_of_the_same_open():
    bars = {"A": [10] * 3, "B": [10] * 3}
    played = play(bars, {"A": [1.0, 0.0], "B": [NAN, 1.0]})
    assert played.fills == [(1, "A", 100.0, 10.0), (2, "A", -100.0, 10.0), (2, "B", 100.0, 10.0)]


def test_the_reduction_comes_first_whatever_the_columns_order():
    bars = {"A": [10] * 3, "B": [10] * 3}
    played = play(bars, {"A": [NAN, 1.0], "B": [1.0, 0.0]})
    assert played.fills == [(1, "B", 100.0, 10.0), (2, "B", -100.0, 10.0), (2, "A", 100.0, 10.0)]


def test_a_stop_at_the_open_makes_room_for_increases_of_the_same_open():
    bars = {"A": [10, 10, 10], "B": [10, 10, (8, 8, 8, 8)]}
    played = play(bars, {"A": [NAN, 0.8], "B": [0.8, NAN]}, stop_loss=0.1)
    # B gone at 8: equity 200 + 640 = 840 in cash; A wants 80 x 10 = 800
    assert played.fills[1:] == [(2, "B", -80.0, 8.0), (2, "A", 80.0, 10.0)]


def test_increases_that_do_not_fit_shrink_by_one_factor():
    bars = {"A": [10, 12.5], "B": [20, 25]}
    played = play(bars, {"A": HALF, "B": HALF})
    # 50 x 12.5 + 25 x 25 = 1250 for a power of 1000: factor 0.8
    assert played.fills == [(1, "A", 40.0, 12.5), (1, "B", 20.0, 25.0)]
    assert played.fate(1, "A") == played.fate(1, "B") == ["filled", "scaled"]


def test_one_factor_whichever_name_moved():
    bars = {"A": [10, 10], "B": [10, 15]}
    played = play(bars, {"A": HALF, "B": HALF})
    # 500 + 750 = 1250: 0.8 of 50 each
    assert played.fills == [(1, "A", 40.0, 10.0), (1, "B", 40.0, 15.0)]


def test_commission_counts_toward_the_cost_in_closed_form():
    played = play([100, 100], [1.0], commission=0.01, lot=0.0)
    # 10 x 100 x 1.01 = 1010; 1000 / 1010 x 10 shares
    assert played.fills == [(1, "A", round(10_000 / 1010, 9), 100.0)]
    assert played.cash[1] == approx(0, abs=1e-9) and played.fees == approx([1000 - 100_000 / 101])


def test_slippage_and_fees_per_share_are_linear_too():
    played = play([100, 100], [1.0], slippage=0.01, per_share=1.0, lot=0.0)
    assert played.fills == [(1, "A", round(10 * 1000 / (1010 + 10), 9), 101.0)]
    assert played.cash[1] == approx(0, abs=1e-9)


def test_scaled_quantities_floor_to_the_lot():
    assert play([10, 11], [1.0]).fills == [(1, "A", 90.0, 11.0)]  # 1000 / 1100 x 100 = 90.9
    assert play([10, 11], [1.0], lot=20.0).fills == [(1, "A", 80.0, 11.0)]


def test_a_fee_per_order_is_found_by_bisection():
    played = play([100, 100], [1.0], per_order=5.0, lot=0.0)
    # q x 100 + 5 = 1000: 9.95
    assert played.fills[0][2] == approx(9.95, abs=1e-9) and played.cash[1] == approx(0, abs=1e-6)


def test_the_minimum_fee_of_each_order_is_found_by_bisection():
    bars = {"A": [10, 10], "B": [10, 10]}
    played = play(bars, {"A": HALF, "B": HALF}, min_fee=20.0)
    # 100 f x 10 + 40 = 1000: f = 0.96, 48 each
    assert played.fills == [(1, "A", 48.0, 10.0), (1, "B", 48.0, 10.0)]
    assert played.fees == [20.0, 20.0] and played.cash[1] == approx(0)


def test_a_minimum_fee_does_not_shrink_with_the_quantity():
    # q x 10 + 100 = 1000: 90, where 100 x 1000 / 1100 would be 90.9
    assert play([10, 10], [1.0], min_fee=100.0, lot=0.0).fills[0][2] == approx(90)
    # 3 lots of 30 cost 900 + 100 of fee: exactly the power of 1000
    assert play([10, 10], [0.99], min_fee=100.0, lot=30.0).fills == [(1, "A", 90.0, 10.0)]
    # at 11 the power of 1000 is too little for 3 lots (990 + 100): 2 of them (660 + 100)
    assert play([10, 11], [0.99], min_fee=100.0, lot=30.0).fills == [(1, "A", 60.0, 11.0)]


def test_less_than_a_lot_of_buying_power_buys_nothing():
    played = play([600, 1100], [0.7])
    assert played.fills == [] and "no buying power" in played.fate(1)


def test_short_proceeds_buy_nothing():
    bars = {"A": [10] * 3, "B": [10] * 3}
    played = play(bars, {"A": [-0.6], "B": [NAN, 0.5]})
    assert played.fills == [(1, "A", -60.0, 10.0), (2, "B", 40.0, 10.0)]  # 1000 - 600 = 400


def test_buying_power_is_max_gross_times_equity():
    played = play([10, 12], [2.0], max_weight=2.0, max_gross=2.0)
    assert played.fills == [(1, "A", 166.0, 12.0)]  # 2000 / 2400 x 200 = 166.67


def test_buying_power_values_the_book_at_this_open():
    bars = {"A": [10, 10, (8, 10, 8, 10)], "B": [10, 10, 10]}
    played = play(bars, {"A": [0.5], "B": [NAN, 1.5]}, max_gross=2.0, max_weight=2.0)
    # equity 500 + 50 x 8 = 900, gross 400: power 1800 - 400 = 1400 for a wish of 1500
    assert played.fills == [(1, "A", 50.0, 10.0), (2, "B", 140.0, 10.0)]


def test_buying_power_uses_the_last_mark_where_there_is_no_bar():
    bars = {"A": [10, (10, 12, 10, 12), None], "B": [10, 10, 12.5]}
    played = play(bars, {"A": [0.5], "B": [NAN, 0.5]})
    # decision: equity 1100, 0.5 x 1100 / 10 = 55; open: equity 500 + 600, gross 600, power 500; cost 687.5: 40
    assert played.fills[1:] == [(2, "B", 40.0, 12.5)]


def test_participation_is_taken_before_the_cost():
    bars = {"A": [(10, 10, 10, 10, 1e6), (20, 20, 20, 20, 100)], "B": [10, 10]}
    played = play(bars, {"A": HALF, "B": HALF}, max_participation=0.1)
    # A may take 10 of its 50: 200 + 500 fit 1000 unscaled
    assert played.fills == [(1, "A", 10.0, 20.0), (1, "B", 50.0, 10.0)]


def test_a_level_the_open_passes_after_an_entry_there_fills_at_that_open():
    # slippage 5 %: entry 105, stop 105 x 0.96 = 100.8 is above the open 100; the high of 103 comes too late
    played = play([100, (100, 103, 100, 100), 100], HALF, stop_loss=0.04, slippage=0.05)
    assert played.fills == [(1, "A", 5.0, 105.0), (1, "A", -5.0, 95.0)]
    assert played.cash[1] == approx(1000 - 525 + 475)


def test_entry_bar_protection_off_waits_for_the_next_bar():
    played = play([100, 100, 100], HALF, stop_loss=0.04, slippage=0.05, entry_bar_protection=False)
    assert played.fills == [(1, "A", 5.0, 105.0), (2, "A", -5.0, 95.0)]


def test_an_increase_averages_the_entry_and_the_levels_with_it():
    played = play([100, 100, 110, (100, 100, 90, 95)], [0.25, 0.75], stop_loss=0.1)
    # 2 at 100; at equity 1000 want 7: 5 more at 110: average (200 + 550) / 7 = 107.142857, stop 96.428571
    assert played.fills[:2] == [(1, "A", 2.0, 100.0), (2, "A", 5.0, 110.0)]
    assert played.fills[2] == (3, "A", -7.0, round(750 / 7 * 0.9, 9))


def test_a_reduction_leaves_the_entry_alone():
    played = play([100, 100, 120, (120, 120, 85, 90)], [0.5, 0.2], stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -3.0, 120.0), (3, "A", -2.0, 90.0)]


def test_a_flip_is_two_fills_and_restarts_the_entry():
    played = play([100, 100, 110, (110, 125, 110, 120)], [0.5, -0.5], stop_loss=0.1)
    assert played.fills[1:3] == [(2, "A", -5.0, 110.0), (2, "A", -5.0, 110.0)]
    assert played.fills[3] == (3, "A", 5.0, 121.0)  # 110 x 1.1


def test_a_market_order_that_meets_no_bar_lapses():
    played = play([100, None, 100, 100], HALF)
    assert played.fills == [] and played.fate(1) == ["no bar"]


def test_a_missing_open_fills_the_order_at_the_close():
    played = play([100, (NAN, 110, 80, 105), 105], HALF, stop_loss=0.1)
    assert played.fills == [(1, "A", 5.0, 105.0)]  # the low of 80 came before


def test_participation_caps_an_entry_and_its_rest_lapses():
    played = play([100, (100, 100, 100, 100, 30), 100], HALF, max_participation=0.1)
    assert played.fills == [(1, "A", 3.0, 100.0)] and played.fate(1) == ["filled", "participation"]


def test_participation_floors_to_the_lot():
    bars = [10, (10, 10, 10, 10, 390)]
    assert play(bars, HALF, max_participation=0.1, lot=10.0).fills == [(1, "A", 30.0, 10.0)]  # 39 -> 30


def test_the_rest_of_an_exit_stands_again_next_slice():
    thin = (100, 100, 100, 100, 30)
    played = play([100, 100, thin, thin, thin], [0.5, 0.0], max_participation=0.1)
    assert played.fills[1:] == [(2, "A", -3.0, 100.0), (3, "A", -2.0, 100.0)]


def test_a_stop_cut_by_participation_leaves_the_rest_to_the_next_bar():
    thin = (80, 80, 80, 80, 30)
    played = play([100, 100, thin, thin], HALF, stop_loss=0.1, max_participation=0.1)
    assert played.fills[1:] == [(2, "A", -3.0, 80.0), (3, "A", -2.0, 80.0)]
    assert played.fate(2) == ["filled", "participation", "stopped"]


def test_the_rest_of_a_stop_is_sold_at_the_next_open_even_above_the_stop():
    played = play([100, 100, (80, 80, 80, 80, 30), 95], HALF, stop_loss=0.1, max_participation=0.1)
    assert played.fills[1:] == [(2, "A", -3.0, 80.0), (3, "A", -2.0, 95.0)]
    assert played.reasons[1:] == ["stop loss", "stop loss"]


def test_all_orders_of_one_bar_share_its_volume():
    # 0.1 x 60 = 6: the flip closes 5 and may open 1 more
    played = play([100, 100, (100, 100, 100, 100, 60)], [0.5, -0.5], max_participation=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 100.0), (2, "A", -1.0, 100.0)]


def test_an_entry_and_its_stop_share_the_volume_of_the_bar():
    played = play([100, (100, 100, 85, 90, 70), 90], HALF, stop_loss=0.1, max_participation=0.1)
    # 7 in all: 5 bought, 2 sold at 90; the remaining 3 at the open 90 of the next bar
    assert played.fills == [(1, "A", 5.0, 100.0), (1, "A", -2.0, 90.0), (2, "A", -3.0, 90.0)]


def test_unknown_volume_is_uncapped_and_no_volume_fills_nothing():
    unknown = play([100, (100, 100, 100, 100, NAN)], HALF, max_participation=0.1)
    assert unknown.fills == [(1, "A", 5.0, 100.0)]
    none = play([100, (100, 100, 100, 100, 0.0)], HALF, max_participation=0.1)
    assert none.fills == [] and none.fate(1) == ["participation"]


def test_slippage_moves_the_price_against_the_order_beyond_the_bar():
    played = play([100, 100, 100], [0.5, 0.0], slippage=0.02)
    assert played.fills == [(1, "A", 5.0, 102.0), (2, "A", -5.0, 98.0)]
    assert played.engine.fills().reference.tolist() == [100.0, 100.0]


def test_impact_adds_the_root_of_the_share_of_volume():
    closes = [100.0 if t % 2 == 0 else 101.0 for t in range(23)]
    played = play(
        [(x, x, x, x, 400.0) for x in closes], [*[NAN] * 21, 1.0], capital=10_000.0, impact=0.5, slippage=0.001, lot=4.0
    )
    # decided at t = 21 at 101: 99.0099 -> 96 shares; fills at t = 22 at 100; the 20 returns are those of bars 2 to 21
    returns = [closes[t] / closes[t - 1] - 1 for t in range(2, 22)]
    rate = 0.001 + 0.5 * statistics.stdev(returns) * (96 / 400) ** 0.5
    assert played.fills == [(22, "A", 96.0, round(100 * (1 + rate), 9))]


def test_impact_is_silent_before_twenty_returns_exist():
    played = play([(100, 100, 100, 100, 400.0), (101, 101, 101, 101, 400.0)], HALF, impact=0.5)
    assert played.fills[0][3] == 101.0


@pytest.mark.parametrize(
    ("rules", "fee"),
    [
        ({"commission": 0.002}, 1.0),  # 500 x 0.002
        ({"per_share": 0.3}, 1.5),  # 5 x 0.3
        ({"per_order": 2.0}, 2.0),
        ({"commission": 0.002, "per_share": 0.3, "per_order": 2.0}, 4.5),
        ({"commission": 0.002, "min_fee": 3.0}, 3.0),  # 1 < 3
        ({"per_order": 4.0, "min_fee": 3.0}, 4.0),
    ],
)
def test_fees_add_up_and_have_a_minimum(rules, fee):
    played = play([100, 100, 100], [0.5, 0.0], **rules)
    assert played.fees == approx([fee, fee]) and played.cash == approx([1000, 500 - fee, 1000 - 2 * fee])


def test_the_commission_is_on_the_price_with_slippage():
    assert play([100, 100], HALF, commission=0.01, slippage=0.01).fees == approx([5.05])  # 505 x 0.01


def test_fees_stay_out_of_the_entry_price():
    played = play([100, 100, (95, 95, 90, 92)], HALF, commission=0.05, stop_loss=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 90.0)]


def test_the_multiplier_scales_money_but_not_shares():
    played = play([10, 10, 12], [0.5], multiplier=5.0, commission=0.01)
    # 500 / (10 x 5) = 10 contracts: 500 and a fee of 5; at 12 worth 600
    assert played.fills == [(1, "A", 10.0, 10.0)] and played.fees == [5.0]
    assert played.equity[2] == approx(1000 - 5 + 100)


def test_delay_one_does_not_order_the_same_shares_twice():
    played = play([100] * 6, [0.5] * 6, delay=1)
    assert played.fills == [(2, "A", 5.0, 100.0)]


def test_a_delayed_order_keeps_the_quantity_of_its_decision():
    assert play([100, 50, 125], HALF, delay=1).fills == [(2, "A", 5.0, 125.0)]


def test_fills_at_the_close_pay_the_next_close():
    played = play([100, (90, 112, 88, 110)], HALF, fill="close")
    assert played.fills == [(1, "A", 5.0, 110.0)]


def test_a_stop_cut_by_volume_outlives_a_missing_bar():
    # 9 shares; the stop at 95 gaps to 90 with volume for 2; no bar; then the other 7 at the open of 80
    bars = [100, 100, (90, 90, 90, 90, 20), None, (80, 80, 80, 80, 1e6)]
    played = play(bars, [0.9], stop_loss=0.05, max_participation=0.1)
    assert played.fills == [(1, "A", 9.0, 100.0), (2, "A", -2.0, 90.0), (4, "A", -7.0, 80.0)]


def test_impact_can_make_a_sale_worthless_but_no_dearer_than_that():
    closes = [100.0 + (k % 2) for k in range(23)]
    bars = [*closes, (100, 100, 100, 100, 1.0)]
    wanted = [NAN] * 21 + [0.9, 0.0]
    played = play(bars, wanted, impact=1000.0)
    assert played.fills[-1][3] == 0.0


def test_more_lots_than_an_integer_holds_are_still_bought_and_not_sold():
    # 900 at a price of 1e-8 in lots of 1e-10 is 9e20 lots
    played = play([1e-8] * 3, [0.9], lot=1e-10)
    assert len(played.fills) == 1 and played.fills[0][2] == approx(9e10)
