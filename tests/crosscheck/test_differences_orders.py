"""Where backtrader's orders do something else than barcast's, on literal bars: what it does, and what barcast does."""

from __future__ import annotations

import datetime

from engine.crosscheck.backtrader import bt
from tests.crosscheck.both import ours, theirs

HOLD = float("nan")
SLEEPS = {"entry_bar_protection": False}


def enter_then(exits, quantity: float = 50):
    """A script that buys A after slice 0 and calls exits(strategy) after the fill."""

    def script(strategy, t):
        if t == 0:
            strategy.buy(size=quantity)
        if t == 1:
            exits(strategy)

    return script


def rivals(strategy, first, second) -> None:
    """Two exits of 50, each (kind, price), of which one cancels the other; `first` is sent first."""
    sent = strategy.sell(size=50, exectype=first[0], price=first[1])
    strategy.sell(size=50, exectype=second[0], price=second[1], oco=sent)


# --- entries --------------------------------------------------------------------------------------------------------------
def test_a_market_order_that_meets_no_bar_waits_there_and_lapses_here():
    bars = {"A": [10, None, 12], "B": [5, 5, 5]}
    there = theirs(bars, lambda s, t: s.buy(s.data_of("A"), size=50) if t == 0 else None)
    assert there.fills == [(2, "A", 50, 12.0)]
    assert there.cash == 400.0  # 1000 - 50 x 12, on a wish two days old
    here = ours(bars, {"A": [0.5]})
    assert (here.fills, here.cash) == ([], 1000.0)
    assert ours(bars, {"A": [0.5, 0.5]}).fills == []  # without a bar there is no target either


def test_an_order_for_the_day_is_dead_before_its_bar_there_and_every_order_is_for_the_next_bar_here():
    bars = [10, (10, 10, 9, 10), 10]
    day = datetime.timedelta(0)
    there = theirs(bars, lambda s, t: s.buy(size=50, exectype=bt.Order.Limit, price=10, valid=day) if t == 0 else None)
    assert (there.fills, there.events) == ([], ((1, "A", "Expired"),))
    assert ours(bars, [0.5]).fills == [(1, "A", 50, 10.0)]


def test_an_order_cancelled_as_it_is_sent_fills_there_and_the_last_word_of_a_slice_counts_here():
    bars = [10, 10, 10]
    there = theirs(bars, lambda s, t: s.cancel(s.buy(size=50)) if t == 0 else None)
    assert there.fills == [(1, "A", 50, 10.0)]
    assert ours(bars, [HOLD]).fills == []


def test_the_close_is_the_one_just_seen_there_and_the_next_one_here():
    bars = [(10, 10, 10, 10), (12, 13, 12, 13)]
    there = theirs(bars, lambda s, t: s.buy(size=50) if t == 0 else None, setup=lambda b: b.set_coc(True))
    assert (there.fills, there.cash) == ([(0, "A", 50, 10.0)], 500.0)  # at a price that was already history
    here = ours(bars, [0.5], execution={"fill": "close"})
    assert (here.fills, here.cash) == ([(1, "A", 50, 13.0)], 350.0)
    close = bt.Order.Close  # which is the same as ours
    assert theirs(bars, lambda s, t: s.buy(size=50, exectype=close) if t == 0 else None).fills == here.fills


def test_an_open_may_be_seen_before_it_is_traded_there_and_is_traded_first_here():
    bars = [10, (9, 10, 9, 10), (12, 12, 12, 12)]

    def opening(strategy, t):
        if strategy.data.open[0] < 10:
            strategy.buy(size=50)

    there = theirs(bars, lambda s, t: None, opening=opening)
    assert (there.fills, there.equity) == ([(1, "A", 50, 9.0)], 1150.0)
    here = ours(bars, [HOLD, 0.5])  # who has seen slice 1 trades on slice 2
    assert (here.fills, here.equity) == ([(2, "A", 50, 12.0)], 1000.0)


