"""Where backtrader's cash and its bars do something else than barcast's, on literal bars: what it does, and what barcast does."""

from __future__ import annotations

import math

import pytest

from engine.crosscheck.backtrader import bt
from tests.crosscheck.both import ours, theirs

HOLD = float("nan")


def order(strategy, symbol: str, size: float) -> None:
    """Buy, or sell below 0, at the market."""
    data = strategy.data_of(symbol)
    strategy.buy(data, size=size) if size > 0 else strategy.sell(data, size=-size)


# --- cash that runs short -------------------------------------------------------------------------------------------------
def test_one_order_too_big_sinks_those_behind_it_there_and_all_shrink_alike_here():
    bars = {"A": [100, 100], "B": [10, 10]}

    def script(strategy, t):
        if t == 0:
            order(strategy, "A", 20)  # 2000 of the 1000 there are
            order(strategy, "B", 10)  # 100

    there = theirs(bars, script)
    assert (there.fills, there.cash) == ([], 1000.0)
    assert there.events == ((1, "A", "Margin"), (1, "B", "Margin"))  # as if A had been paid for
    here = ours(bars, {"A": [1.0], "B": [0.1]})
    assert here.fills == [(1, "A", 9, 100.0), (1, "B", 9, 10.0)]  # 1 / 1.1 and .1 / 1.1 of 1000, in whole shares


def test_an_open_that_is_too_dear_refuses_the_last_there_and_scales_all_here():
    bars = {"A": [10, 20], "B": [10, 20]}

    def script(strategy, t):
        if t == 0:
            order(strategy, "A", 50)
            order(strategy, "B", 50)

    there = theirs(bars, script)
    assert (there.fills, there.events[-1]) == ([(1, "A", 50, 20.0)], (1, "B", "Margin"))
    here = ours(bars, {"A": [0.5], "B": [0.5]})
    assert (here.fills, here.cash) == ([(1, "A", 25, 20.0), (1, "B", 25, 20.0)], 0.0)


def test_a_purchase_before_the_sale_that_pays_for_it_is_refused_there_and_reductions_come_first_here():
    bars = {"A": [10, 10, 10], "B": [10, 10, 10]}

    def script(strategy, t):
        if t == 0:
            order(strategy, "B", 100)
        if t == 1:
            order(strategy, "A", 100)
            order(strategy, "B", -100)

    there = theirs(bars, script)
    assert there.fills == [(1, "B", 100, 10.0), (2, "B", -100, 10.0)]
    here = ours(bars, {"A": [HOLD, 1.0], "B": [1.0, 0.0]})
    assert here.fills == [(1, "B", 100, 10.0), (2, "B", -100, 10.0), (2, "A", 100, 10.0)]


def test_a_turn_that_cannot_be_paid_ends_flat_there_and_smaller_here():
    bars = [10, (10, 10, 5, 5), 12]

    def script(strategy, t):
        if t == 0:
            strategy.sell(size=10)
        if t == 1:
            strategy.buy(size=110)

    there = theirs(bars, script)
    assert there.fills == [(1, "A", -10, 10.0), (2, "A", 10, 12.0)]
    assert there.events[-2:] == ((2, "A", "Partial"), (2, "A", "Margin"))
    assert there.cash == 980.0
    here = ours(bars, [-0.1, 500 / 1050])  # equity 1050 at 5: 100 shares
    assert here.fills == [(1, "A", -10, 10.0), (2, "A", 10, 12.0), (2, "A", 81, 12.0)]  # 980 / 1200 of 100
    assert here.cash == 8.0


def test_the_last_bit_of_a_float_refuses_there_and_rounds_here():
    bars = {symbol: [0.1, 0.1] for symbol in "ABC"}
    there = theirs(bars, lambda s, t: [order(s, symbol, 1) for symbol in "ABC"] if t == 0 else None, cash=0.3)
    assert [fill[1] for fill in there.fills] == ["A", "B"]  # .3 - .1 - .1 - .1 is a hair below 0
    here = ours(bars, {symbol: [1 / 3] for symbol in "ABC"}, cash=0.3)
    assert [fill[1] for fill in here.fills] == ["A", "B", "C"]
    assert here.cash == pytest.approx(0.0, abs=1e-12)


def test_a_stop_inside_the_bar_pays_for_a_purchase_at_its_open_there_and_no_money_comes_from_the_future_here():
    bars = {"A": [10, 10, (10, 10, 9, 9.5)], "B": [10, 10, 10]}

    def script(strategy, t):
        if t == 0:
            order(strategy, "A", 100)
            strategy.sell(strategy.data_of("A"), size=100, exectype=bt.Order.Stop, price=9.0)
        if t == 1:
            order(strategy, "B", 90)

    there = theirs(bars, script, setup=lambda broker: broker.set_checksubmit(False))
    assert there.fills == [(1, "A", 100, 10.0), (2, "A", -100, 9.0), (2, "B", 90, 10.0)]
    here = ours(bars, {"A": [1.0], "B": [HOLD, 0.9]}, exits={"stop_loss": 0.1})
    assert (here.fills, here.cash) == ([(1, "A", 100, 10.0), (2, "A", -100, 9.0)], 900.0)


