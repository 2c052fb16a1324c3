"""Bars as traded: ranges that measure volatility, actions that show, holes that stay holes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.compiled import njit
from engine.markets import bars, chance, simulate

QUIET = {"listings": "0%", "delistings": None, "splits": None, "dividends": None, "halts": None, "missing": "0%"}


def made(**changes):
    return simulate({"name": "m", "seed": 3, "names": 40, "bars": 1500, **changes})


@njit()
def bridges(count, steps, high, low, close):
    state = chance.stream(np.uint64(11), chance.BAR, 0, 0)
    for k in range(count):
        state, close[k] = chance.normal(state)
        state, high[k], low[k] = bars.extremes(state, 1.0, close[k], steps)


def parkinson(high, low, close):
    return (high - low) ** 2 / (4 * math.log(2))


def garman_klass(high, low, close):
    return 0.5 * (high - low) ** 2 - (2 * math.log(2) - 1) * close**2


def rogers_satchell(high, low, close):
    return high * (high - close) + low * (low - close)


ESTIMATORS = (parkinson, garman_klass, rogers_satchell)


def bias(estimate, steps, count=400_000):
    """(mean - 1, standard error) of an estimator of a variance that is 1."""
    high, low, close = np.empty(count), np.empty(count), np.empty(count)
    bridges(count, steps, high, low, close)
    values = estimate(high, low, close)
    return values.mean() - 1.0, values.std() / math.sqrt(count)


@pytest.mark.parametrize("estimate", ESTIMATORS)
def test_range_estimators_of_a_unit_day_are_unbiased(estimate):
    off, error = bias(estimate, steps=8)
    assert abs(off) < 3 * error


@pytest.mark.parametrize("estimate", [parkinson, garman_klass])
def test_the_check_catches_a_high_and_a_low_drawn_apart(estimate):
    off, error = bias(estimate, steps=1)
    assert abs(off) > 10 * error


@pytest.mark.parametrize("estimate", ESTIMATORS)
def test_range_estimators_of_a_whole_market_agree_with_closes(estimate):
    """Fat tails, GARCH, regimes and jumps over night change nothing: given its size, the inside of a day is Brownian."""
    b = made(**QUIET, names=100).block
    high, low, close = (np.log(x / b.open) for x in (b.high, b.low, b.close))
    difference = (estimate(high, low, close) - close**2).mean(axis=0)  # per bar: names of one bar move together
    assert abs(difference.mean()) < 3 * difference.std() / math.sqrt(len(difference))


def test_every_bar_lies_between_its_low_and_its_high():
    b = made(prices={"tick": 0.01}).block
    there = ~np.isnan(b.close)
    for price in (b.open, b.close):
        assert (price[there] <= b.high[there]).all()
        assert (price[there] >= b.low[there]).all()
    assert (b.low[there] >= 0.01).all()
    cents = b.close[there] * 100
    np.testing.assert_allclose(cents, np.round(cents), atol=1e-6)


def test_a_split_takes_the_price_down_and_the_volume_up():
    market = made(prices={"first": 300, "spread": 0.1}, names=60)
    b = market.block
    name, row = np.nonzero(b.split == 2.0)
    assert len(name) > 20
    before = b.close[name, row - 1]
    ratio = b.open[name, row] / before
    known = ~np.isnan(before)
    assert np.abs(np.log(ratio[known] * 2)).max() < 0.15
    around = [np.nanmedian([b.volume[n, r + k] / b.volume[n, r - k - 1] for n, r in zip(name, row)]) for k in (0, 1)]
    assert 1.5 < np.mean(around) < 2.7


def test_actions_leave_total_returns_as_they_were():
    """With and without splits and dividends the same names earn the same: only the quotes differ."""
    quotes = {"first": 250, "spread": 0.1}
    alike = {**QUIET, "names": 20, "prices": quotes}
    bare, full = (
        made(**alike).panel(),
        made(**{**alike, "splits": {"above": 200}, "dividends": {"payers": "100%"}}).panel(),
    )
    assert len(full.actions) > 100
    assert len(bare.actions) == 0
    steps = (np.diff(np.log(panel.adjusted.close), axis=0) for panel in (bare, full))
    one, other = steps
    # The cash leaves before the day's return is earned on what remains: a few percent of a dividend.
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_halts_are_stretches_and_missing_bars_are_single(tmp_path):
    b = made(halts={"per_year": 5, "length": "4 bars"}, missing="1%", names=50).block
    from engine.markets.kinds import HALTED, LOST
    from engine.markets.truth import runs

    lengths = [end - begin for row in b.why for begin, end in runs(row == HALTED)]
    assert 3.0 < np.mean(lengths) < 4.5
    assert max(lengths) <= 15
    assert np.isnan(b.close[(b.why == HALTED) | (b.why == LOST)]).all()
    traded = np.isfinite(b.close).sum()
    assert (b.why == LOST).sum() / traded == pytest.approx(0.01, rel=0.2)


def test_listings_and_delistings_bound_a_name_and_the_engine_hears_of_them():
    market = made(listings="50%", delistings={"per_year": "20%", "loss": "40%"}, names=80)
    panel, traits = market.panel(), market.plan.traits
    gone = np.flatnonzero(traits.end < 1500)
    assert len(gone) > 20
    for i in gone[:10]:
        last = np.flatnonzero(~np.isnan(panel.close[:, i]))[-1]
        assert last < panel.delisted_row[i] == traits.end[i]
        assert panel.universe.terminal_value[i] == pytest.approx(0.6 * panel.close[last, i])
    late = (traits.first > 0).mean()
    assert 0.3 < late < 0.7


def test_volume_rises_with_volatility_as_the_elasticity_says():
    b = made(**QUIET, names=60, volume={"noise": 0, "common": 0, "memory": 0, "elasticity": 1.0}).block
    size = np.log((b.high - b.low) / b.open).ravel()
    shares = np.log(b.volume / np.median(b.volume, axis=1)[:, None]).ravel()
    assert np.polyfit(shares, size, 1)[0] == pytest.approx(1.0, abs=0.1)
    flat = made(**QUIET, names=5, volume={"noise": 0, "common": 0, "memory": 0, "elasticity": 0}).block
    assert (np.ptp(flat.volume, axis=1) <= 1).all()
