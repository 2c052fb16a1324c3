"""The deflated Sharpe ratio and its relatives, against published figures and sweeps in which the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.statistics import deflation, track
from tests.trust import experiments

DAILY = math.sqrt(250)


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "due"),
    [(100, -3, 10, 0.900397), (46, -3, 10, 0.950502), (88, 0, 3, 0.950491), (100, 0, 3, 0.942771)],
)
def test_the_deflated_sharpe_of_the_paper(trials, skew, kurtosis, due):
    assert deflation.deflated_sharpe(2.5 / DAILY, skew, kurtosis, 1250, 0.5 / 250, trials) == pytest.approx(
        due, abs=5e-7
    )


def test_the_hurdle_of_the_paper():
    assert deflation.hurdle(0.5 / 250, 100) == pytest.approx(0.113172, abs=5e-7)


@pytest.mark.parametrize(
    ("count", "due"), [(7, 1.386774), (10, 1.574598), (45, 2.235640), (100, 2.530603), (1000, 3.255122)]
)
def test_the_expected_maximum_of_so_many_normals(count, due):
    assert deflation.expected_maximum(count) == pytest.approx(due, abs=6e-7)


@pytest.mark.parametrize(("count", "exact"), [(10, 1.538753), (45, 2.207720), (100, 2.507594)])
def test_the_approximation_is_a_little_above_the_exact_expectation(count, exact):
    x = np.linspace(-10, 10, 200_001)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    below = np.array([deflation.NORMAL.cdf(v) for v in x[::20]])
    mean = np.trapezoid(x[::20] * count * density[::20] * below ** (count - 1), x[::20])
    assert mean == pytest.approx(exact, abs=1e-6)
    assert 0.0 < deflation.expected_maximum(count) / exact - 1 < 0.025


def test_one_trial_has_no_hurdle_and_is_deflated_by_nothing():
    assert deflation.expected_maximum(1) == 0.0
    plain = track.probabilistic_sharpe(0.1, 0.0, -0.5, 4.0, 500)
    assert deflation.deflated_sharpe(0.1, -0.5, 4.0, 500, 0.01, 1) == plain


def test_the_probabilistic_sharpe_of_the_paper():
    assert track.probabilistic_sharpe(1.585 / math.sqrt(12), 0, -2.448, 10.164, 24) == pytest.approx(0.913234, abs=5e-7)


@pytest.mark.parametrize(
    ("per_year", "skew", "kurtosis", "years"),
    [(250, 0, 3, 2.73119), (52, 0, 3, 2.82883), (12, 0, 3, 3.23980), (12, -0.72, 5.78, 4.99126)],
)
def test_the_track_record_that_two_against_one_needs(per_year, skew, kurtosis, years):
    root = math.sqrt(per_year)
    needed = track.minimum_track_record(2 / root, 1 / root, skew, kurtosis) / per_year
    assert needed == pytest.approx(years, abs=5.1e-6)


def test_forty_five_trials_need_five_years():
    assert deflation.minimum_backtest_years(45) == pytest.approx(4.998, abs=5e-4)
    assert deflation.minimum_backtest_years(45, 2.0) == pytest.approx(4.998 / 4, abs=2e-4)


@pytest.mark.parametrize(("rho", "due"), [(-0.2, 4.170848), (0.0, 3.464102), (0.2, 2.878849), (0.5, 2.121288)])
def test_twelve_months_of_lo(rho, due):
    assert deflation.time_factor([rho**k for k in range(1, 12)], 12) == pytest.approx(due, abs=5e-7)


def test_independent_trials_count_whole_and_copies_count_once():
    rng = np.random.default_rng(1)
    apart = rng.standard_normal((2000, 20))
    assert deflation.effective_trials(apart) == pytest.approx(20, abs=0.5)
    assert deflation.effective_trials(np.repeat(apart[:, :2], 10, axis=1)) == pytest.approx(2.0, abs=0.02)
    assert deflation.effective_trials(np.zeros((100, 3))) == 3.0


def test_sweeps_without_skill_seldom_cry_and_a_planted_one_is_found():
    """Short versions of scripts/torture overfitting."""
    null = experiments.deflations(60, 45, 1000, 0.0)[:, 0]
    assert (null >= 0.95).sum() <= 1 and null.mean() == pytest.approx(0.5, abs=0.06)
    near = experiments.deflations(200, 45, 1000, 0.9)[:, 0]
    assert 0.005 <= (near >= 0.95).mean() <= 0.10
    found = experiments.deflations(20, 45, 1250, 0.5, planted=2.5)
    assert ((found[:, 0] >= 0.95) & (found[:, 1] == 1)).sum() >= 17
