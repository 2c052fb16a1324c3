"""Calibration as numbers, and the classifiers that none of it mends."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from signals import calibration
from signals.calibration import Affine, Isotonic, Platt
from signals.passport import Passport
from tests.signals import passports


def planted(rows: int, a: float, b: float, seed: int = 0):
    """Logits and outcomes whose probability truly is sigmoid(a f + b)."""
    chance = np.random.default_rng(seed)
    f = chance.normal(size=rows)
    return f, (chance.random(rows) < calibration.sigmoid(a * f + b)).astype(float)


def test_the_affine_map_is_least_squares():
    found = calibration.fit_affine(np.array([0.0, 1.0, 2.0, np.nan]), np.array([1.0, 3.0, 5.0, 7.0]))
    assert (found.a, found.b) == pytest.approx((1.0, 2.0))
    assert found.apply(np.array([10.0])).tolist() == pytest.approx([21.0])


def test_in_a_planted_bear_market_the_sign_of_r_hat_filters_as_often_as_the_oracles():
    chance = np.random.default_rng(3)
    oracle = chance.normal(-0.002, 0.004, (2, 20_000))
    raw = 40.0 * oracle + 5.0 + chance.normal(0.0, 0.03, oracle.shape)  # a net's scale: all above zero
    realised = oracle + chance.normal(0.0, 0.015, oracle.shape)
    found = calibration.fit_affine(raw[0], realised[0])  # fitted on the one range, used on the other
    assert (raw[1] > 0.0).all()
    assert abs((found.apply(raw[1]) < 0.0).mean() - (oracle[1] < 0.0).mean()) < 0.05


def test_in_a_planted_market_of_correlation_35_the_gate_at_70_percent_holds_what_it_says():
    chance = np.random.default_rng(4)
    z, noise = chance.normal(size=(2, 40_000))
    rises = (0.35 * z + math.sqrt(1.0 - 0.35**2) * noise > 0.0).astype(float)
    logits = 6.0 * z + 1.0  # far too sure, and biased
    found = calibration.fit_probability(logits[:20_000], rises[:20_000])
    p, came = found.apply(logits[20_000:]), rises[20_000:]
    sure = p > 0.7
    truly = np.array([0.5 * (1.0 + math.erf(0.35 * v / math.sqrt(2.0 * (1.0 - 0.35**2)))) for v in z[20_000:]])
    assert abs(sure.mean() - (truly > 0.7).mean()) < 0.03 and sure.mean() > 0.05
    assert abs(came[sure].mean() - p[sure].mean()) < 0.03 and came[sure].mean() > 0.7


def test_forecasts_that_never_vary_are_mapped_to_the_mean():
    assert calibration.fit_affine(np.ones(4), np.array([1.0, 2.0, 3.0, 4.0])) == Affine(a=2.5, b=0.0)


def test_platt_finds_the_planted_map():
    found = calibration.fit_platt(*planted(50_000, 1.7, -0.4))
    assert (found.a, found.b) == pytest.approx((1.7, -0.4), abs=0.05)


def test_platt_is_where_the_likelihood_of_its_smoothed_targets_is_flat():
    f, y = planted(60, 1.0, 0.3)
    found = calibration.fit_platt(f, y)
    ups = y.sum()
    target = np.where(y > 0.5, (ups + 1) / (ups + 2), 1 / (len(y) - ups + 2))
    slack = target - found.apply(f)
    assert slack.sum() == pytest.approx(0.0, abs=1e-9) and (slack * f).sum() == pytest.approx(0.0, abs=1e-9)


def test_a_separable_sample_gives_finite_numbers():
    found = calibration.fit_platt(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    p = found.apply(np.array([-2.0, 2.0]))
    assert math.isfinite(found.a) and 0.0 < p[0] < 0.3 and 0.7 < p[1] < 1.0


def test_isotonic_rises_where_the_planted_probability_does():
    f, y = planted(20_000, 1.0, 0.0)
    found = calibration.fit_isotonic(f, y)
    at = np.linspace(-1.5, 1.5, 7)
    assert np.abs(found.apply(at) - calibration.sigmoid(at)).max() < 0.04
    assert np.isnan(found.apply(np.array([np.nan]))[0])
    assert found.y[0] > 0.0 and found.y[-1] < 1.0  # no certainty


def test_isotonic_knots_of_four_rows_by_hand():
    found = calibration.fit_isotonic(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert (found.x, found.y) == ((1.0, 2.0, 3.0, 4.0), pytest.approx((1 / 6, 0.5, 0.5, 5 / 6)))


@pytest.mark.parametrize(("rows", "kind"), [(999, Platt), (1000, Isotonic)])
def test_a_rising_function_is_fitted_from_a_thousand_samples_on(rows, kind):
    assert isinstance(calibration.fit_probability(*planted(rows, 1.0, 0.0)), kind)


@pytest.mark.parametrize(
    "found", [Affine(a=0.1, b=0.2), Platt(a=1.0 / 3.0, b=-0.1), Isotonic(x=(0.1, 0.2), y=(0.3, 0.7))]
)
def test_a_calibration_survives_json_to_the_last_bit(found):
    again = type(found).model_validate_json(json.dumps(found.model_dump(mode="json")))
    raw = np.random.default_rng(0).normal(size=100)
    assert again == found and again.apply(raw).tobytes() == found.apply(raw).tobytes()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((), ()),
        ((0.0,), (0.5, 0.6)),
        ((1.0, 0.0), (0.1, 0.2)),
        ((0.0, 0.0), (0.1, 0.2)),
        ((0.0, 1.0), (0.6, 0.2)),
        ((0.0,), (1.5,)),
    ],
)
def test_knots_that_make_no_rising_probability_are_refused(x, y):
    with pytest.raises(ValueError):
        Isotonic(x=x, y=y)


def test_the_prior_of_four_sevenths_has_this_entropy():
    assert calibration.entropy(4 / 7) == pytest.approx(0.682908, abs=5e-7)
    assert calibration.log_loss(np.full(28, 4 / 7), np.array([1.0] * 16 + [0.0] * 12)) == pytest.approx(
        0.682908, abs=5e-7
    )


# What a classifier was seen to do: true and false positives, false and true negatives.
CONFUSIONS = [
    ((10, 7, 6, 5), 0.535714, 0.606061),
    ((1, 2, 15, 10), 0.392857, 0.105263),
    ((16, 12, 0, 0), 0.571429, 0.727273),
]


def rows_of(confusion):
    tp, fp, fn, tn = confusion
    logits = np.array([0.4] * (tp + fp) + [-0.4] * (fn + tn)) + np.linspace(0.0, 0.01, sum(confusion))
    return logits, np.array([1.0] * tp + [0.0] * fp + [1.0] * fn + [0.0] * tn)


@pytest.mark.parametrize(("confusion", "accuracy", "f1"), CONFUSIONS, ids=str)
def test_the_confusions_of_the_original_and_none_of_them_may_trade(confusion, accuracy, f1):
    logits, rises = rows_of(confusion)
    tp, fp, fn, _ = confusion
    assert ((logits > 0.0) == (rises > 0.5)).mean() == pytest.approx(accuracy, abs=5e-7)
    assert 2 * tp / (2 * tp + fp + fn) == pytest.approx(f1, abs=5e-7)
    assert "uninformative" in calibration.constant_or_uninformative(logits, rises)


def test_the_winner_that_said_up_on_every_row_is_constant():
    assert calibration.constant_or_uninformative(*rows_of((16, 12, 0, 0))) == ("constant", "uninformative")


def test_calibration_does_not_mend_a_constant_classifier():
    logits, rises = rows_of((16, 12, 0, 0))
    found = calibration.fit_probability(logits, rises)
    assert found.apply(logits).mean() == pytest.approx(4 / 7, abs=0.03)  # it now looks honest
    passport = passports.classifier(calibration=found, flags=calibration.constant_or_uninformative(logits, rises))
    assert passport.blocked == ("constant", "uninformative")


def test_an_informative_classifier_is_not_flagged():
    assert calibration.constant_or_uninformative(*planted(400, 1.0, 0.0)) == ()


def test_a_classifier_that_is_wrong_on_purpose_is_flagged():
    f, y = planted(400, 1.0, 0.0)
    assert calibration.constant_or_uninformative(-f, y) == ("uninformative",)


def test_of_a_hundred_coins_few_pass_for_classifiers():
    chance = np.random.default_rng(1)
    passed = sum(
        not calibration.constant_or_uninformative(chance.normal(size=200), (chance.random(200) < 0.5) * 1.0)
        for _ in range(100)
    )
    assert passed <= 7  # 2.5 expected: the slope must rise, and beat 95% of chance


def test_outcomes_that_are_all_the_same_say_nothing():
    assert "uninformative" in calibration.constant_or_uninformative(np.linspace(-1, 1, 20), np.ones(20))


def test_a_classifier_without_calibration_is_blocked_and_a_score_is_not():
    assert passports.classifier(calibration=None).blocked == ("uncalibrated",)
    assert passports.rank().blocked == ()


def test_the_stored_passport_knows_the_flags_again():
    passport = passports.classifier(flags=("constant",))
    assert Passport.model_validate_json(passport.text()).blocked == ("constant",)


def test_rows_of_which_nothing_is_known_cannot_be_fitted():
    with pytest.raises(ValueError, match="at least one row"):
        calibration.fit_platt(np.array([np.nan]), np.array([1.0]))
