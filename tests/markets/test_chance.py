"""Random numbers by counter: right in law, and the same whatever was drawn beside them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engine.compiled import njit
from engine.markets import chance

COUNT = 200_000


@njit()
def draw(seed, who, normals, mixtures, df):
    state = chance.stream(seed, chance.BAR, who, 5)
    for k in range(len(normals)):
        state, normals[k] = chance.normal(state)
        state, mixtures[k] = chance.mixture(state, df)


def drawn(seed=1, who=0, df=5.0, count=COUNT):
    normals, mixtures = np.empty(count), np.empty(count)
    draw(np.uint64(seed), who, normals, mixtures, df)
    return normals, mixtures


@pytest.mark.parametrize("p", [1e-300, 1e-20, 1e-6, 0.01, 0.0749, 0.0751, 0.5, 0.9, 0.99999])
def test_the_normal_quantile_is_scipys(p):
    assert chance.quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-14, abs=1e-15)


def test_normals_are_normal():
    normals, _ = drawn()
    assert stats.kstest(normals, "norm").pvalue > 0.01
    assert abs(np.corrcoef(normals[1:], normals[:-1])[0, 1]) < 4 / np.sqrt(COUNT)


def test_a_normal_times_the_root_of_a_mixture_is_students_t_of_variance_one():
    normals, mixtures = drawn(df=5.0)
    assert stats.kstest(normals * np.sqrt(mixtures) / np.sqrt(3 / 5), "t", args=(5,)).pvalue > 0.01
    assert mixtures.mean() == pytest.approx(1.0, abs=4 * mixtures.std() / np.sqrt(COUNT))


def test_the_check_on_students_t_catches_another_df():
    normals, mixtures = drawn(df=8.0)
    assert stats.kstest(normals * np.sqrt(mixtures) / np.sqrt(3 / 5), "t", args=(5,)).pvalue < 0.01


def test_streams_of_two_names_or_two_seeds_have_nothing_in_common():
    one, _ = drawn(who=0)
    for other in (drawn(who=1)[0], drawn(seed=2)[0]):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(COUNT)
        assert not np.isin(one[:1000], other).any()
