"""Intervals by hand, against other people's, and wide enough where names move together."""

from __future__ import annotations

import math

import numpy as np
import pytest

from signals.training import intervals, measured, targets
from signals.training.intervals import Interval


def test_the_error_of_the_published_auc():
    assert intervals.auc_error(0.5521, 16, 12) == pytest.approx(0.11092, abs=5e-6)


def test_the_auc_is_scikit_learns_and_its_interval_holds_hanley_and_mcneils():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(2)
    p = np.round(rng.random(400), 2)
    rises = rng.random(400) < p
    found = intervals.auc_of(p, rises, np.arange(0, 401, 20))
    assert found.value == pytest.approx(roc_auc_score(rises, p))
    half = intervals.Z * intervals.auc_error(found.value, int(rises.sum()), int((~rises).sum()))
    assert found.low <= found.value - half + 1e-12 and found.high >= found.value + half - 1e-12


def test_twenty_names_that_move_as_one_are_one_name():
    """40 dates, 20 names that all hit or all miss: Wilson takes 800 rows for 800 facts; the interval of 40 dates is wider."""
    day = np.random.default_rng(5).random(40) < 0.55
    hits = np.repeat(day, 20)
    alone = intervals.wilson(int(hits.sum()), 800)
    found = intervals.share(hits, np.arange(0, 801, 20))
    assert found.value == day.mean()
    assert found.high - found.low > 3.0 * (alone[1] - alone[0])


def test_independent_rows_of_one_name_have_wilsons_interval():
    found = intervals.share(np.arange(28) < 16, np.arange(29))
    assert (found.low, found.high) == pytest.approx((0.39071, 0.73491), abs=5e-6) and found.how == "Wilson"


def test_drawn_dates_give_the_error_of_a_mean_and_the_same_draws_every_time():
    x = np.random.default_rng(3).standard_normal(2000)
    sums = np.stack((np.ones(2000), x), axis=1)
    one, two = (intervals.blocks(sums, lambda s: s[:, 1] / s[:, 0]) for _ in range(2))
    assert one == two and one.value == pytest.approx(x.mean())
    assert one.error == pytest.approx(x.std() / math.sqrt(2000), rel=0.1)


def test_a_persistent_series_has_a_wider_interval_than_its_shuffled_self():
    rng = np.random.default_rng(4)
    x = np.repeat(rng.standard_normal(100), 10)
    ratio = [
        intervals.blocks(np.stack((np.ones(1000), y), axis=1), lambda s: s[:, 1] / s[:, 0], 10).error
        for y in (x, rng.permutation(x))
    ]
    assert ratio[0] > 2.0 * ratio[1]


def test_one_date_has_no_interval_and_no_date_no_value():
    one = intervals.blocks(np.array([[2.0, 6.0]]), lambda s: s[:, 1] / s[:, 0])
    assert one.value == 3.0 and math.isnan(one.low)
    assert math.isnan(intervals.blocks(np.zeros((0, 2)), lambda s: s[:, 1] / s[:, 0]).value)


@pytest.mark.parametrize(
    ("low", "high", "less", "state"),
    [
        (0.61, 0.70, False, "met"), (0.60, 0.70, False, "met"), (0.55, 0.65, False, "undecidable"),
        (0.50, 0.59, False, "missed"), (0.50, 0.60, False, "undecidable"),
        (0.50, 0.60, True, "met"), (0.61, 0.70, True, "missed"), (0.55, 0.65, True, "undecidable"),
        (math.nan, math.nan, False, "undecidable"),
    ],
)  # fmt: skip
def test_a_target_of_60_percent_is_met_only_by_a_whole_interval(low, high, less, state):
    assert targets.judged(0.60, Interval((low + high) / 2, low, high, ""), less) == state


def test_targets_that_only_a_backtest_knows_are_not_measured():
    rows = targets.all_of({"accuracy": (0.6, 0.65), "sharpe": (1.3,)}, {"accuracy": Interval(0.63, 0.61, 0.64, "")})
    assert [(row["measure"], row["step"], row["state"]) for row in rows] == [
        ("accuracy", "minimum", "met"), ("accuracy", "target", "missed"), ("sharpe", "minimum", "not measured"),
    ]  # fmt: skip
    assert targets.lines(rows) == [
        "- accuracy 0.6300 [0.6100, 0.6400]: 0.6 met, 0.65 missed",
        "- sharpe: not measured here (a backtest tells)",
    ]


def test_a_drawdown_has_no_interval_and_so_decides_nothing():
    found = {"max_drawdown": Interval(0.10, math.nan, math.nan, "")}
    for rows in (
        targets.all_of({"max_drawdown": (0.15,)}, found),
        [{"measure": "max_drawdown", "wanted": 0.15, "value": 0.1, "low": None, "high": None, "state": "undecidable"}],
    ):
        assert targets.lines(rows) == ["- max_drawdown 0.1000, no interval: 0.15 undecidable"]


def test_measures_of_classes_agree_with_the_table_of_measures():
    from signals.training import quality

    rng = np.random.default_rng(6)
    p = rng.random(600)
    rises = rng.random(600) < 0.3 + 0.4 * p
    found, told = measured.classes(p, rises, np.arange(0, 601, 6)), quality.classified(p, rises)
    same = {"log loss": "log_loss", "balanced": "balanced", "F1": "f1", "MCC": "mcc", "Brier": "brier", "accuracy": "accuracy",
            "AUC": "auc", "precision": "precision", "recall": "recall"}  # fmt: skip
    for name, key in same.items():
        assert found[name].value == pytest.approx(getattr(told, key)), name
        assert found[name].low < found[name].value < found[name].high, name
    assert found["less entropy"].value == pytest.approx(told.log_loss - told.entropy)