def test_a_limit_counts_as_a_short_sale_there_without_short_cash_and_levels_need_no_cash_here():
    bars = [10, 10]

    def script(strategy, t):
        if t == 0:
            strategy.buy_bracket(size=60, exectype=bt.Order.Market, stopprice=9.0, limitprice=20.0)

    there = theirs(bars, script, setup=lambda broker: broker.set_shortcash(False))
    assert there.fills == []  # the limit would sell 60 x 20 that the stop has already sold: the whole bracket is gone
    assert (1, "A", "Margin") in there.events
    here = ours(bars, [0.6], exits={"stop_loss": 0.1, "take_profit": 1.0})
    assert (here.fills, here.cash) == ([(1, "A", 60, 10.0)], 400.0)


def test_a_short_may_be_of_any_size_there_and_of_max_gross_here():
    bars = [10, 10]
    there = theirs(bars, lambda s, t: s.sell(size=100_000) if t == 0 else None, cash=10_000.0)
    assert (there.fills, there.cash) == ([(1, "A", -100_000, 10.0)], 1_010_000.0)
    here = ours(bars, [-100.0], cash=10_000.0)
    assert (here.fills, here.cash) == ([(1, "A", -1000, 10.0)], 20_000.0)


def test_a_short_pays_interest_on_its_entry_price_there_and_on_its_mark_here():
    bars = [10, 10, 20, 20]  # 36.5 % a year is a thousandth a day

    def script(strategy, t):
        if t == 0:
            strategy.sell(size=10)

    there = theirs(bars, script, setup=lambda broker: broker.setcommission(interest=0.365))
    assert there.cash == pytest.approx(1100.0 - 0.1 - 0.1)  # 10 x 10 on both days
    here = ours(bars, [-0.1], execution={"borrow": 0.365})
    assert here.cash == pytest.approx(1100.0 - 0.1 - 0.2)  # 10 x 10, then 10 x 20


# --- bars that are missing ------------------------------------------------------------------------------------------------
def test_a_stop_on_a_day_without_a_bar_meets_the_bar_before_there_and_nothing_here():
    bars = {"A": [10, 10, (10, 10, 8, 10), None, 10], "B": [5, 5, 5, 5, 5]}

    def script(strategy, t):
        if t == 1:
            order(strategy, "A", 50)
        if t == 2:  # the bar that fell to 8 is over
            strategy.sell(strategy.data_of("A"), size=50, exectype=bt.Order.Stop, price=9.0)

    there = theirs(bars, script)
    assert there.fills == [(2, "A", 50, 10.0), (2, "A", -50, 9.0)]  # sold in the past
    assert there.cash == 950.0
    sleeps = {"entry_bar_protection": False}
    here = ours(bars, {"A": [HOLD, 0.5]}, exits={"stop_loss": 0.1}, execution=sleeps)
    assert (here.fills, here.equity) == ([(2, "A", 50, 10.0)], 1000.0)


def test_a_name_that_ends_keeps_its_last_value_there_and_dies_here():
    bars = {"A": [10, 10, None, None, None], "B": [5, 5, 5, 5, 5]}

    def script(strategy, t):
        if t < 2:
            order(strategy, "A", 50 if t == 0 else -50)

    there = theirs(bars, script)
    assert (there.fills, there.equity) == ([(1, "A", 50, 10.0)], 1000.0)  # the sale waits for ever
    here = ours(bars, {"A": [0.5]}, data={"delisting_after": 2, "delisting_haircut": 0.5})
    assert here.fills == [(1, "A", 50, 10.0), (3, "A", -50, 5.0)]  # the second bar that is missing
    assert here.equity == 750.0


def test_prices_that_are_not_known_are_paid_there_and_are_no_bar_here():
    nan = float("nan")
    bars = {"A": [10, (nan, nan, nan, nan, nan), 12], "B": [5, 5, 5]}
    there = theirs(bars, lambda s, t: order(s, "A", 50) if t == 0 else None)
    assert len(there.fills) == 1
    assert math.isnan(there.fills[0][3])
    assert math.isnan(there.cash)  # and so is everything after it
    here = ours(bars, {"A": [0.5]})
    assert (here.fills, here.cash) == ([], 1000.0)


def test_nothing_is_decided_before_every_name_has_a_bar_there_and_each_name_has_its_own_beginning_here():
    bars = {"A": [10, 10, 10, 10], "B": [None, None, 5, 5]}
    days: list[int] = []

    def script(strategy, t):
        days.append(t)
        if len(days) == 1:
            order(strategy, "A", 50)

    there = theirs(bars, script)
    assert (days[0], there.fills) == (2, [(3, "A", 50, 10.0)])
    assert ours(bars, {"A": [0.5]}).fills == [(1, "A", 50, 10.0)]
