"""Paragraph 5: marks, borrow and interest, trailing extremes, break-even, maintenance, ruin."""

from __future__ import annotations

import pytest
from pytest import approx

from engine.types import DAY_NS
from tests.step.market import play

HALF = [0.5]


def test_a_missing_bar_keeps_the_last_mark():
    assert play([100, 100, 120, None, 90], HALF).equity == approx([1000, 1000, 1100, 1100, 950])


def test_interest_is_paid_on_the_cash_the_previous_slice_left():
    played = play([100, 100, 100], HALF, interest=0.365)
    # day 1: 1000 x 0.365 / 365 = 1, although 500 went out at this open; day 2: 501 x 0.001 = 0.501
    assert played.accrued == approx([0, 1.0, 0.501]) and played.cash == approx([1000, 501, 501.501])


def test_the_interest_of_a_weekend_is_three_days():
    played = play([100, 100], [0.0], times=[0, 3 * DAY_NS], interest=0.365)
    assert played.accrued == approx([0, 3.0])


def test_borrow_is_paid_on_the_shorts_the_previous_slice_left():
    played = play([100, 100, 120, 120], [-0.5], borrow=0.365)
    # entered on slice 1; slice 2 pays 500 x 0.001, slice 3 pays 600 x 0.001
    assert played.accrued == approx([0, 0, -0.5, -0.6])
    assert played.equity[3] == approx(1000 - 100 - 1.1)


def test_a_short_covered_at_this_open_still_owes_the_night():
    assert play([100, 100, 100, 100], [-0.5, 0.0], borrow=0.365).accrued == approx([0, 0, -0.5, 0])


def test_cash_below_zero_pays_interest():
    played = play([100, 100, 100], [2.0], max_gross=2.0, max_weight=2.0, interest=0.365)
    assert played.accrued == approx([0, 1.0, -0.999])  # 1000, then 1000 - 2000 + 1


def test_longs_pay_no_borrow():
    assert play([100, 100, 100], HALF, borrow=0.365).accrued == [0, 0, 0]


def test_accruals_are_in_the_equity_that_sizes_the_next_order():
    played = play([10, 10, 10], [0.0, 1.0], interest=36.5, lot=0.0)
    assert played.fills == [(2, "A", 110.0, 10.0)]  # 1000 + 1000 x 36.5 / 365 = 1100


def test_the_trail_follows_the_high_from_the_next_bar_on():
    played = play([100, (100, 120, 100, 115), (114, 114, 99, 105)], HALF, trailing_stop=0.1)
    assert played.fills[1:] == [(2, "A", -5.0, 108.0)]  # 120 x 0.9; the low of 100 in the entry bar is above 90
    assert played.reasons[1] == "trailing stop" and played.fate(2) == ["filled", "trailed"]


def test_the_trail_of_a_short_follows_the_low():
    played = play([100, (100, 100, 80, 85), (85, 99, 84, 95)], [-0.5], trailing_stop=0.25)
    assert len(played.fills) == 1  # 80 x 1.25 = 100 is not touched by 99
    touched = play([100, (100, 100, 80, 85), (85, 100, 84, 95)], [-0.5], trailing_stop=0.25)
    assert touched.fills[1:] == [(2, "A", 5.0, 100.0)]


def test_the_high_of_a_bar_does_not_lift_the_trail_within_that_bar():
    played = play([100, (100, 150, 95, 140), 141], HALF, trailing_stop=0.1)
    assert len(played.fills) == 1  # the low of 95 would be under 150 x 0.9 = 135


def test_the_trail_never_goes_down_again():
    bars = [100, (100, 120, 100, 119), (119, 119, 110, 111), (111, 111, 107, 110)]
    assert play(bars, HALF, trailing_stop=0.1).fills[1:] == [(3, "A", -5.0, 108.0)]


def test_an_entry_at_the_close_trails_from_that_close():
    bars = [100, (100, 150, 100, 110), (110, 110, 98, 105)]
    # the high of 150 came before the entry at 110: trail 110 x 0.9 = 99
    assert play(bars, HALF, fill="close", trailing_stop=0.1).fills == [(1, "A", 5.0, 110.0), (2, "A", -5.0, 99.0)]


def test_break_even_arms_at_the_gain_and_protects_from_the_next_bar():
    bars = [100, (100, 105, 99, 104), (104, 104, 99, 103)]
    played = play(bars, HALF, break_even=0.05)
    assert played.fills[1:] == [(2, "A", -5.0, 100.0)] and played.reasons[1] == "break even"
    assert played.fate(2) == ["filled", "break-even"]


