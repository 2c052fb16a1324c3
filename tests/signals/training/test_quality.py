"""Measures by hand, and against other people's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from signals.training import quality


def test_newey_west_with_one_lag_by_hand():
    """e = (-1, -1, 1, 1), gamma0 = 1, gamma1 = (1 - 1 + 1) / 4 = .25, variance (1 + 2 x .5 x .25) / 4."""
    found = quality.newey_west(np.array([0.0, 0.0, 2.0, 2.0]), lags=1)
    assert found.value == 1.0 and found.error == pytest.approx(math.sqrt(1.25 / 4))


def test_unknown_days_count_nothing():
    known, holed = np.array([1.0, 2.0, 4.0]), np.array([1.0, np.nan, 2.0, 4.0])
    assert quality.newey_west(known) == quality.newey_west(holed)


def test_ranks_share_ties():
    np.testing.assert_array_equal(quality.ranks(np.array([3.0, 1.0, 3.0, 2.0])), [2.5, 0.0, 2.5, 1.0])


def test_rank_correlations_of_two_dates_are_theirs_alone():
    forecast = np.array([1.0, 2, 3, 4, 5, 1, 2, 3, 4, 5])
    outcome = np.array([1.0, 4, 9, 16, 99, 5, 4, 3, 2, 1])
    np.testing.assert_allclose(quality.rank_correlations(forecast, outcome, np.array([0, 5, 10])), [1.0, -1.0])


def test_fifths_of_ten_names_hold_two_each():
    y = np.arange(10.0)
    np.testing.assert_allclose(quality.fifths(y, y, np.array([0, 10]))[0], [0.5, 2.5, 4.5, 6.5, 8.5])


def test_wilson_of_16_of_28():
    assert quality.wilson(16, 28) == pytest.approx((0.39071, 0.73491), abs=5e-6)


def test_a_classifier_that_always_says_up_is_seen_through():
    """16 ups in 28, all called: the published metrics of a net that had learned nothing."""
    rises = np.arange(28) < 16
    told = quality.classified(np.full(28, 0.6), rises)
    assert told.accuracy == told.precision == pytest.approx(4 / 7) and told.recall == 1.0
    assert told.f1 == pytest.approx(8 / 11) and told.balanced == 0.5 and math.isnan(told.mcc) and told.auc == 0.5
    assert told.entropy == pytest.approx(0.682908, abs=5e-7) and told.log_loss > told.entropy


def test_measures_agree_with_scikit_learn():
    from sklearn import metrics

    rng = np.random.default_rng(1)
    p = np.round(rng.random(300), 2)
    rises = rng.random(300) < p
    told, said = quality.classified(p, rises), p >= 0.5
    assert told.auc == pytest.approx(metrics.roc_auc_score(rises, p))
    assert told.mcc == pytest.approx(metrics.matthews_corrcoef(rises, said))
    assert told.balanced == pytest.approx(metrics.balanced_accuracy_score(rises, said))
    assert told.brier == pytest.approx(metrics.brier_score_loss(rises, p))
    assert told.f1 == pytest.approx(metrics.f1_score(rises, said))
