"""Paragraph 1: splits, dividends, deaths, in money computed by hand."""

from __future__ import annotations

from pytest import approx

from tests.reference.interface import NAN
from tests.step.market import play

HALF = [0.5]  # 0.5 x 1000 / 100 = 5 shares, bought at 100: 500 of cash left


def test_a_two_for_one_split_doubles_the_shares_and_leaves_equity_alone():
    played = play([100, 100, 50, 50], HALF, actions=[(2, "A", 2.0, 0.0)])
    assert played.fills == [(1, "A", 5.0, 100.0)]
    assert played.held() == 10.0  # 5 x 2
    assert played.equity == approx([1000, 1000, 1000, 1000])  # 500 + 10 x 50
    assert played.fate(2) == ["action"]


def test_a_split_restates_an_order_that_waits_for_this_open():
    played = play([100, 50], HALF, actions=[(1, "A", 2.0, 0.0)])
    assert played.fills == [(1, "A", 10.0, 50.0)]  # 5 x 2
    assert played.fate(1) == ["filled", "action"]


def test_a_reverse_split_floors_a_waiting_order_toward_zero():
    played = play([100, 200], [0.7], actions=[(1, "A", 0.5, 0.0)], max_gross=2.0)
    assert played.fills == [(1, "A", 3.0, 200.0)]  # 7 x 0.5 = 3.5 -> 3


def test_a_waiting_sale_is_floored_toward_zero_too():
    played = play([100, 100, 200], [-0.5, 0.0], actions=[(2, "A", 0.5, 0.0)])
    # short 5 -> 2.5: 0.5 bought back in cash at 200; the order to buy 5 -> 2.5 -> 2
    assert played.fills == [(1, "A", -5.0, 100.0), (2, "A", 0.5, 200.0), (2, "A", 2.0, 200.0)]
    assert played.held() == 0.0
    assert played.cash[2] == approx(1000)  # 1500 - 100 - 400


def test_a_split_restates_every_order_of_a_delayed_run():
    played = play([100, 100, 50], HALF, delay=1, actions=[(2, "A", 2.0, 0.0)])
    assert played.fills == [(2, "A", 10.0, 50.0)]
    early = play([100, 50, 50], HALF, delay=1, actions=[(1, "A", 2.0, 0.0)])
    assert early.fills == [(2, "A", 10.0, 50.0)]


def test_a_reverse_split_cashes_the_fraction_at_the_open():
    played = play([100, 100, (210, 210, 190, 200)], HALF, actions=[(2, "A", 0.5, 0.0)])
    # 5 -> 2.5: 2 kept, 0.5 paid at 210 = 105
    assert played.fills[1:] == [(2, "A", -0.5, 210.0)]
    assert played.reasons[1] == "split fraction" and played.fees[1] == 0.0
    assert played.cash[2] == approx(605) and played.equity[2] == approx(1005)  # + 2 x 200


def test_a_fraction_without_an_open_is_cashed_at_the_restated_mark():
    played = play([100, 100, None, 200], HALF, actions=[(2, "A", 0.5, 0.0)])
    assert played.fills[1:] == [(2, "A", -0.5, 200.0)]  # the mark of 100 is 200 a new share
    assert played.equity[2] == approx(1000) and played.held() == 2.0


def test_a_cashed_fraction_pays_no_slippage_and_no_fee():
    played = play([100, 100, 200], HALF, actions=[(2, "A", 0.5, 0.0)], slippage=0.01, min_fee=1.0)
    assert played.fills[1] == (2, "A", -0.5, 200.0) and played.fees[1] == 0.0


def test_a_position_cashed_to_nothing_has_exited_in_that_slice():
    forecast = [1.0] * 6
    bars = [100, 100, 1000, 1000, 1000, 1000]
    rules = {"size": 0.5, "cooldown": 3, "capital": 10_000.0}
    played = play(bars, None, forecast, actions=[(2, "A", 0.01, 0.0)], **rules)
    # 50 shares -> 0.5: all of it cashed at the open 1000; the exit's slice is 2, so entry may be decided at 5
    assert played.fills == [(1, "A", 50.0, 100.0), (2, "A", -0.5, 1000.0)]
    assert played.held() == 0.0
    assert [played.decision(t) for t in (2, 3, 4, 5)] == ["cooldown", "cooldown", "cooldown", "enter"]


def test_fractional_lots_keep_the_fraction():
    played = play([100, 100, 200], HALF, actions=[(2, "A", 0.5, 0.0)], lot=0.0)
    assert played.held() == 2.5 and len(played.fills) == 1


