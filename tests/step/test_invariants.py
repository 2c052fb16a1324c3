"""What must hold on any market: one bookkeeping, one result however it is run, no look ahead, no meaning in column order."""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts import Rule
from engine.loop import Engine
from engine.orders import refused_at
from tests.reference.bridge import build
from tests.reference.interface import NAN, Config, Market, Order
from tests.reference.messy import make_case as messy_case
from tests.step.market import copy_weights, same_bits
from tests.step.replay import Ledger

SEEDS = st.integers(0, 10**6)
FEW = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def make_case(seed: int) -> tuple[Market, Config]:
    """A messy case; forecasts as floats, since a market may draw nothing but whole ones."""
    market, config = messy_case(seed)
    return replace(market, forecast=[[float(value) for value in row] for row in market.forecast]), config


def compiled(market: Market, config: Config) -> Engine:
    """An engine whose strategy is compiled, whatever the rule."""
    engine = build(market, config)
    if config.rule == "targets":
        engine.strategy = Rule(copy_weights, np.zeros(1), np.full((1, len(market.symbols)), np.inf), ("f",))
    return engine


def done(market: Market, config: Config) -> Engine:
    engine = compiled(market, config)
    engine.run()
    return engine


@FEW
@given(seed=SEEDS, cuts=st.lists(st.integers(0, 12), max_size=6))
def test_fused_and_slice_by_slice_give_the_same_bits_with_any_restarts(seed, cuts):
    market, config = make_case(seed)
    whole, stepped, mixed = done(market, config), compiled(market, config), compiled(market, config)
    while stepped.alive:
        stepped.step()
    for count in cuts:
        for _ in range(count):
            if mixed.alive:
                mixed.step()
        mixed.fills()  # draining the log in between changes nothing
    mixed.run()
    assert same_bits(whole, stepped) and same_bits(whole, mixed)


@FEW
@given(seed=SEEDS)
def test_a_python_strategy_and_its_compiled_twin_give_the_same_bits(seed):
    market, config = make_case(seed)
    config = replace(config, rule="orders" if config.rule == "orders" else "targets")
    python = build(market, config, python_strategy=True)
    python.run()
    twin = done(market, config)
    assert same_bits(python, twin)
    assert refusals(python) == refusals(twin)


def refusals(engine: Engine) -> list[str]:
    """What was refused, in words."""
    return [str(refused_at(k, engine.refused, engine.symbols)) for k in range(int(engine.refused.count[0]))]


@FEW
@given(seed=SEEDS)
def test_cash_and_positions_are_equity_on_every_slice(seed):
    engine = done(*make_case(seed))
    curve, t = engine.curve, engine.t
    total = curve.cash[:t] + curve.long_value[:t] + curve.short_value[:t]
    size = np.abs(curve.cash[:t]) + curve.long_value[:t] - curve.short_value[:t]
    assert (np.abs(total - curve.equity[:t]) <= 1e-9 * np.maximum(1.0, size)).all()


@FEW
@given(seed=SEEDS)
def test_fills_and_actions_and_accruals_rebuild_the_money(seed):
    market, config = make_case(seed)
    ledger = Ledger(market, config, done(market, config))
    ledger.check()
    np.testing.assert_allclose(ledger.quantity, ledger.engine.book.account.quantity, rtol=1e-9, atol=1e-9)


@FEW
@given(seed=SEEDS, limit=st.sampled_from([0.3, 1.0, 3.0]))
def test_increases_fit_buying_power_and_exits_never_open_a_position(seed, limit):
    market, config = make_case(seed)
    config = replace(config, max_gross=limit, max_weight=9.0, stop_loss=0.03, take_profit=0.05, max_participation=0.1)
    Ledger(market, config, done(market, config)).check()


def reordered(market: Market, order: list[int]) -> Market:
    """The same market with its columns in another order, each symbol with its own data."""
    columns = {"symbols", "lot", "tick", "multiplier", "sector", "delisted_t", "terminal_value"}
    grids = {"open", "high", "low", "close", "volume", "forecast"} | ({"member"} if market.member else set())
    place = {i: k for k, i in enumerate(order)}
    moved = {name: [getattr(market, name)[i] for i in order] for name in columns}
    moved |= {name: [[row[i] for i in order] for row in getattr(market, name)] for name in grids}
    moved["orders"] = {t: [replace(o, i=place[o.i]) for o in orders] for t, orders in market.orders.items()}
    return replace(market, **moved, actions=sorted((t, place[i], s, d) for t, i, s, d in market.actions))


