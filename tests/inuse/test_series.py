"""Means in bounded room, their errors, and looks that share one chance of a false alarm."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.inuse.series import ALARM, FIRST, GROWTH, Series, estimate, level, long_run, look, newey_west, quantile


def test_blocks_are_joined_where_there_is_no_room_and_the_mean_stays_exact():
    series = Series(1, most=4)
    for value in range(1, 11):  # 1 .. 10
        series.add(np.array([float(value)]))
    # 4 blocks full at 4 values: (1.5, 3.5), width 2; at 8: (2.5, 6.5), width 4; 9 and 10 wait
    assert series.blocks[:, 0].tolist() == [2.5, 6.5] and series.width == 4
    assert series.mean[0] == 5.5 and series.count == 10


def test_the_error_of_a_mean_by_hand():
    # e = -2 -2 -2 2 2 2: g0 = 4, g1 = 12 / 6, g2 = 0, g3 = -12 / 6, g4 = -8 / 6; two lags at least: int(4 (.06)^(2/9))
    x = np.array([0.0, 0.0, 0.0, 4.0, 4.0, 4.0])
    assert newey_west(x).value == 2.0
    assert newey_west(x).error == pytest.approx(math.sqrt((4 + 2 * (2 / 3 * 2)) / 6))
    assert newey_west(x, 4).error == pytest.approx(math.sqrt((4 + 2 * (0.8 * 2 - 0.4 * 2 - 0.2 * 8 / 6)) / 6))
    turning = np.array([0.0, 4.0, 0.0, 4.0])  # neighbours undo each other, and no less is claimed: 16 / 3 of four
    assert newey_west(turning).error == pytest.approx(math.sqrt(16 / 3 / 4))


def test_a_long_run_variance_knows_how_long_a_series_remembers():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, 1))
    for t in range(1, 4000):
        x[t] = 0.8 * x[t - 1] + 0.6 * x[t]  # variance 1; the mean of n has (1 + .8) / (1 - .8) / n = 9 / n
    assert long_run(x)[0] == pytest.approx(9.0, rel=0.25)
    assert long_run(rng.normal(size=(4000, 1)))[0] == pytest.approx(1.0, rel=0.1)
    joined = x.reshape(1000, 4, 1).mean(axis=1)
    assert long_run(joined, 4)[0] == pytest.approx(9.0, rel=0.25)


def test_quantiles_of_students_t_against_a_table():
    # Fisher and Yates: t(.025, 10) = 2.228, t(.005, 20) = 2.845, t(.0005, 30) = 3.646
    assert quantile(0.025, 10) == pytest.approx(2.228, abs=2e-3)
    assert quantile(0.005, 20) == pytest.approx(2.845, abs=2e-3)
    assert quantile(0.0005, 30) == pytest.approx(3.646, abs=5e-3)


def test_looks_lie_further_and_further_apart_and_share_one_chance():
    at = [n for n in range(1, 3000) if look(n) is not None]
    assert at[:5] == [20, 25, 32, 40, 49]  # 20 x 1.25^k, rounded up
    assert [look(n) for n in at] == list(range(len(at)))
    assert at[-1] == math.ceil(FIRST * GROWTH ** (len(at) - 1))
    assert sum(level(k) for k in range(100_000)) == pytest.approx(ALARM, rel=1e-4) and level(0) == ALARM / 2


def test_labels_that_overlap_are_weighed_as_far_as_they_do():
    series, x = Series(1), np.cumsum(np.random.default_rng(2).normal(size=300)) * 0.1
    for value in x:
        series.add(np.array([value]))
    assert estimate(series, 0, 0).error == newey_west(x).error < 0.7 * estimate(series, 0, 20).error
