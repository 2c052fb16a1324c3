"""The page says first whether a model beats the baselines, and the commands make it end to end on packaged bars."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import engine
from signals.training import baselines, quality, table
from signals.training.seeds import walk
from signals.training.train import Run
from signals.training.walkforward import folds_of
from tests.signals.training.planted import material, recipe

ROOT = Path(__file__).resolve().parents[3]
WALK = {"every": "quarterly", "scheme": "rolling", "train": "120 bars", "validation": "40 bars"}
JUDGED = ("rank IC", "{:+.4f}", False)
CELLS = np.ones((2, 2), np.bool_)


def test_a_model_that_a_baseline_beats_is_told_so_in_the_first_line():
    rest = {"ridge": {"rank IC": 0.02}, "reversal": {"rank IC": float("nan")}}
    lost = table.verdict(JUDGED, [{"rank IC": 0.01}, {"rank IC": 0.02}], rest, CELLS)
    won = table.verdict(JUDGED, [{"rank IC": 0.03}], rest, CELLS)
    assert lost == "**The model does NOT beat the baselines: rank IC +0.0150 against +0.0200 of ridge.**"
    assert "beats every baseline" in won


def test_less_is_better_for_a_loss():
    rest = {"majority": {"log loss": 0.69}, "logistic": {"log loss": 0.68}}
    told = table.verdict(("log loss", "{:.2f}", True), [{"log loss": 0.685}], rest, CELLS)
    assert "does NOT beat the baselines: log loss 0.69 against 0.68 of logistic" in told or "0.68 against 0.68" in told


def test_red_flags_are_told_once_with_the_folds_that_have_them():
    def fold(seed, *flags, blocked=()):
        return SimpleNamespace(seed=seed, flags=flags, blocked=blocked)

    silent = {"blocked": ("uninformative",)}
    walks = [
        SimpleNamespace(passports=[fold(7), fold(7, "uninformative", **silent), fold(7, "uninformative", **silent)]),
        SimpleNamespace(passports=[fold(8, "budget"), fold(8), fold(8, "uninformative", **silent)]),
    ]
    assert table.flagged(walks)[3:] == [
        "- uninformative, says nothing: 3 of 6 folds (seed 7 fold 1, 2; seed 8 fold 2)",
        "- budget: 1 of 6 folds (seed 8 fold 0)",
    ]
    assert table.flagged(walks[:0]) == []


def test_a_rank_correlation_has_an_interval_of_two_standard_errors():
    found = quality.Estimate(0.02, 0.01, 500)
    assert (found.low, found.high) == pytest.approx((0.02 - 0.01959964, 0.02 + 0.01959964))
    made = material(slices=330)
    told = table.ranked(made, made.labels.values + 0.01, np.isfinite(made.labels.values))
    assert told["rank IC"] == pytest.approx(1.0)
    assert told["rank IC low"] <= told["rank IC"] <= told["rank IC high"]


def test_ridge_finds_the_weights_that_made_the_labels():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4000, 3)).astype(np.float32)
    y = x @ np.array([1.0, -2.0, 0.0]) + 0.1 * rng.standard_normal(4000)
    told = baselines.ridge(x[:3000], y[:3000], x[3000:3500], y[3000:3500], x[3500:])
    assert np.corrcoef(told, y[3500:])[0, 1] > 0.99


def test_a_baseline_forecasts_test_ranges_only_and_finds_the_planted_column():
    made, said = material(slices=330), recipe(walkforward=WALK)
    found = folds_of(made, said)
    told = baselines.forecasts(made, said, found)
    tested = np.zeros(330, np.bool_)
    for split in found:
        tested[split.test.rows] = True
    assert set(told) == {"one-day reversal", "ridge", "boosted trees"}
    assert np.isnan(told["ridge"][~tested]).all()
    both = np.isfinite(told["ridge"]) & np.isfinite(made.labels.values)
    assert np.corrcoef(told["ridge"][both], made.labels.values[both])[0, 1] > 0.5


def test_seeds_are_walked_in_folders_of_their_own_and_their_spread_is_told(tmp_path, monkeypatch):
    said = recipe(["training.epochs=1"], walkforward=WALK)
    monkeypatch.setattr("signals.training.material.material", lambda *told: material(slices=330))
    page = walk(said, tmp_path, Run("cpu"), 2)
    assert {path.name for path in tmp_path.iterdir()} == {"seed-3", "seed-4"}
    assert page.splitlines()[0] == "# small" and "±" in page and "model, 2 seeds" in page


SMALL = ["training.epochs=1", "walkforward.first=2021-01-01", "training.date_stride=20", "data.start=2012-01-01"]


@pytest.mark.parametrize("config", ["rank-small"])
def test_from_a_recipe_to_a_backtest_of_out_of_sample_forecasts(tmp_path, config):
    out = tmp_path / "models"
    sets = [word for one in SMALL for word in ("--set", one)]
    command = [
        sys.executable,
        "-m",
        "signals.training.walkforward",
        f"configs/demo/{config}.yaml",
        "--out",
        str(out),
        *sets,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-800:]
    told = json.loads((out / "walkforward.json").read_text())["folds"]
    assert [one["ranges"]["test"][0][:4] for one in told] == ["2021", "2022"]
    result = engine.backtest(
        ROOT / "configs/demo/rank-small-quintile.yaml",
        sets=[f"signals.rank.model={out}", "data.start=2019-01-01"],
    )
    traded = result.fills.get("date", result.fills.index)
    assert len(result.fills) > 0 and str(min(traded)) >= "2021-01-04"
