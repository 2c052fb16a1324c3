"""The stationary bootstrap: whole slices, honest intervals, the same seed the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import DataError
from risk.overfitting import bootstrap
from tests.trust import experiments


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """Short version of scripts/torture bootstrap; the truth, .03926, is what that prints of 10^7 steps."""
    assert experiments.true_sharpe(10**6) == pytest.approx(0.03926, abs=0.003)
    assert 0.88 <= experiments.covered(120, 1000, 0.03926, 299) <= 1.0


def test_a_narrow_interval_would_be_noticed(monkeypatch):
    """The wrong specimen: standard errors half as large, in the sample only, cover far less."""
    whole = bootstrap.sharpe_and_error
    monkeypatch.setattr(
        bootstrap,
        "sharpe_and_error",
        lambda r, lags: (whole(r, lags)[0], whole(r, lags)[1] * (0.5 if r.ndim == 1 else 1)),
    )
    assert experiments.covered(120, 1000, 0.03926, 299) < 0.8


def test_the_standard_error_of_independent_normal_returns_is_lo_s():
    rng = np.random.default_rng(1)
    returns = 0.1 + rng.standard_normal((2000, 500))
    value, error = bootstrap.sharpe_and_error(returns, 0)
    assert error.mean() == pytest.approx(np.sqrt((1 + 0.1**2 / 2) / 500), rel=0.02)
    assert value == pytest.approx(returns.mean(axis=1) / returns.std(axis=1, ddof=1))


def test_dependence_widens_the_error():
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((300, 1001))
    smooth = noise[:, 1:] + noise[:, :-1]
    assert bootstrap.sharpe_and_error(smooth, 5)[1].mean() > 1.25 * bootstrap.sharpe_and_error(smooth, 0)[1].mean()


def test_resampled_slices_keep_what_moves_together():
    rng = np.random.default_rng(3)
    common = rng.standard_normal((600, 1))
    columns = common + 0.5 * rng.standard_normal((600, 4))
    before = np.corrcoef(columns, rowvar=False)[0, 1]
    drawn = [
        np.corrcoef(columns[rows], rowvar=False)[0, 1]
        for batch in bootstrap.resamples(600, 5.0, 300, 1)
        for rows in batch
    ]
    assert np.mean(drawn) == pytest.approx(before, abs=0.01)
    apart = [
        np.corrcoef(columns[r, 0], columns[s, 1])[0, 1]
        for r, s in zip(*(next(bootstrap.resamples(600, 5.0, 50, k)) for k in (1, 2)), strict=True)
    ]
    assert abs(np.mean(apart)) < 0.1  # each column on its own would lose it


def test_blocks_have_the_mean_length_that_was_asked():
    rows = np.concatenate(list(bootstrap.resamples(2000, 8.5, 20, 4)))
    follow = (np.diff(rows, axis=1) % 2000 == 1).mean()
    assert 1.0 / (1.0 - follow) == pytest.approx(8.5, rel=0.1)


def test_the_same_seed_gives_the_same_bits_and_progress_ends_at_the_end():
    returns = experiments.process(np.random.default_rng(1), 300)[0]
    told: list[tuple[int, int]] = []
    one = bootstrap.histories(returns, 600, seed=5, progress=lambda k, n: told.append((k, n)))
    two = bootstrap.histories(returns, 600, seed=5)
    assert (one.growth == two.growth).all() and (one.drawdown == two.drawdown).all()
    assert told[:2] == [(32, 600), (64, 600)] and told[-2:] == [(576, 600), (600, 600)] and len(told) == 19
    assert bootstrap.histories(returns, 600, seed=6).growth.tolist() != one.growth.tolist()
    assert (one.drawdown <= 0).all() and bootstrap.sharpe_interval(returns, 300) == bootstrap.sharpe_interval(
        returns, 300
    )


def test_a_drawdown_counts_from_the_first_bar():
    paths = bootstrap.histories(np.tile([-0.1, 0.0], 20), 50, block=1.0)
    assert paths.drawdown == pytest.approx(paths.growth - 1.0)


@pytest.mark.parametrize("returns", [np.zeros(100), np.ones(5), np.full(50, 0.01)])
def test_what_never_varies_or_is_too_short_is_refused(returns):
    with pytest.raises(DataError, match="bootstrap"):
        bootstrap.sharpe_interval(returns, 100)