def test_a_dividend_is_credited_to_a_holder():
    played = play([100, 100, 98], HALF, actions=[(2, "A", 1.0, 2.0)])
    assert played.cash[2] == approx(510) and played.equity[2] == approx(1000)  # 500 + 5 x 2; + 5 x 98


def test_a_short_pays_the_dividend():
    played = play([100, 100, 98], [-0.5], actions=[(2, "A", 1.0, 2.0)])
    assert played.cash[2] == approx(1490) and played.equity[2] == approx(1000)  # 1500 - 5 x 2; - 5 x 98


def test_a_dividend_uses_the_multiplier():
    played = play([100, 100, 98], [0.5], actions=[(2, "A", 1.0, 2.0)], multiplier=5.0)
    assert played.fills == [(1, "A", 1.0, 100.0)] and played.cash[2] == approx(510)  # 500 + 1 x 2 x 5


def test_who_buys_at_the_open_of_the_dividend_date_gets_nothing():
    played = play([100, 98], HALF, actions=[(1, "A", 1.0, 2.0)])
    assert played.cash[1] == approx(510)  # 1000 - 5 x 98, no dividend


def test_who_sells_at_the_open_of_the_dividend_date_still_gets_it():
    played = play([100, 100, 98], [0.5, 0.0], actions=[(2, "A", 1.0, 2.0)])
    assert played.cash[2] == approx(1000)  # 500 + 10 + 490


def test_the_dividend_lowers_the_stop_so_that_paying_it_out_does_not_sell():
    bars = [100, 100, (92, 92, 89, 91)]
    played = play(bars, HALF, stop_loss=0.05, actions=[(2, "A", 1.0, 8.0)])
    # basis 100 - 8 = 92, stop 92 x 0.95 = 87.4: the low of 89 does not reach it; without the dividend 95 would
    assert len(played.fills) == 1
    assert play(bars, HALF, stop_loss=0.05).fills[1:] == [(2, "A", -5.0, 92.0)]


def test_the_dividend_lowers_the_target_too():
    played = play([100, 100, (92, 102, 92, 100)], HALF, take_profit=0.1, actions=[(2, "A", 1.0, 8.0)])
    assert played.fills[1:] == [(2, "A", -5.0, 101.2)]  # 92 x 1.1


def test_the_dividend_lowers_the_trailing_extreme():
    bars = [100, (100, 110, 100, 110), (102, 102, 97, 100), 100]
    played = play(bars, HALF, trailing_stop=0.05, actions=[(2, "A", 1.0, 8.0)])
    # extreme 110 - 8 = 102, trail 96.9: not reached by 97; undisturbed, 104.5 is above the open 102
    assert len(played.fills) == 1
    assert play(bars, HALF, trailing_stop=0.05).fills[1:] == [(2, "A", -5.0, 102.0)]


def test_profit_keeps_the_true_entry_after_a_dividend():
    played = play([100, 100, 98], HALF, actions=[(2, "A", 1.0, 2.0)])
    assert played.engine.book.account.entry[0] == 100.0 and played.engine.book.account.basis[0] == 98.0


def test_a_split_moves_the_stop_with_the_price():
    bars = [100, 100, (50, 50, 46, 48), (48, 48, 44, 45)]
    played = play(bars, HALF, stop_loss=0.1, actions=[(2, "A", 2.0, 0.0)])
    assert played.fills[1:] == [(3, "A", -10.0, 45.0)]  # 100 / 2 x 0.9


def test_a_split_moves_the_trailing_extreme_with_the_price():
    bars = [100, (100, 120, 100, 120), (60, 60, 55, 56), (56, 56, 53, 55)]
    played = play(bars, HALF, trailing_stop=0.1, actions=[(2, "A", 2.0, 0.0)])
    assert played.fills[1:] == [(3, "A", -10.0, 54.0)]  # 120 / 2 x 0.9


def test_on_one_date_the_split_comes_before_the_dividend():
    played = play([100, 100, 49], HALF, actions=[(2, "A", 2.0, 1.0)])
    # 5 -> 10 shares, each paid 1: 10; basis 100 / 2 - 1 = 49
    assert played.cash[2] == approx(510) and played.equity[2] == approx(1000)
    assert played.engine.book.account.basis[0] == approx(49)


def test_the_fraction_is_cashed_before_a_dividend_of_the_same_date():
    played = play([100, 100, 199], HALF, actions=[(2, "A", 0.5, 1.0)])
    # 2.5 -> 2 and 0.5 x 199 = 99.5; the dividend is paid on 2 shares
    assert played.cash[2] == approx(500 + 99.5 + 2) and played.equity[2] == approx(999.5)