def test_break_even_a_cent_short_of_the_gain_does_not_arm():
    assert len(play([100, (100, 104.99, 99, 104), (104, 104, 99, 103)], HALF, break_even=0.05).fills) == 1


def test_break_even_stays_armed():
    bars = [100, (100, 106, 100, 104), (104, 104, 101, 102), (102, 102, 100, 101)]
    assert play(bars, HALF, break_even=0.05).fills[1:] == [(3, "A", -5.0, 100.0)]


def test_break_even_of_a_short_arms_on_the_low():
    bars = [100, (100, 101, 95, 96), (96, 100, 96, 99)]
    assert play(bars, [-0.5], break_even=0.05).fills[1:] == [(2, "A", 5.0, 100.0)]


def test_break_even_moves_the_stop_to_the_entry_with_slippage():
    bars = [100, (100, 110, 100, 109), (109, 109, 100, 105)]
    assert play(bars, HALF, break_even=0.05, slippage=0.01).fills[1] == (2, "A", -5.0, 99.99)  # 101 x 0.99


def test_below_maintenance_everything_is_flattened_at_the_next_open():
    rules = {"max_gross": 2.0, "max_weight": 2.0, "maintenance": 0.3}
    above = play({"A": [10, 10, 7, 7, 7], "B": [10] * 5}, {"A": [1.5], "B": [0.5]}, **rules)
    # equity 1000 - 150 x 3 = 550, gross 1050 + 500 = 1550: 0.355
    assert len(above.fills) == 2
    lower = play({"A": [10, 10, 6, 6, 6], "B": [10] * 5}, {"A": [1.5], "B": [0.5]}, **rules)
    # equity 400, gross 900 + 500 = 1400: 0.286 < 0.3
    assert lower.fills[2:] == [(3, "A", -150.0, 6.0), (3, "B", -50.0, 10.0)]
    assert lower.reasons[2:] == ["maintenance", "maintenance"] and lower.decision(2) == "flatten"
    assert "flattened" in lower.fate(3)


def test_maintenance_off_never_flattens():
    assert len(play([10, 10, 6, 6], [2.0], max_gross=2.0, max_weight=2.0).fills) == 1


def test_after_maintenance_the_account_may_trade_again():
    rules = {"max_gross": 2.0, "max_weight": 2.0, "maintenance": 0.5}
    played = play([10, 10, 6, 6, 6], [2.0, 2.0, 2.0, 1.0], **rules)
    # equity 200 of gross 1200 at 6: out at slice 3; decided flat on slice 3: 200 / 6 = 33
    assert played.fills[1:] == [(3, "A", -200.0, 6.0), (4, "A", 33.0, 6.0)]


def test_ruin_closes_at_the_marks_with_costs_and_ends_the_run():
    played = play([100, 100, 210, 50], [-1.0], commission=0.01, max_participation=0.5, max_gross=2.0)
    # 10 short at 100, fee 10: cash 1990; at 210 equity -110; covered at 210 with a fee of 21
    assert played.fills == [(1, "A", -10.0, 100.0), (2, "A", 10.0, 210.0)]
    assert played.cash == approx([1000, 1990, -131]) and played.equity == approx([1000, 990, -131])
    assert played.reasons[1] == "ruin" and not played.engine.alive


def test_ruin_ignores_participation():
    played = play([100, 100, (210, 210, 210, 210, 1.0)], [-1.0], max_participation=0.5, max_gross=2.0)
    assert played.fills[1:] == [(2, "A", 10.0, 210.0)]


def test_ruin_slips():
    played = play([100, 100, 210], [-1.0], slippage=0.01, max_gross=2.0)
    assert played.fills[1:] == [(2, "A", 10.0, 212.1)]  # 210 x 1.01


def test_equity_of_exactly_zero_is_ruin():
    played = play([100, 100, 200, 100], [-1.0], max_gross=2.0)
    assert played.equity == [1000, 1000, 0] and not played.engine.alive


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_level_shown_to_a_strategy_is_the_one_in_force_after_the_slice(side):
    account = play([100, 100], [0.5 * side], stop_loss=0.25, take_profit=0.5).engine.book.account
    assert account.stop[0] == 100 * (1 - 0.25 * side) and account.take_profit[0] == 100 * (1 + 0.5 * side)
