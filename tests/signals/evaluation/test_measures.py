"""Classes, orders and prices measured by hand and against scikit-learn and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from signals.evaluation import ranking
from signals.evaluation.classes import classification, confusion, flags
from signals.training import paired, table
from signals.training.intervals import Interval
from signals.training.labels import Labels
from signals.training.material import of_arrays
from tests.signals.training.planted import days


def made_of(label, kind="open_to_open", target="return", reach=2, returns=None):
    """The Material of (T, N) labels alone."""
    label = np.asarray(label, np.float64)
    values = np.zeros((label.shape[1], len(label), 1), np.float32)
    told = Labels(label, label if returns is None else np.asarray(returns, np.float64), reach, kind, target)
    return of_arrays(values, told, 1, days(len(label)))


def test_the_net_that_said_up_28_times_is_called_constant():
    """16 of 28 rose, all were called up: accuracy 4/7, F1 8/11, and nothing learned."""
    rises = np.arange(28) % 7 < 4
    told = classification(np.full(28, 0.62), rises, np.arange(29))
    assert rises.sum() == 16
    assert told["measures"]["accuracy"] == pytest.approx(0.571429, abs=5e-7)
    assert told["measures"]["f1"] == pytest.approx(0.727273, abs=5e-7)
    accuracy = told["confusion"]["shares"]["accuracy"]
    assert (accuracy["low"], accuracy["high"]) == pytest.approx((0.39071, 0.73491), abs=5e-6)
    assert told["flags"][0].startswith("constant: it says up on all 28 rows; 16 went up")
    assert [flag.split(":")[0] for flag in told["flags"]] == ["constant", "flat", "uninformative"]
    assert told["reliability"] is None


@pytest.mark.parametrize(("tp", "fp", "fn", "tn", "accuracy", "f1"), [(10, 7, 6, 5, 0.535714, 0.606061), (1, 2, 15, 10, 0.392857, 0.105263)])  # fmt: skip
def test_the_published_confusions(tp, fp, fn, tn, accuracy, f1):
    p = np.array([0.6] * (tp + fp) + [0.4] * (fn + tn))
    rises = np.array([True] * tp + [False] * fp + [True] * fn + [False] * tn)
    told = classification(p, rises, np.arange(29))
    assert told["measures"]["accuracy"] == pytest.approx(accuracy, abs=5e-7)
    assert told["measures"]["f1"] == pytest.approx(f1, abs=5e-7)
    assert not [flag for flag in told["flags"] if flag.startswith(("constant", "flat"))]


def test_a_classifier_that_knows_something_raises_no_flag():
    rng = np.random.default_rng(1)
    p = rng.uniform(0.2, 0.8, 2000)
    rises = rng.random(2000) < p
    assert flags(p, rises) == []
    bins = [one for one in classification(p, rises, np.arange(2001))["reliability"]["bins"] if one["count"]]
    assert sum(one["count"] for one in bins) == 2000 and len(bins) == 6
    assert all(one["low"] < one["forecast"] < one["high"] for one in bins)


def test_shares_of_the_confusion_agree_with_scikit_learn():
    from sklearn import metrics

    rng = np.random.default_rng(2)
    p, rises = rng.random(500), rng.random(500) < 0.45
    said, told = p >= 0.5, confusion(p, rises)
    assert [told[k] for k in ("tn", "fp", "fn", "tp")] == metrics.confusion_matrix(rises, said).ravel().tolist()
    shares = {name: one["value"] for name, one in told["shares"].items()}
    assert shares["precision"] == pytest.approx(metrics.precision_score(rises, said))
    assert shares["recall"] == pytest.approx(metrics.recall_score(rises, said))
    assert shares["specificity"] == pytest.approx(metrics.recall_score(~rises, ~said))


def test_returns_ahead_are_compounded_and_end_with_the_data():
    r = np.array([[0.1], [0.2], [-0.5], [0.0]])
    np.testing.assert_allclose(ranking.ahead(r, 2, 1)[:3, 0], [0.32, -0.4, -0.5])
    assert np.isnan(ranking.ahead(r, 2, 1)[3, 0])
    np.testing.assert_allclose(ranking.ahead(r, 2, 2)[:2, 0], [1.1 * 0.5 - 1.0, 1.2 - 1.0])


def test_returns_ahead_of_a_panel_are_those_of_its_opens():
    from signals.training.labels import returns

    class Bars:
        open = np.cumprod(1.0 + 0.01 * np.random.default_rng(3).standard_normal((60, 4)), axis=0)
        close = open

    for times in (2, 5):
        np.testing.assert_allclose(
            ranking.ahead(returns(Bars, "open_to_open", 1), times, 1), returns(Bars, "open_to_open", times), atol=1e-12
        )


def test_daily_correlations_are_scipys_and_their_percentiles_numpys():
    from scipy import stats

    rng = np.random.default_rng(4)
    y = 0.01 * rng.standard_normal((80, 12))
    f = y + 0.02 * rng.standard_normal((80, 12))
    told = ranking.ranking(made_of(y), f, np.ones(y.shape, bool), 1)
    rank = [stats.spearmanr(a, b).statistic for a, b in zip(f, y)]
    plain = [stats.pearsonr(a, b).statistic for a, b in zip(f, y)]
    assert told["daily"]["rank IC"]["mean"] == pytest.approx(np.mean(rank))
    assert told["daily"]["IC"]["percentiles"]["5"] == pytest.approx(np.percentile(plain, 5))
    assert told["daily"]["IC"]["ratio"] == pytest.approx(np.mean(plain) / np.std(plain))
    assert told["decay"][0]["IC"] == pytest.approx(np.mean(plain))
    assert [row["slices"] for row in told["decay"]] == [1, 2, 5, 10, 20]
    assert told["decay"][4]["dates"] == 61
    assert told["hit rate"]["value"] == np.mean((f > 0) == (y > 0))


def test_a_forecast_of_one_slice_decays_and_one_of_twenty_does_not():
    y = 0.01 * np.random.default_rng(5).standard_normal((400, 30))
    told = ranking.ranking(made_of(y), y, np.ones(y.shape, bool), 1)
    ic = [row["IC"] for row in told["decay"]]
    assert ic[0] == pytest.approx(1.0) and ic[4] == pytest.approx(1 / math.sqrt(20), abs=0.02)


def test_fifths_hold_what_was_foretold_and_what_came():
    y = np.tile(np.arange(10.0) - 4.5, (6, 1))
    told = ranking.ranking(made_of(y), 2.0 * y, np.ones(y.shape, bool), 1)
    assert [row["predicted"] for row in told["fifths"]] == [-8.0, -4.0, 0.0, 4.0, 8.0]
    assert [row["realised"] for row in told["fifths"]] == [-4.0, -2.0, 0.0, 2.0, 4.0]
    assert [row["hit rate"] for row in told["fifths"]] == [1.0] * 5
    assert told["spread"]["forecasts"] == pytest.approx(2.0 * told["spread"]["outcomes"])


def test_quarters_are_those_of_the_calendar():
    y = np.random.default_rng(6).standard_normal((100, 8))  # 2010-01-04 on, business days
    told = ranking.ranking(made_of(y), y, np.ones(y.shape, bool), 1)
    assert [(q["period"], q["dates"]) for q in told["by_quarter"]] == [("2010 Q1", 63), ("2010 Q2", 37)]
    assert [q["period"] for q in told["by_year"]] == ["2010"]


def test_one_name_is_measured_over_time():
    y = np.random.default_rng(7).standard_normal((200, 1))
    told = ranking.ranking(made_of(y), y, np.ones(y.shape, bool), 1)
    assert not told["across"] and "daily" not in told
    assert told["decay"][0]["rank IC"] == pytest.approx(1.0) and len(told["fifths"]) == 5


def test_models_are_paired_by_date_and_the_better_one_is_found():
    rng = np.random.default_rng(8)
    y = 0.01 * rng.standard_normal((250, 20))
    cells = np.ones(y.shape, bool)
    good, bad = (y + s * 0.01 * rng.standard_normal(y.shape) for s in (2.0, 20.0))
    made = made_of(y)
    there, back = paired.ranked(made, [good], [bad], cells), paired.ranked(made, [bad], [good], cells)
    assert paired.better(there["rank IC"], less=False) == "first"
    assert paired.better(back["rank IC"], less=False) == "second"
    assert there["IC"].value == pytest.approx(-back["IC"].value)
    same = paired.ranked(made, [good], [good], cells)["rank IC"]
    assert same.value == 0.0 and paired.better(same, less=False) == "within chance"


def test_the_difference_of_two_noises_is_chance_about_19_times_in_20():
    rng = np.random.default_rng(9)
    chance = 0
    for _ in range(60):
        y = rng.standard_normal((120, 15))
        one, two = rng.standard_normal((2, 120, 15))
        gap = paired.ranked(made_of(y), [one], [two], np.ones(y.shape, bool))["rank IC"]
        chance += paired.better(gap, less=False) == "within chance"
    assert 51 <= chance <= 60


def test_log_loss_accuracy_and_brier_are_paired_too():
    rises = np.array([[1.0], [0.0], [1.0], [0.0]] * 30)
    made = made_of(rises, target="up")
    sure, torn = np.where(rises > 0.5, 0.8, 0.2), np.full(rises.shape, 0.5)
    gap = paired.classified(made, [sure], [torn], np.ones(rises.shape, bool))
    assert gap["log loss"].value == pytest.approx(math.log(0.5) - math.log(0.8))
    assert gap["accuracy"].value == pytest.approx(0.5) and gap["Brier"].value == pytest.approx(0.04 - 0.25)
    assert paired.better(gap["log loss"], less=True) == "first"


def test_prices_stand_beside_the_last_price():
    """Last price 10, 11, 12 ...; it comes 11, 12, 13 ...: foretelling the last is wrong by 1 each time."""
    close = np.arange(10.0, 40.0)[:, None]
    label = np.full(close.shape, np.nan)
    label[:-1] = close[1:]
    made = made_of(label, "close", "price", reach=1)
    cells = np.isfinite(label)
    cells[:1] = False
    last, ours = close.copy(), label + 0.5
    ours[5] = -1.0
    cells[5] = False
    told = table.priced(made, ours, cells)
    assert told["MAE"] == told["RMSE"] == told["bias"] == 0.5 and told["negative"] == 0.0
    gap = paired.priced(made, [ours], [last], cells)
    assert gap["RMSE"].value == pytest.approx(-0.5) and paired.better(gap["MAE"], less=True) == "first"


def test_better_needs_a_whole_interval():
    assert paired.better(Interval(0.1, 0.0, 0.2, ""), less=False) == "within chance"
    assert paired.better(Interval(0.1, math.nan, math.nan, ""), less=False) == "not known"