def test_an_action_applies_on_a_slice_without_a_bar():
    played = play([100, 100, None, 49], HALF, actions=[(2, "A", 2.0, 1.0)])
    assert played.cash[2] == approx(510) and played.equity[2] == approx(1010)  # + 10 x mark 50
    assert played.equity[3] == approx(1000)  # + 10 x 49


def test_a_split_divides_the_mark_so_that_a_missing_bar_does_not_move_equity():
    played = play([100, 100, None, None], HALF, actions=[(2, "A", 10.0, 0.0)])
    assert played.equity == approx([1000] * 4)


def test_delisted_pays_the_terminal_value_without_costs():
    played = play([100, 100, None, None], HALF, delisted=2, terminal=7.0, slippage=0.01, min_fee=1.0)
    assert played.fills[1] == (2, "A", -5.0, 7.0) and played.fees[1] == 0.0 and played.reasons[1] == "delisted"
    assert played.equity[2] == approx(1000 - 5 * 101 - 1 + 35)
    assert "delisted" in played.fate(2)


def test_delisted_without_terminal_value_pays_the_last_close_less_the_haircut():
    played = play([100, 100, 80, None], HALF, delisted=3, delisting_haircut=0.25)
    assert played.fills[1:] == [(3, "A", -5.0, 60.0)]  # 80 x 0.75


def test_a_short_in_a_dead_company_pays_the_terminal_value():
    played = play([100, 100, None], [-0.5], delisted=2, terminal=10.0)
    assert played.fills[1:] == [(2, "A", 5.0, 10.0)] and played.equity[2] == approx(1450)


def test_death_by_silence_falls_on_the_slice_that_completes_the_count():
    played = play([100, 100, None, None, None, None], HALF, delisting_after=3, delisting_haircut=0.4)
    assert played.fills[1:] == [(4, "A", -5.0, 60.0)]
    assert played.equity == approx([1000, 1000, 1000, 1000, 800, 800])


def test_a_bar_in_between_starts_the_count_again():
    played = play([100, 100, None, None, 90, None, None], HALF, delisting_after=3)
    assert len(played.fills) == 1


def test_silence_is_counted_in_days_not_in_slices():
    days = [0, 0, 1, 1, 2, 2, 3, 3]
    bars = [100, 100, None, None, None, 90, None, None]
    assert len(play(bars, HALF, days=days, delisting_after=2).fills) == 1  # day 2 had a bar
    silent = play([100, 100, None, None, None, None, None, None], HALF, days=days, delisting_after=2)
    assert silent.fills[1:] == [(5, "A", -5.0, 100.0)]  # the last slice of the second day


def test_the_default_is_twenty_days():
    played = play([100, 100, *[None] * 21], HALF)
    assert played.fills[1:] == [(21, "A", -5.0, 100.0)]  # slices 2 to 21 are twenty


def test_with_the_count_off_silence_never_kills():
    assert len(play([100, 100, *[None] * 40], HALF, delisting_after=None).fills) == 1


def test_the_last_close_of_a_death_is_restated_by_a_split_in_the_silence():
    played = play([100, 100, None, None, None], HALF, delisting_after=3, actions=[(3, "A", 2.0, 0.0)])
    assert played.fills[1:] == [(4, "A", -10.0, 50.0)]


def test_when_bars_return_the_instrument_trades_again():
    bars = [100, 100, None, None, 40, 40]
    played = play(bars, [0.5, NAN, NAN, NAN, 0.4], delisting_after=2)
    # closed at 100 on slice 3: 1000 of cash; 0.4 x 1000 / 40 = 10
    assert played.fills[1:] == [(3, "A", -5.0, 100.0), (5, "A", 10.0, 40.0)]


def test_an_instrument_that_died_returned_and_went_silent_dies_again():
    bars = [100, 100, None, None, 40, 40, None, None]
    played = play(bars, [0.5, NAN, NAN, NAN, 0.4], delisting_after=2)
    assert played.fills[3:] == [(7, "A", -10.0, 40.0)]


def test_a_bar_on_the_day_of_delisting_is_still_traded():
    played = play([100, 100, 90, None], [0.5, 0.8], delisted=2, terminal=7.0)
    # 8 wanted at 100, 3 of them bought at 90; the first slice without a bar pays the terminal value
    assert played.fills[1:] == [(2, "A", 3.0, 90.0), (3, "A", -8.0, 7.0)]


def test_an_order_that_a_delay_holds_back_dies_with_its_instrument():
    played = play([100, 100, None, None, 100, 100], [NAN, 0.5], delay=2, delisting_after=2)
    assert played.fills == []  # decided on slice 1 for slice 4; dead on slice 3
