"""Probabilities against what happened."""

from __future__ import annotations

import numpy as np
import pytest

from engine.inuse.fit import BETTER, SAME, WORSE, Fit, verdict, wilson
from engine.inuse.watched import event
from tests.inuse.worlds import Says, opens, watched


def test_brier_base_rate_and_bins_by_hand():
    fit = Fit(0)
    fit.add(np.array([0.8, 0.4]), np.array([1.0, 0.0]))
    fit.add(np.array([0.8, 0.4]), np.array([1.0, 1.0]))
    fit.add(np.array([0.8, 0.4]), np.array([0.0, 0.0]))
    found = fit.found()
    # squares: .04 .16 .04 .36 .64 .16 = 1.4 of 6; base rate one half: .25
    assert found.brier == pytest.approx(1.4 / 6) and found.base == 0.5 and found.brier_base == 0.25
    assert found.gain.value == pytest.approx(1.4 / 6 - 0.25)
    # of .8 two of three happened, of .4 one of three: the slope is (1/3) / .4
    assert found.slope.value == pytest.approx((1 / 3) / 0.4) and found.bias.value == pytest.approx(0.1)
    assert [(b.count, round(b.said, 9), round(b.happened, 9)) for b in found.bins] == [
        (3, 0.4, 0.333333333),
        (3, 0.8, 0.666666667),
    ]


def test_wilsons_interval_against_his_formula_worked_out():
    # 2 of 10: (.2 + .19207 +- 1.95996 sqrt(.016 + .0096036)) / 1.38415 = .0567 and .5098 (Newcombe 1998)
    low, high = wilson(0.2, 10)
    assert (round(low, 4), round(high, 4)) == (0.0567, 0.5098)


def probabilities(seed: int, slices: int, names: int, stretch: float = 1.0):
    """True chances around a half, and what is said of them: `stretch` times as far from it."""
    rng = np.random.default_rng(seed)
    true = 0.5 + 0.15 * rng.uniform(-1.0, 1.0, (slices, names))
    return np.clip(0.5 + stretch * (true - 0.5), 0.0, 1.0), (rng.random(true.shape) < true).astype(float)


def told(p, y):
    fit = Fit(0)
    for row, came in zip(p, y):
        fit.add(row, came)
    return fit.found()


def test_honest_probabilities_beat_the_base_rate_and_their_slope_is_one():
    found = told(*probabilities(1, 600, 10))
    low, high = found.slope.interval()
    assert low < 1.0 < high and verdict(found, 14) == BETTER
    low, high = found.bias.interval()
    assert low < 0.0 < high
    assert all(b.low < b.said < b.high for b in found.bins)


def test_probabilities_that_boast_do_worse_than_the_base_rate():
    p, y = probabilities(2, 300, 10, stretch=3.3)
    found = told(p, y)
    assert found.slope.interval()[1] < 0.5 and verdict(found, 11) == WORSE
    moves = np.where(y > 0.5, 0.01, -0.01)
    watch = watched(Says(unit="probability"), p, opens(moves))
    assert watch.told()[0]["probabilities"]["verdict"] == WORSE
    assert "probabilities s" in watch.conditions()


def test_few_probabilities_are_told_from_nothing():
    assert verdict(told(*probabilities(3, 25, 2)), 1) == SAME
    assert verdict(None, 0) == SAME and told(np.full((5, 2), 0.6), np.ones((5, 2))) is None


def test_outcomes_that_come_together_make_wider_bins():
    rng = np.random.default_rng(4)
    y = np.repeat((rng.random((300, 1)) < 0.5).astype(float), 20, axis=1)
    apart = (rng.random((300, 20)) < 0.5).astype(float)
    p = np.full(y.shape, 0.5) + rng.uniform(-0.04, 0.0399, y.shape)
    wide, narrow = (told(p, came).bins[0] for came in (y, apart))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_what_happened_is_what_the_model_was_trained_to_foretell():
    earned = np.array([0.02, 0.0, -0.01, np.nan, 0.05])
    assert np.array_equal(event(earned, "up"), [1.0, np.nan, 0.0, np.nan, 1.0], equal_nan=True)
    # the median of .02, 0, -.01, .05 is .01
    assert np.array_equal(event(earned, "above_median"), [1.0, 0.0, 0.0, np.nan, 1.0], equal_nan=True)