def test_targets_forget_what_is_ordered_there_and_count_it_here():
    bars = {"A": [10, None, 10, 10], "B": [5, 5, 5, 5]}
    there = theirs(bars, lambda s, t: s.order_target_size(s.data_of("A"), 50) if t < 2 else None)
    assert there.fills == [(2, "A", 50, 10.0), (2, "A", 50, 10.0)]  # the target was 50
    late = ours([10, 10, 10, 10], [0.5, 0.5, 0.5], execution={"delay": 1})
    assert late.fills == [(2, "A", 50, 10.0)]


def test_a_change_is_floored_there_and_what_is_wanted_is_floored_here():
    bars = [100, 100, 100]
    there = theirs(bars, lambda s, t: s.order_target_percent(target=(0.5, 0.475, 0.475)[t]), cash=2000.0)
    assert there.fills == [(1, "A", 10, 100.0)]  # 50 too much is half a share: nothing is sold
    here = ours(bars, [0.5, 0.475], cash=2000.0)
    assert here.fills == [(1, "A", 10, 100.0), (2, "A", -1, 100.0)]  # 950 buys 9 shares


# --- brackets -------------------------------------------------------------------------------------------------------------
def bracket(strategy, t, size: float = 50, stop: float = 9.0, limit: float = 20.0):
    if t == 0:
        strategy.buy_bracket(size=size, exectype=bt.Order.Market, stopprice=stop, limitprice=limit)


def test_a_bracket_sleeps_on_the_bar_of_its_entry_there_and_levels_are_awake_here():
    bars = [10, (10, 10, 8, 9.5), (9.5, 10, 9.4, 10)]
    assert theirs(bars, bracket).fills == [(1, "A", 50, 10.0)]

    def apart(strategy, t):
        if t == 0:
            strategy.buy(size=50)
            strategy.sell(size=50, exectype=bt.Order.Stop, price=9.0)

    assert theirs(bars, apart).fills == [(1, "A", 50, 10.0), (1, "A", -50, 9.0)]  # no bracket: as ours
    awake = ours(bars, [0.5], exits={"stop_loss": 0.1})
    assert awake.fills == [(1, "A", 50, 10.0), (1, "A", -50, 9.0)]
    assert awake.cash == 950.0
    assert ours(bars, [0.5], exits={"stop_loss": 0.1}, execution=SLEEPS).fills == [(1, "A", 50, 10.0)]


def test_a_bracket_hangs_on_the_price_of_the_decision_there_and_levels_on_the_price_paid_here():
    bars = [10, (12, 12, 12, 12), (12, 12, 10.5, 11)]
    assert theirs(bars, bracket).fills == [(1, "A", 50, 12.0)]  # 9 is 10 % below 10, which nobody paid
    here = ours(bars, [0.5], exits={"stop_loss": 0.1}, execution=SLEEPS)
    assert here.fills == [(1, "A", 50, 12.0), (2, "A", -50, 10.8)]


def test_the_order_sent_first_wins_a_bar_that_touches_both_there_and_the_stop_does_here():
    bars = [10, 10, (10, 12, 8, 10)]
    stop, limit = (bt.Order.Stop, 9.0), (bt.Order.Limit, 11.0)
    assert theirs(bars, enter_then(lambda s: rivals(s, limit, stop))).fills[1] == (2, "A", -50, 11.0)
    assert theirs(bars, enter_then(lambda s: rivals(s, stop, limit))).fills[1] == (2, "A", -50, 9.0)
    exits = {"stop_loss": 0.1, "take_profit": 0.1}
    assert ours(bars, [0.5], exits=exits).fills[1] == (2, "A", -50, 9.0)
    assert ours(bars, [0.5], exits=exits, execution={"intrabar": "optimistic"}).fills[1] == (2, "A", -50, 11.0)