@FEW
@given(seed=SEEDS)
def test_the_order_of_the_columns_means_nothing(seed):
    market, config = make_case(seed)
    order = list(range(len(market.symbols)))
    random.Random(seed).shuffle(order)
    one, other = done(market, config), done(reordered(market, order), config)
    np.testing.assert_allclose(other.curve.equity, one.curve.equity, rtol=1e-9, atol=1e-6)
    assert (other.codes == one.codes[:, order]).all()
    assert len(one.fills()) == len(other.fills())
    for mine, theirs in zip(told(one), told(other), strict=True):
        assert mine[:3] == theirs[:3]
        np.testing.assert_allclose(mine[3:], theirs[3:], rtol=1e-9)


def told(engine: Engine) -> list[tuple]:
    """Fills by slice and symbol, in the order of each symbol's own fills."""
    f = engine.fills()
    rows = [
        (int(f.t[k]), engine.symbols[f.instrument[k]], int(f.reason[k]), f.quantity[k], f.price[k], f.fee[k])
        for k in range(len(f))
    ]
    return sorted(rows, key=lambda row: row[:2])


def with_other_future(market: Market, cut: int, seed: int) -> Market:
    """The same market up to and with slice `cut`; after it everything is garbage. The calendar is no secret and stays."""
    rng = random.Random(seed)
    other = copy.deepcopy(market)
    n = len(market.symbols)
    for t in range(cut + 1, len(market.times)):
        for i in range(n):
            here = rng.random() < 0.8
            prices = sorted(rng.uniform(1, 500) for _ in range(4))
            first, last = rng.sample(prices, 2)
            row = (first, prices[3], prices[0], last, rng.uniform(0, 1e4)) if here else (NAN,) * 5
            for name, value in zip(("open", "high", "low", "close", "volume"), row, strict=True):
                getattr(other, name)[t][i] = value
            other.forecast[t][i] = rng.gauss(0, 2)
    other.actions = [a for a in market.actions if a[0] <= cut]
    other.actions += [
        (t, i, rng.choice([0.5, 2.0]), 0.5)
        for t in range(cut + 1, len(market.times))
        for i in range(n)
        if rng.random() < 0.1
    ]
    other.orders = {t: orders for t, orders in market.orders.items() if t <= cut}
    for t in range(cut + 1, len(market.times)):
        other.orders[t] = [Order(rng.randrange(n), rng.uniform(-9, 9), rng.choice(["market", "close"]))]
    other.delisted_t = [d if 0 <= d <= cut else rng.choice([-1, len(market.times) - 1]) for d in market.delisted_t]
    other.delisted_t = [d if d <= cut else max(d, cut + 1) for d in other.delisted_t]
    if other.member is not None:
        other.member[cut + 1 :] = [[rng.random() < 0.5 for _ in range(n)] for _ in other.member[cut + 1 :]]
    return other


@FEW
@given(seed=SEEDS, share=st.floats(0.1, 0.9))
def test_the_future_cannot_change_the_past(seed, share):
    market, config = make_case(seed)
    cut = int(share * (len(market.times) - 1))
    one, other = done(market, config), done(with_other_future(market, cut, seed), config)
    known = min(cut + 1, one.t)
    for name in ("equity", "cash", "long_value", "short_value", "accrued", "positions"):
        assert getattr(one.curve, name)[:known].tobytes() == getattr(other.curve, name)[:known].tobytes(), name
    assert one.codes[:known].tobytes() == other.codes[:known].tobytes()
    mine, theirs = ([row for row in told(e) if row[0] <= cut] for e in (one, other))
    assert mine == theirs


def in_unit(order: Order, factor: float) -> Order:
    """The same order where prices are `factor` times as high."""
    return replace(order, quantity=order.quantity / factor, limit=order.limit * factor, stop=order.stop * factor)


@FEW
@given(seed=SEEDS, factor=st.sampled_from([0.25, 4.0]))
def test_prices_in_another_unit_give_the_same_curve(seed, factor):
    """Powers of two change no mantissa: prices x 4 with lots / 4 is the same money, to the last bit."""
    market, config = make_case(seed)
    config = replace(config, per_share=0.0)
    other = copy.deepcopy(market)
    for name in ("open", "high", "low", "close"):
        setattr(other, name, [[x * factor for x in row] for row in getattr(market, name)])
    other.volume = [[x / factor for x in row] for row in market.volume]
    other.lot = [x / factor for x in market.lot]
    other.tick, other.terminal_value = ([x * factor for x in row] for row in (market.tick, market.terminal_value))
    other.actions = [(t, i, split, dividend * factor) for t, i, split, dividend in market.actions]
    other.orders = {t: [in_unit(order, factor) for order in orders] for t, orders in market.orders.items()}
    one, two = done(market, config), done(other, config)
    assert one.curve.equity.tobytes() == two.curve.equity.tobytes() and one.codes.tobytes() == two.codes.tobytes()


def test_the_messy_markets_trade():
    """The invariants above would also hold of a run that never trades."""
    counts = [len(done(*make_case(seed)).fills()) for seed in range(20)]
    assert sum(count > 10 for count in counts) > 12
