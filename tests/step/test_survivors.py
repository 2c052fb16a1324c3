"""Corners that random markets hardly reach: exact ties, caps just met, bars without an open, days of several slices."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from pytest import approx

from engine import codes as c
from tests.reference.bridge import build
from tests.reference.interface import NAN, Atr, Config, Order, Switch
from tests.step.market import make, play


@dataclass(frozen=True)
class Traded:
    """What orders did: (t, instrument, signed quantity, price) of the fills, their reasons, and the words of any slice."""

    fills: list[tuple[int, int, float, float]]
    reasons: list[str]
    refused: list[tuple[str, float, float]]  # decision, what it would have been, limit
    codes: list[list[int]]

    def fate(self, t, i=0):
        return c.describe(self.codes[t][i])["fate"]

    def decision(self, t, i=0):
        return c.describe(self.codes[t][i])["decision"]


def trade(bars, orders, **rules):
    """What `orders` (slice -> those given at its close) do to 1000 of capital over literal bars."""
    names = {"actions", "lot", "sector", "days", "delisted", "member"}
    market = make(bars, {}, **{name: rules.pop(name) for name in names & set(rules)})
    market.orders = orders
    engine = build(market, Config(rule="orders", **{"capital": 1000.0, "max_gross": 4.0, "max_weight": 4.0} | rules))
    engine.run()
    fills, refused = engine.fills(), engine.refused
    rows = zip(fills.t, fills.instrument, fills.quantity, fills.price, strict=True)
    count = int(refused.count[0])
    whys = [c.DECISIONS[int(code)] for code in refused.decision[:count]]
    return Traded(
        [(int(t), int(i), round(float(q), 9), round(float(p), 9)) for t, i, q, p in rows],
        [c.REASONS[int(reason)] for reason in fills.reason],
        list(zip(whys, refused.value[:count].tolist(), refused.limit[:count].tolist(), strict=True)),
        engine.codes[: engine.t].tolist(),
    )


FLAT = {"A": [10.0] * 4, "B": [10.0] * 4}
DIP = [100, 100, (100, 100, 90, 96), 96]  # bought at 100 in slice 1; slice 2 goes down to 90
LONG = [Order(0, 10)]


def test_names_without_a_sector_are_in_no_sectors_sum():
    orders = {0: [Order(0, 30), Order(1, 30)]}
    apart = trade(FLAT, orders, max_sector=0.4)
    assert [fill[2] for fill in apart.fills] == [30, 30] and not apart.refused
    together = trade(FLAT, orders, max_sector=0.4, sector=0)
    assert together.refused == [("over max_sector", approx(0.6), 0.4)]


def test_what_a_short_sale_brings_in_is_no_cash_to_buy_with():
    traded = trade(FLAT, {0: [Order(1, -50), Order(0, 80)]}, min_cash=0.3)
    assert traded.refused == [("over min_cash", approx(0.8), 0.7)]
    assert traded.fills == [(1, 1, -50.0, 10.0)]


@pytest.mark.parametrize(
    ("cap", "orders"),
    [
        ({"max_weight": 0.4}, [Order(0, 40)]),
        ({"max_order_value": 400.0}, [Order(0, 40)]),
        ({"max_gross": 0.4}, [Order(0, 40)]),
        ({"max_net": 0.4}, [Order(0, -40)]),
        ({"min_cash": 0.6}, [Order(0, 40)]),
        ({"max_sector": 0.4, "sector": 0}, [Order(0, 40)]),
    ],
)
def test_a_cap_that_is_just_met_refuses_nothing_and_one_share_more_does(cap, orders):
    assert not trade(FLAT, {0: orders}, **cap).refused
    more = Order(0, orders[0].quantity + (1 if orders[0].quantity > 0 else -1))
    whys = [why for why, _, _ in trade(FLAT, {0: [more]}, **cap).refused]
    assert whys == [f"over {next(iter(cap))}"]


def test_a_reducing_stop_limit_slips_to_its_limit_and_no_further():
    out = [Order(0, -10, "stop_limit", limit=94.9, stop=95)]  # 1 % of 95 would be 94.05
    assert trade(DIP, {0: LONG, 1: out}, slippage=0.01).fills[1] == (2, 0, -10.0, 94.9)
    cover = [Order(0, 10, "stop_limit", limit=105.1, stop=105)]
    rise = [100, 100, (100, 110, 100, 104), 104]
    assert trade(rise, {0: [Order(0, -10)], 1: cover}, slippage=0.01).fills[1] == (2, 0, 10.0, 105.1)


def test_a_stop_limit_without_an_open_does_not_fill_in_a_range_that_begins_beyond_its_limit():
    beyond = trade([100, (NAN, 110, 107, 108), 108], {0: [Order(0, 5, "stop_limit", limit=106, stop=105)]})
    assert beyond.fills == [] and beyond.fate(1) == ["expired"]
    below = trade([100, (NAN, 93, 90, 92), 92], {0: [Order(0, -5, "stop_limit", limit=94, stop=95)]})
    assert below.fills == [] and below.fate(1) == ["expired"]


def test_of_stops_at_one_price_the_first_given_acts_first():
    orders = [Order(0, -4, "stop", stop=95), Order(0, -10, "stop", stop=95)]
    traded = trade(DIP, {0: LONG, 1: orders})
    assert traded.fills[1:] == [(2, 0, -4.0, 95.0), (2, 0, -6.0, 95.0), (2, 0, -4.0, 95.0)]
    other = trade(DIP, {0: LONG, 1: orders[::-1]})  # nothing is left for the second: it opens a short
    assert other.fills[1:] == [(2, 0, -10.0, 95.0), (2, 0, -4.0, 95.0)]


def test_a_level_acts_before_the_order_at_its_price():
    traded = trade(DIP, {0: LONG, 1: [Order(0, -4, "stop", stop=95)]}, stop_loss=0.05)
    assert traded.fills[1:] == [(2, 0, -10.0, 95.0)] and traded.reasons[1] == "stop loss"
    assert traded.fate(2) == ["filled", "stopped", "cancelled"]


def test_a_stop_limit_that_must_come_back_acts_after_the_level_even_for_an_optimist():
    back = [Order(0, -10, "stop_limit", limit=99, stop=97)]  # down through 97, then up to 99 by the close
    dip = [100, 100, (100, 100, 94, 99.5), 99.5]
    traded = trade(dip, {0: LONG, 1: back}, stop_loss=0.05, intrabar="optimistic")
    assert traded.fills[1:] == [(2, 0, -10.0, 95.0)]
    assert traded.fate(2) == ["filled", "stopped", "cancelled"]  # one side of the bar alone: nothing is ambiguous


def test_a_stop_limit_that_must_come_back_acts_after_the_stop_below_it():
    back, stop = Order(0, -10, "stop_limit", 99, 97, True), Order(0, -10, "stop", stop=95, reduce_only=True)
    traded = trade([100, 100, (100, 100, 94, 99.5), 99.5], {0: LONG, 1: [back, stop]})
    assert traded.fills[1:] == [(2, 0, -10.0, 95.0)]


def test_a_limit_below_the_stop_level_is_met_after_it_and_is_cancelled():
    traded = trade(DIP, {0: LONG, 1: [Order(0, 5, "limit", limit=92)]}, stop_loss=0.05)
    assert traded.fills[1:] == [(2, 0, -10.0, 95.0)] and "cancelled" in traded.fate(2)


def test_where_a_limit_is_met_before_the_stop_level_the_target_waits_too():
    """Basis (10 x 100 + 10 x 98) / 20 = 99, so the stop lies at 94.05 and the target at 108.9, which only the high reaches."""
    wild = [100, 100, (100, 112, 90, 96), 96]
    traded = trade(wild, {0: LONG, 1: [Order(0, 10, "limit", limit=98)]}, stop_loss=0.05, take_profit=0.1)
    assert traded.fills[1:] == [(2, 0, 10.0, 98.0), (2, 0, -20.0, 94.05)]
    assert traded.fate(2) == ["filled", "stopped", "ambiguous"]


def test_levels_that_wait_for_a_limit_act_even_if_it_gets_nothing():
    """At the open of 97 twice the equity of 955 less 1455 held is 455: less than the five shares at 95, and a lot is five."""
    bars = [100, 100, (97, 97, 89, 96), 96]
    orders = {0: [Order(0, 15)], 1: [Order(0, 5, "limit", limit=95)]}
    traded = trade(bars, orders, lot=5.0, max_gross=2.0, stop_loss=0.1)
    assert traded.fills[1:] == [(2, 0, -15.0, 90.0)]
    assert traded.fate(2) == ["filled", "no buying power", "stopped"]


def test_an_exit_inside_the_bar_pays_for_no_increase_in_it():
    """At the open 15 A at 90 leave equity of 850 and power of 1700 - 1350 = 350, although A is sold at 80 within the bar."""
    bars = {"A": [100, 100, (90, 90, 80, 85), 85], "B": [10, 10, (11, 11, 9, 10), 10]}
    orders = {0: [Order(0, 15)], 1: [Order(1, 50, "limit", limit=10)]}
    traded = trade(bars, orders, max_gross=2.0, stop_loss=0.2)
    assert traded.fills[1:] == [(2, 0, -15.0, 80.0), (2, 1, 35.0, 10.0)]


def test_a_sale_at_the_open_pays_for_an_increase_inside_the_bar():
    bars = {"A": [100] * 4, "B": [10, 10, (11, 11, 9, 10), 10]}
    orders = {0: LONG, 1: [Order(0, -10), Order(1, 100, "limit", limit=10)]}
    traded = trade(bars, orders, max_gross=1.0)
    assert traded.fills[1:] == [(2, 0, -10.0, 100.0), (2, 1, 100.0, 10.0)]


def test_nothing_more_happens_after_an_entry_in_a_bar_without_its_range():
    """Bought at the close of 106 and a tenth: the level of 5 % lies at 110.77, above the close that came before it."""
    blind = [100, (100, NAN, NAN, 106), (120, 120, 120, 120)]
    traded = trade(blind, {0: [Order(0, 5, "stop", stop=105)]}, slippage=0.1, stop_loss=0.05)
    assert traded.fills == [(1, 0, 5.0, 116.6)] and traded.fate(1) == ["filled"]


TWO_DAYS = [Switch("losing_streak", 2, "flatten", 1.0, "never")]


def test_a_losing_streak_counts_days_and_not_slices():
    """Five shares: the one day of 100, 98, 96 loses once, the next day of 94 a second time; they are sold the day after."""
    played = play([100, 100, 98, 96, 94, 94], [0.5], days=[0, 1, 1, 1, 2, 3], switches=TWO_DAYS)
    assert played.fills == [(1, "A", 5.0, 100.0), (5, "A", -5.0, 94.0)]


def test_a_flat_day_ends_a_losing_streak():
    assert play([100, 100, 98, 98, 96, 96], [0.5], switches=TWO_DAYS).fills == [(1, "A", 5.0, 100.0)]
    assert len(play([100, 100, 98, 96, 96], [0.5], switches=TWO_DAYS).fills) == 2


def test_a_streak_that_stopped_trading_is_forgotten_when_the_switch_lets_go():
    """Two days lost by slice 3, halted until slice 5; slice 6 is the first to lose again: 950 of equity buy 10 at 90."""
    halt = [Switch("losing_streak", 2, "halt", 1.0, 2)]
    played = play([100, 100, 98, 96, 94, 92, 90, 90], [0.5, *[NAN] * 5, 1.0], switches=halt)
    assert played.decision(6) == "targeted" and played.fills[1:] == [(7, "A", 5.0, 90.0)]


def test_a_streak_begins_anew_from_the_day_that_lets_go():
    """98 loses and halts, 96 lets go, and 97 is a gain from there: 985 of equity buy 10 at 97."""
    halt = [Switch("losing_streak", 1, "halt", 1.0, 1)]
    played = play([100, 100, 98, 96, 97, 97], [0.5, *[NAN] * 3, 1.0], switches=halt)
    assert played.decision(4) == "targeted" and played.fills[1:] == [(5, "A", 5.0, 97.0)]


def test_the_gross_cap_counts_the_shorts_that_the_net_cap_left():
    """Shorts of 0.8 come down to 0.2 + 0.3; with the longs that is 0.7, within the gross of 0.9."""
    played = play(FLAT, {"A": [-0.8], "B": [0.2]}, max_net=0.3, max_gross=0.9)
    assert played.fills == [(1, "A", -50.0, 10.0), (1, "B", 20.0, 10.0)]


def test_a_flip_decided_without_a_bar_takes_the_average_true_range_of_the_last_one():
    """True ranges of 2 at 100: the stop of the short lies 3 of them above 100."""
    bar = (100, 101, 99, 100)
    bars = [bar, bar, bar, bar, None, bar, (100, 107, 99, 100)]
    traded = trade(bars, {2: LONG, 4: [Order(0, -20)]}, stop_loss=Atr(3.0, 2))
    assert traded.fills[1:] == [(5, 0, -10.0, 100.0), (5, 0, -10.0, 100.0), (6, 0, 10.0, 106.0)]
