"""Realised correlation beside the promised one: by hand, with a planted broken model, and where all is well."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.inuse.series import Estimate
from engine.inuse.skill import EARLY, NOTHING, POOLED, PROMISED, RANK, WORSE, Promise, Skill, needed, pooled, verdict
from tests.inuse.worlds import Says, drawn, opens, told_of, watched

NAN = float("nan")


def test_a_rank_correlation_per_slice_by_hand():
    skill = Skill(0)
    skill.add(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([0.1, 0.2, 0.3, 0.5, 0.4]))  # 1 - 6 x 2 / 120 = .9
    skill.add(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([0.5, 0.4, 0.3, 0.2, 0.1]))  # -1
    skill.add(np.array([1.0, 2.0, 3.0, 4.0, NAN]), np.array([0.5, 0.4, 0.3, 0.2, 0.1]))  # four names: not ranked
    assert skill.measure == RANK and skill.estimate().value == pytest.approx((0.9 - 1.0) / 2)


def test_few_names_are_correlated_over_time():
    rng = np.random.default_rng(1)
    f, y = rng.normal(size=(300, 2)), rng.normal(size=(300, 2))
    y += 0.4 * f
    skill = Skill(0)
    for row, came in zip(5.0 + f, y):
        skill.add(row, came)
    found = skill.estimate()
    assert skill.measure == POOLED
    assert found.value == pytest.approx(np.corrcoef(f.ravel(), y.ravel())[0, 1], abs=1e-12)
    # 600 independent pairs: (1 - r^2) / sqrt(600), Fisher
    assert found.error == pytest.approx((1 - found.value**2) / math.sqrt(600), rel=0.15)


def test_pairs_that_share_a_slice_count_for_less():
    rng = np.random.default_rng(2)
    f, y = np.repeat(rng.normal(size=(400, 1)), 4, axis=1), np.repeat(rng.normal(size=(400, 1)), 4, axis=1)
    skill = Skill(0)
    for row, came in zip(f, y):
        skill.add(row, came)
    assert pooled(skill.sums, 0).error == pytest.approx(1 / math.sqrt(400), rel=0.2)  # and not 1 / sqrt(1600)


def test_forecasts_that_never_vary_have_no_correlation():
    skill = Skill(0)
    for _ in range(10):
        skill.add(np.ones(2), np.array([0.1, -0.1]))
    assert math.isnan(skill.estimate().value) and skill.promise("validation") is None


@pytest.mark.parametrize(
    ("value", "error", "count", "said"),
    [
        (0.05, 0.01, 400, PROMISED),  # the promise, measured sharply
        (0.08, 0.01, 400, PROMISED),  # more than promised
        (0.05, 0.04, 30, EARLY),  # 2.49 errors are more than the promise: nothing could have been told from it
        (-0.05, 0.02, 400, WORSE),  # 4.9 errors below, and look 13 asks for 3.9
        (0.0, 0.02, 400, EARLY),  # 2.4 errors below: not enough for one look among many, and not within two
        (NAN, NAN, 0, EARLY),
    ],
)
def test_what_a_look_says(value, error, count, said):
    promise = Promise(RANK, 0.05, 0.004, 500)
    assert verdict(Estimate(value, error, count), promise, 13) == said


def test_a_promise_of_nothing_is_never_broken():
    assert verdict(Estimate(-0.5, 0.01, 400), Promise(RANK, -0.01, 0.01, 100), 0) == NOTHING
    assert verdict(Estimate(-0.5, 0.01, 400), None, 0) == NOTHING


def test_how_long_it_will_take():
    # .1 / 2.4865 = .0402 against .03 after 50 slices: 50 (.03 / .0402)^2 = 28 of a promise without error
    assert needed(Estimate(0.1, 0.03, 50), Promise(RANK, 0.1, 0.0, 1)) == pytest.approx(
        50 * (0.03 * 2.486475 / 0.1) ** 2
    )
    assert needed(Estimate(0.1, 0.03, 50), Promise(RANK, 0.1, 0.05, 1)) is None


@pytest.mark.parametrize("names", [12, 2], ids=["ranked", "pooled"])
def test_a_model_whose_sign_is_flipped_is_found_out(names):
    rng = np.random.default_rng(3)
    told = told_of(*drawn(rng, 250, names))
    f, y = drawn(rng, 150, names)
    (one,) = watched(Says(told=told), f, opens(y)).told()
    assert one["skill"]["verdict"] in (PROMISED, EARLY) and not one["complaints"]
    flipped = watched(Says(told=told), -f, opens(y))
    (one,) = flipped.told()
    assert one["skill"]["verdict"] == WORSE and one["skill"]["value"] < 0.0 < one["skill"]["promised"]["value"]
    assert list(flipped.conditions()) == ["skill s"]


def test_a_model_that_keeps_its_promise_is_told_so():
    rng = np.random.default_rng(4)
    told = told_of(*drawn(rng, 500, 12))
    f, y = drawn(rng, 250, 12)
    (one,) = watched(Says(told=told), f, opens(y)).told()
    assert one["skill"]["verdict"] == PROMISED
    assert one["skill"]["low"] < one["skill"]["promised"]["value"] < one["skill"]["high"]