def test_a_stop_inside_the_bar_comes_before_a_limit_at_its_open_there_and_the_open_comes_first_here():
    bars = [10, 10, (12, 12, 8, 10)]
    there = theirs(bars, lambda s, t: bracket(s, t, limit=11.0))
    assert (there.fills[1], there.cash) == (
        (2, "A", -50, 9.0),
        950.0,
    )  # though the limit was reached when trading began
    here = ours(bars, [0.5], exits={"stop_loss": 0.1, "take_profit": 0.1})
    assert (here.fills[1], here.cash) == ((2, "A", -50, 12.0), 1100.0)


def test_closing_leaves_the_bracket_alive_there_and_an_exit_takes_its_levels_along_here():
    bars = [10, 10, (10, 10, 8, 8)]

    def script(strategy, t):
        bracket(strategy, t)
        if t == 1:
            strategy.close()

    there = theirs(bars, script)
    assert there.fills == [(1, "A", 50, 10.0), (2, "A", -50, 9.0), (2, "A", -50, 10.0)]
    assert there.cash == 1450.0  # short 50 that nobody wanted
    here = ours(bars, [0.5, 0.0], exits={"stop_loss": 0.1})
    assert (here.fills, here.cash) == ([(1, "A", 50, 10.0), (2, "A", -50, 10.0)], 1000.0)


def test_levels_of_floats_are_compared_to_the_last_bit_there_and_within_a_trillionth_here():
    bars = [100, 100, (100, 110, 100, 105)]
    sell = enter_then(lambda s: s.sell(size=5, exectype=bt.Order.Limit, price=100 * 1.1), quantity=5)
    assert theirs(bars, sell).fills == [(1, "A", 5, 100.0)]  # 100 x 1.1 is 110.00000000000001
    here = ours(bars, [0.5], exits={"take_profit": 0.1})
    assert here.fills == [(1, "A", 5, 100.0), (2, "A", -5, 110.0)]


def test_a_trailing_stop_follows_closes_there_and_highs_here():
    bars = [10, (10, 12, 10, 10), (11, 11, 9.5, 9.5)]
    trail = enter_then(lambda s: s.sell(size=50, exectype=bt.Order.StopTrail, trailpercent=0.1))
    assert theirs(bars, trail).fills == [(1, "A", 50, 10.0)]  # 10 % below the close of 10; the low is 9.5
    here = ours(bars, [0.5], exits={"trailing_stop": 0.1})
    assert here.fills[1] == (2, "A", -50, 10.8)  # 10 % below the high of 12


# --- slippage -------------------------------------------------------------------------------------------------------------
def slips(**flags):
    return lambda broker: broker.set_slippage_perc(0.02, **flags)


def test_market_orders_may_slip_not_at_all_there_and_always_do_here():
    bars = [10, (10, 11, 9, 10)]
    buy = enter_then(lambda s: None)
    assert theirs(bars, buy, broker=bt.brokers.BackBroker(slip_perc=0.02)).fills == [(1, "A", 50, 10.0)]
    assert theirs(bars, buy, setup=slips()).fills == [(1, "A", 50, 10.2)]  # the setter turns slip_open on
    assert ours(bars, [0.5], execution={"slippage": 0.02}).fills == [(1, "A", 50, 10.2)]


def test_slippage_ends_at_the_bar_there_and_not_here():
    bars = [10, (10, 11, 10, 10), (10, 10, 9.1, 9.5)]
    sell = enter_then(lambda s: s.sell(size=50, exectype=bt.Order.Stop, price=9.18))
    assert theirs(bars, sell, setup=slips()).fills[1] == (2, "A", -50, 9.1)  # the low: 9.18 x .98 lies below it
    assert theirs(bars, sell, setup=slips(slip_out=True)).fills[1] == (2, "A", -50, 8.9964)
    here = ours(bars, [0.5], exits={"stop_loss": 0.1}, execution={"slippage": 0.02})
    assert here.fills == [(1, "A", 50, 10.2), (2, "A", -50, 8.9964)]  # 10.2 x .9 x .98


