"""Explicit orders in the corners that random markets hardly reach: exact ties, caps just met, bars without an open."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from pytest import approx

from engine import codes as c
from tests.reference.bridge import build
from tests.reference.interface import NAN, Config, Order
from tests.step.market import make


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
    (refused,) = trade(FLAT, {0: [more]}, **cap).refused
    name = next(iter(cap))
    assert refused[0] == f"over {name}"


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
