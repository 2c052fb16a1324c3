"""PBO, CPCV, SPA, permutations and random portfolios: pinned conventions, known truths, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import DataError
from risk.overfitting import chance, cpcv
from risk.overfitting.pbo import expected_by_chance, overfitting
from risk.overfitting.spa import superiority
from tests.trust import experiments

TINY = np.array(
    [
        [0.01, 0.02, -0.01],
        [0.02, -0.01, 0],
        [-0.01, 0.03, 0.01],
        [0.03, 0, -0.02],
        [0, 0.01, 0.02],
        [0.01, -0.02, 0.01],
        [0.02, 0.01, 0],
        [-0.02, 0.02, 0.03],
    ]
)


def test_the_smallest_pbo_worked_out_by_hand():
    found = overfitting(TINY, 4)
    assert sorted(found.logits) == pytest.approx([-1.0986123] * 5 + [0.0], abs=1e-7)
    assert found.logits[3] == 0.0
    assert found.pbo == 1.0 and found.strictly == pytest.approx(5 / 6)


def test_pbo_is_what_slow_loops_say():
    """An oracle that cuts, sorts and divides as the paper's steps read."""
    import itertools

    returns = np.random.default_rng(4).standard_normal((60, 7)) * 0.01 + 0.001
    parts = np.split(returns, 6)
    below = 0
    for chosen in itertools.combinations(range(6), 3):
        inside = np.concatenate([parts[k] for k in chosen])
        outside = np.concatenate([parts[k] for k in range(6) if k not in chosen])
        a, b = (x.mean(axis=0) / x.std(axis=0, ddof=1) for x in (inside, outside))
        rank = 1 + (b < b[np.argmax(a)]).sum()
        below += rank / 8 <= 0.5
    assert overfitting(returns, 6).pbo == below / 20


def test_without_skill_pbo_is_a_half_and_more_for_odd_numbers():
    assert experiments.overfits(40, 50, 1000).mean() == pytest.approx(0.5, abs=0.08)
    assert experiments.overfits(40, 50, 1000, correlation=0.9).mean() == pytest.approx(0.475, abs=0.08)
    assert expected_by_chance(5) == 0.6 and expected_by_chance(50) == 0.5
    assert experiments.overfits(200, 5, 400).mean() == pytest.approx(0.6, abs=0.05)


def test_a_real_best_is_still_best_out_of_sample():
    assert overfitting(experiments.sweep(np.random.default_rng(1), 50, 1000, 0.0, planted=4.0), 10).pbo < 0.02


@pytest.mark.parametrize(
    ("returns", "blocks", "said"),
    [
        (np.zeros((100, 1)), 4, "2 strategies or more"),
        (np.zeros((100, 3)), 5, "even number"),
        (np.zeros((4, 3)), 4, "too short"),
        (np.full((100, 3), np.nan), 4, "not known"),
    ],
)
def test_pbo_refuses_what_it_cannot_judge(returns, blocks, said):
    with pytest.raises(DataError, match=said):
        overfitting(returns, blocks)


@pytest.mark.parametrize(("folds", "k", "splits", "paths"), [(6, 2, 15, 5), (10, 2, 45, 9), (10, 8, 45, 36)])
def test_as_many_splits_and_paths_as_the_book_says(folds, k, splits, paths):
    plan = cpcv.plan(600, folds, k)
    assert cpcv.counts(folds, k) == (splits, paths) == (len(plan.splits), plan.paths)


def test_purged_and_embargoed_rows_are_not_learnt_from():
    assert [s.train.tolist() for s in cpcv.plan(12, 3, 2, purge=1).splits] == [[9, 10, 11], [5, 6], [0, 1, 2]]
    assert [s.train.tolist() for s in cpcv.plan(12, 3, 2, embargo=1).splits] == [[9, 10, 11], [5, 6, 7], [0, 1, 2, 3]]
    assert cpcv.plan(12, 3, 2).path.tolist() == [[0, 0], [1, 0], [1, 1]]


def test_every_path_is_put_together_from_forecasts_out_of_sample():
    plan = cpcv.plan(12, 3, 2)
    said = [np.full(12, float(k)) for k in range(3)]
    for split, value in zip(plan.splits, said, strict=True):
        value[split.train] = np.nan  # nothing is read where the split has learnt
    assert cpcv.paths(plan, said).tolist() == [[0] * 8 + [1] * 4, [1] * 4 + [2] * 8]


def test_the_paths_of_one_fixed_forecast_are_refused():
    plan = cpcv.plan(12, 3, 2)
    fixed = np.random.default_rng(1).standard_normal(12)
    with pytest.raises(DataError, match="one per split"):
        cpcv.paths(plan, [fixed])
    with pytest.raises(DataError, match="one fixed forecast"):
        cpcv.paths(plan, [fixed] * 3)
    with pytest.raises(DataError, match="missing"):
        cpcv.paths(plan, [fixed, fixed * 2, np.full(12, np.nan)])


def test_spa_leaves_chance_alone_and_finds_what_is_planted():
    """Short version of scripts/torture overfitting."""
    assert (experiments.superiorities(40, 20, 500, 0.0, 200) <= 0.05).sum() <= 6
    assert (experiments.superiorities(20, 20, 1000, 3.0, 200) <= 0.05).sum() >= 18


def test_spa_is_held_against_a_benchmark():
    rng = np.random.default_rng(3)
    market = 0.01 * rng.standard_normal(800) + 0.002
    same = market[:, None] + 0.005 * rng.standard_normal((800, 5))
    assert superiority(same, reps=300).consistent < 0.01
    assert superiority(same, market, reps=300).consistent > 0.05
    with pytest.raises(DataError, match="SPA"):
        superiority(np.zeros((100, 2)))