def test_slippage_beyond_the_bar_may_stop_a_fill_there_and_never_does_here():
    bars = [10, (10, 10, 9, 10), (12, 13, 11, 12)]
    never = slips(slip_match=False, slip_limit=False)
    assert theirs(bars, enter_then(lambda s: None), setup=never).fills == [(2, "A", 50, 12.24)]
    assert ours(bars, [0.5], execution={"slippage": 0.02}).fills == [(1, "A", 50, 10.2)]


def test_a_limit_slips_at_a_gap_even_below_the_bar_there_and_targets_never_slip_here():
    bars = [70, 70, (100, 101, 99, 100)]
    sell = enter_then(lambda s: s.sell(size=5, exectype=bt.Order.Limit, price=98.0), quantity=5)
    there = theirs(bars, sell, setup=lambda b: b.set_slippage_perc(0.03))
    assert there.fills[1] == (2, "A", -5, 98.0)  # nobody traded below 99 on that day
    here = ours(bars, [0.36], exits={"take_profit": 0.35}, execution={"slippage": 0.03})
    assert here.fills == [(1, "A", 5, 72.1), (2, "A", -5, 100.0)]  # 72.1 x 1.35 is 97.335: filled at the better open


# --- volume ---------------------------------------------------------------------------------------------------------------
def tenth(broker) -> None:
    broker.set_filler(bt.broker.fillers.FixedBarPerc(perc=10.0))


def test_each_order_has_the_volume_for_itself_there_and_a_bar_has_one_volume_here():
    bars = [10, (10, 10, 10, 10, 1000), (10, 10, 10, 10, 1000)]
    twice = theirs(bars, lambda s, t: [s.buy(size=100), s.buy(size=100)] if t == 0 else None, 10_000.0, setup=tenth)
    assert twice.fills == [(1, "A", 100, 10.0), (1, "A", 100, 10.0)]  # a fifth of the volume
    once = theirs(bars, lambda s, t: s.buy(size=200) if t == 0 else None, 10_000.0, setup=tenth)
    assert once.fills == [(1, "A", 100, 10.0), (2, "A", 100, 10.0)]  # the rest waits
    here = ours(bars, [0.2], 10_000.0, execution={"max_participation": 0.1})
    assert here.fills == [(1, "A", 100, 10.0)]  # the rest of an entry lapses


def test_half_an_entry_is_unprotected_there_and_protected_here():
    bars = [10, (10, 10, 10, 10, 1000), (10, 10, 8, 8, 1000)]
    there = theirs(bars, lambda s, t: bracket(s, t, size=200), 10_000.0, setup=tenth)
    assert there.fills == [(1, "A", 100, 10.0), (2, "A", 100, 10.0)]  # it buys on while the stop at 9 sleeps
    here = ours(bars, [0.2], 10_000.0, exits={"stop_loss": 0.1}, execution={"max_participation": 0.1})
    assert here.fills == [(1, "A", 100, 10.0), (2, "A", -100, 9.0)]


def test_half_a_limit_cancels_the_stop_there_and_the_rest_of_an_exit_stands_again_here():
    bars = [10, (10, 10, 10, 10, 2000), (10, 12, 10, 11, 1000), (10, 10, 8, 8, 1000)]

    def exits(strategy):
        stop = strategy.sell(size=200, exectype=bt.Order.Stop, price=9.0)
        strategy.sell(size=200, exectype=bt.Order.Limit, price=11.0, oco=stop)

    there = theirs(bars, enter_then(exits, quantity=200), 10_000.0, setup=tenth)
    assert there.fills == [(1, "A", 200, 10.0), (2, "A", -100, 11.0)]  # the other 100 fall to 8 without a stop
    rules = {"exits": {"stop_loss": 0.1, "take_profit": 0.1}, "execution": {"max_participation": 0.1}}
    assert ours(bars, [0.2], 10_000.0, **rules).fills[1:] == [(2, "A", -100, 11.0), (3, "A", -100, 10.0)]
