"""Drift: a distance worked out by hand, one that is planted and caught, and two hundred markets in which nothing is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.inuse import drift
from engine.inuse.drift import Shape, distance, kolmogorov, shape_of, worth_of
from engine.inuse.series import Series, level, look
from tests.inuse.worlds import Says, drawn, opens, told_of, watched


def test_the_share_below_and_the_distance_by_hand():
    reference = Shape(np.array([1.0, 2.0, 3.0]), np.array([0.25, 0.5, 0.75]), 100.0, 4.0, 2.0, 1.0)
    seen = Series(3)
    for k in range(
        40
    ):  # half the forecasts at or below 1, three quarters below 2; turn and turn about a little more or less
        seen.add(np.array([0.5, 0.75, 0.9]) + (0.01 if k % 2 else -0.01))
    found = distance(reference, seen)
    assert found is not None
    assert (found.distance, found.at, found.here, found.there) == (pytest.approx(0.25), 1.0, pytest.approx(0.5), 0.25)
    assert found.independent == pytest.approx(160.0)  # 40 slices of the reference's worth, 4


def test_kolmogorovs_law_against_his_table():
    # The limit: 1.358 is passed once in twenty, 1.628 once in a hundred (Smirnov 1948)
    n = 1e8
    assert kolmogorov(1.358 / math.sqrt(n), n) == pytest.approx(0.05, abs=5e-4)
    assert kolmogorov(1.628 / math.sqrt(n), n) == pytest.approx(0.01, abs=2e-4)
    # Of ten, .409 is passed once in twenty (Massey 1951: .410)
    assert kolmogorov(0.409, 10) == pytest.approx(0.05, abs=2e-3)


def test_names_that_all_say_the_same_are_worth_one():
    rng = np.random.default_rng(1)
    together = [np.full(50, value) for value in rng.normal(size=2000)]
    apart = list(rng.normal(size=(2000, 50)))
    assert shape_of(together).worth == pytest.approx(1.0, rel=0.35)
    assert shape_of(apart).worth == pytest.approx(50.0, rel=0.35)


def test_forecasts_that_change_slowly_are_worth_less():
    f, _ = drawn(np.random.default_rng(2), 3000, 1, keep=0.9)
    # a share's autocorrelation is a little below the forecast's own, whose factor is (1 + .9) / (1 - .9) = 19
    assert 1 / 40 < shape_of(list(f)).worth < 1 / 10


def test_every_other_slice_of_a_range_is_worth_half():
    rows = list(np.random.default_rng(3).normal(size=(200, 5)))
    assert shape_of(rows, 2).worth == pytest.approx(shape_of(rows).worth / 2)
    assert shape_of(rows, 2).slices == 400.0


def test_equal_forecasts_have_their_share_at_their_own_value():
    rows = [np.array([0.0, 0.0, 0.0, 1.0])] * 30
    shape = shape_of(rows)
    assert shape.values.tolist() == [0.0, 1.0] and shape.shares.tolist() == [0.75, 1.0]


def test_too_few_are_not_compared():
    assert shape_of([np.array([1.0, 2.0])] * 2) is None
    shape = shape_of(list(np.random.default_rng(4).normal(size=(30, 1))))
    seen = Series(len(shape.values))
    for _ in range(5):
        seen.add(shape.shares)
    assert distance(shape, seen) is None  # five of them are worth about five
    assert math.isnan(worth_of(np.ones((9, 1)), 1, np.ones(1)))


@pytest.mark.parametrize(("shift", "scale"), [(0.6, 1.0), (0.0, 2.0)], ids=["moved", "wider"])
def test_a_planted_drift_is_caught_and_said(shift, scale):
    rng = np.random.default_rng(5)
    told = told_of(*drawn(rng, 250, 12))
    f, y = drawn(rng, 120, 12)
    watch = watched(Says(told=told), shift + scale * f, opens(y))
    (one,) = watch.told()
    assert one["drift"]["state"] == "drifted" and one["drift"]["chance"] < level(0)
    assert list(watch.conditions()) == ["drift s"] and "of the reference" in watch.conditions()["drift s"]


def test_a_drift_that_sets_in_later_is_caught_too():
    rng = np.random.default_rng(6)
    told = told_of(*drawn(rng, 250, 12, keep=0.5))
    f, y = drawn(rng, 260, 12, keep=0.5)
    f[100:] += 1.0
    prices = opens(y)
    assert watched(Says(told=told), f[:100], prices[:102]).told()[0]["drift"]["state"] == "no drift seen"
    assert watched(Says(told=told), f, prices).told()[0]["drift"]["state"] == "drifted"


def cries(seed: int, keep: float, names: int) -> bool:
    """Whether drift is ever found where there is none."""
    rng = np.random.default_rng(seed)
    f, _ = drawn(rng, 650, names, keep=keep)
    shape = shape_of(list(f[:250]))
    seen = Series(len(shape.values))
    for row in f[300:]:
        seen.add(np.searchsorted(np.sort(row), shape.values, side="right") / names)
        k = look(seen.count)
        if k is not None and (found := distance(shape, seen)) is not None and found.chance < level(k):
            return True
    return False


@pytest.mark.parametrize(("keep", "names"), [(0.0, 10), (0.9, 10)], ids=["fresh", "slow"])
def test_two_hundred_null_sessions_cry_no_more_often_than_said(keep, names):
    """At most one in a hundred is said; of 200, six or more would come once in 200 such tests (binomial)."""
    assert sum(cries(seed, keep, names) for seed in range(200)) <= 5


def test_a_test_that_takes_every_forecast_for_independent_would_cry(monkeypatch):
    """The wrong specimen: without the effective number, slow forecasts raise the alarm again and again."""
    monkeypatch.setattr(drift, "worth_of", lambda shares, width, pooled: 10.0)
    assert sum(cries(seed, 0.9, 10) for seed in range(20)) > 10