def test_a_shuffle_of_names_keeps_every_course_and_gives_it_to_another_name():
    forecast = np.random.default_rng(1).standard_normal((50, 6))
    drawn = chance.shuffled_names(forecast, np.random.default_rng(2))
    source = [next(j for j in range(6) if (drawn[:, i] == forecast[:, j]).all()) for i in range(6)]
    assert sorted(source) == list(range(6)) and all(i != j for i, j in enumerate(source))


def test_who_had_no_view_has_none_after_the_shuffle_and_nobody_loses_one():
    forecast = np.random.default_rng(1).standard_normal((60, 8))
    forecast[20:40, 2] = np.nan
    forecast[30:, 5] = np.nan
    drawn = chance.shuffled_names(forecast, np.random.default_rng(3))
    assert (np.isnan(drawn) == np.isnan(forecast)).all()
    for before, after in zip(forecast, drawn, strict=True):
        assert sorted(before[~np.isnan(before)]) == sorted(after[~np.isnan(after)])


def test_a_shift_in_time_moves_whole_slices_far_enough():
    forecast = np.arange(100.0)[:, None] * np.ones(3)
    forecast[:10] = np.nan
    for seed in range(30):
        drawn = chance.shifted(forecast, np.random.default_rng(seed))
        assert np.isnan(drawn[:10]).all() and sorted(drawn[10:, 0]) == list(range(10, 100))
        moved = (drawn[10, 0] - 10) % 90
        assert 5 <= moved <= 85


def test_a_p_value_counts_the_observed_itself():
    assert chance.p_value(2.0, np.array([1.0, 2.0, 3.0])) == 0.75
    assert chance.p_value(9.0, np.zeros(99)) == 0.01
    assert chance.p_value(1.0, np.array([np.nan])) == 1.0


def trades_of(weights):
    """(keep, add) of weights that are rebalanced at every slice: all is sold and bought again."""
    return np.zeros_like(weights), weights


def test_random_portfolios_have_the_exposure_and_the_turnover_of_the_original():
    rng = np.random.default_rng(5)
    add = np.where(rng.random((200, 12)) < 0.05, 0.1, 0.0)
    keep = np.where(rng.random((200, 12)) < 0.1, 0.5, 1.0)
    still = np.zeros((200, 12))
    ours = chance.walk(keep, add, still, still, chance.itself(still.shape))
    theirs = chance.random_portfolios(keep, add, still, still, 5, np.random.default_rng(1))
    assert theirs.traded == pytest.approx(ours.traded[0]) and theirs.gross == pytest.approx(ours.gross[0])
    returns = 0.01 * rng.standard_normal((200, 12))
    ours = chance.walk(keep, add, returns, still, chance.itself(still.shape))
    theirs = chance.random_portfolios(keep, add, returns, still, 50, np.random.default_rng(1))
    assert theirs.traded.mean() == pytest.approx(ours.traded[0], rel=0.03)
    assert theirs.gross.mean() == pytest.approx(ours.gross[0], rel=0.03)
    assert not np.isclose(theirs.sharpe, ours.sharpe[0]).any()


def test_foresight_beats_every_random_portfolio_and_ignorance_does_not():
    rng = np.random.default_rng(6)
    returns = 0.01 * rng.standard_normal((300, 20))
    wise = np.zeros((300, 20))
    wise[:-1] = np.where(np.argsort(np.argsort(returns[1:], axis=1), axis=1) >= 16, 0.25, 0.0)
    blind = np.where(np.argsort(np.argsort(rng.standard_normal((300, 20)), axis=1), axis=1) >= 16, 0.25, 0.0)
    for weights, best in ((wise, True), (blind, False)):
        ours = chance.walk(*trades_of(weights), returns, 0 * returns, chance.itself(returns.shape))
        null = chance.random_portfolios(*trades_of(weights), returns, 0 * returns, 99, np.random.default_rng(1))
        assert (chance.p_value(ours.sharpe[0], null.sharpe) == 0.01) is best


def test_a_name_that_is_not_there_is_passed_over():
    returns = np.full((6, 3), 0.01)
    returns[3:, 1] = np.nan
    add = np.zeros((6, 3))
    add[0, 0] = 1.0
    for seed in range(5):
        theirs = chance.random_portfolios(np.ones((6, 3)), add, returns, 0 * returns, 1, np.random.default_rng(seed))
        assert theirs.gross == pytest.approx(1.0)


def test_what_is_kept_drifts_and_what_is_cut_is_paid_for():
    """Half in a name that doubles is two thirds; half of that is sold, a third of the book, at 3 %; then it rises by 0.3."""
    keep = np.array([[1.0, 1.0], [0.5, 1.0], [1.0, 1.0]])
    add = np.array([[0.5, 0.5], [0.0, 0.0], [0.0, 0.0]])
    before = np.array([[np.nan, np.nan], [1.0, 0.0], [0.0, 0.0]])
    after = np.array([[0.0, 0.0], [0.0, 0.0], [0.3, 0.0]])
    ours = chance.walk(keep, add, before, after, chance.itself((3, 2)), cost=0.03)
    assert ours.traded == pytest.approx((1 + 1 / 3) / 3)
    gains = np.array([1.5 * 0.99 - 1.0, 0.3 / 3])
    assert ours.sharpe == pytest.approx(gains.mean() / gains.std(ddof=1))
