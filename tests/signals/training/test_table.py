"""The page says first whether a model beats the baselines, and the commands make it end to end on packaged bars."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import engine
from signals.training import baselines, opened, quality, table
from signals.training.intervals import Interval, unknown
from signals.training.labels import Labels
from signals.training.seeds import walk
from signals.training.splits import Span
from signals.training.train import Run
from signals.training.verdict import verdict
from signals.training.walkforward import SAID, Walked, folds_of
from tests.signals.training.planted import material, recipe

ROOT = Path(__file__).resolve().parents[3]
WALK = {"every": "quarterly", "scheme": "rolling", "train": "120 bars", "validation": "40 bars"}
JUDGED = ("rank IC", "{:+.4f}", False)
RUN = Run("cpu", today="2024-01-02")


def gap(value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, "given")


def said(judged, seeds, rest, **gaps):
    """The verdict where the differences to each baseline have these intervals."""
    return verdict(judged, seeds, rest, {name: {judged[0]: gaps.get(name, unknown())} for name in rest})


def test_a_model_that_a_baseline_beats_is_told_so_in_the_first_line():
    rest = {"ridge": {"rank IC": 0.02}, "reversal": {"rank IC": float("nan")}}
    lost = said(JUDGED, [{"rank IC": 0.01}, {"rank IC": 0.02}], rest, ridge=gap(-0.005, -0.02, 0.01))
    assert lost == (
        False,
        "The model does NOT beat the baselines: rank IC +0.0150 against +0.0200 of ridge (difference -0.0050, 95 % -0.0200 to "
        "+0.0100).",
    )
    assert said(JUDGED, [{"rank IC": 0.03}], {}) == (
        None,
        "rank IC +0.0300; no baseline was fitted, so nobody knows whether it is worth having.",
    )


def test_a_lead_counts_where_its_interval_to_every_baseline_lies_above_zero():
    rest = {"ridge": {"rank IC": 0.02}, "reversal": {"rank IC": 0.01}}
    far, near = gap(0.02, 0.005, 0.035), gap(0.01, -0.002, 0.022)
    sure, words = said(JUDGED, [{"rank IC": 0.03}], rest, ridge=gap(0.01, 0.001, 0.019), reversal=far)
    assert sure is True and words.startswith("The model beats every baseline, beyond chance: rank IC +0.0300 against")
    for unsure in ({"ridge": near, "reversal": far}, {"ridge": far, "reversal": near}, {"ridge": far}):
        sure, words = said(JUDGED, [{"rank IC": 0.03}], rest, **unsure)
        assert sure is False and words.startswith("The model is NOT shown to beat the baselines: ahead, but no more")


def test_less_is_better_for_a_loss():
    rest, judged = {"majority": {"log loss": 0.69}, "logistic": {"log loss": 0.68}}, ("log loss", "{:.3f}", True)
    told = said(judged, [{"log loss": 0.685}], rest)[1]
    assert told == "The model does NOT beat the baselines: log loss 0.685 against 0.680 of logistic."
    below = gap(-0.01, -0.015, -0.005)
    sure, told = said(judged, [{"log loss": 0.67}], rest, majority=gap(-0.02, -0.03, -0.01), logistic=below)
    assert sure is True and "(difference -0.010, 95 % -0.015 to -0.005)" in told


def walked(tmp_path, made, forecast, **changes):
    """A walk of one fold over the last 100 slices, which forecast `forecast` (T, N); and its recipe."""
    recipe_of = recipe(walkforward=WALK, **changes)
    rows = np.arange(len(made.times) - 100, len(made.times))
    row, name = np.nonzero(made.known.T[rows])
    columns = {
        "date": made.dates[rows[row]],
        "symbol": [made.symbols[k] for k in name],
        "forecast": forecast[rows[row], name],
    }
    parquet.write_table(pa.table(columns), tmp_path / SAID)
    split = SimpleNamespace(test=Span(int(rows[0]), int(rows[-1]) + 1))
    passport = SimpleNamespace(seed=3, flags=(), blocked=(), weights_sha256="f" * 64)
    return recipe_of, Walked(tmp_path, [split], [passport])


def test_a_lead_inside_chance_is_not_called_a_win_by_the_table(tmp_path, monkeypatch):
    """The baseline is one of two readings of the label through equal noise; the model is the luckier of the two."""
    made = material(slices=330)
    rng = np.random.default_rng(4)
    y = np.nan_to_num(made.labels.values) / 0.014
    one, two = (y + 3.0 * rng.standard_normal(y.shape) for _ in range(2))
    there = np.isfinite(made.labels.values[-100:]).any(axis=1)
    ics = [np.mean([np.corrcoef(f[t], y[t])[0, 1] for t in np.arange(230, 330)[there]]) for f in (one, two)]
    best, rest = (one, two) if ics[0] > ics[1] else (two, one)
    surely = y + 0.3 * rng.standard_normal(y.shape)
    said, lines = {}, {"luck": best, "skill": surely}
    monkeypatch.setattr(baselines, "forecasts", lambda *told: {"other": rest})
    for name, forecast in lines.items():
        place = tmp_path / name
        place.mkdir()
        recipe_of, walk_of = walked(place, made, forecast)
        said[name] = table.page(recipe_of, made, [walk_of], place, RUN).splitlines()[2]
    assert said["luck"].startswith("**The model is NOT shown to beat the baselines: ahead, but no more than chance")
    assert said["skill"].startswith("**The model beats every baseline, beyond chance: rank IC +0.9")


def test_a_classifier_that_says_one_thing_is_called_constant_by_the_table(tmp_path, monkeypatch):
    made = material(slices=330)
    label = np.where(made.labels.values > 0.0, 1.0, 0.0)
    label[-2:] = np.nan
    made = replace(made, labels=Labels(label, made.labels.values, 2, "open_to_open", "up"))
    monkeypatch.setattr(baselines, "forecasts", lambda *told: {"majority": np.full(label.shape, 0.9)})
    changes = {
        "label": {"target": "up"},
        "loss": {"kind": "direction"},
        "calibrate": "none",
        "model": {"kind": "direction"},
    }
    recipe_of, walk_of = walked(tmp_path, made, np.full(label.shape, 0.51), **changes)
    first = table.page(recipe_of, made, [walk_of], tmp_path, RUN).splitlines()[2]
    assert first.startswith("**This classifier is constant: it says up on all 1,176 rows; ")
    assert "It does NOT beat the baselines" in first


def test_the_table_notes_its_look_before_it_measures(tmp_path, monkeypatch):
    made = material(slices=330)
    recipe_of, walk_of = walked(tmp_path, made, np.zeros(made.labels.values.shape))
    earlier = {"at": "2023-01-01T00:00:00Z", "what": "compare-models", "range": [made.day(240), made.day(250)]}
    assert opened.note(tmp_path, earlier) == 1

    def fails(*told):
        raise RuntimeError("half-way")

    monkeypatch.setattr(baselines, "forecasts", fails)
    with pytest.raises(RuntimeError):
        table.page(recipe_of, made, [walk_of], tmp_path, RUN)
    run = RUN._replace(at="2024-02-03T04:05:06Z")
    page = table.page(recipe_of, made, [walk_of], tmp_path, run, with_baselines=False)
    last = opened.looks(tmp_path)[-1]
    assert last == {
        "at": "2024-02-03T04:05:06Z", "what": "walkforward --table", "range": [made.day(230), made.day(327)], "rows": 1176,
        "weights": ["f" * 12],
    }  # fmt: skip
    assert "Its dates have been looked at 3 times." in page


def test_looks_at_ranges_that_share_a_date_are_counted_together(tmp_path):
    def look(first, last):
        return opened.note(tmp_path, {"what": "compare-models", "range": [first, last]})

    assert look("2020-01-01", "2020-12-31") == 1
    assert look("2022-01-01", "2022-12-31") == 1
    assert look("2021-01-01", "2021-12-31") == 1
    assert look("2020-12-31", "2021-01-01") == 3  # it touches the first and the third
    assert look("2019-01-01", "2023-01-01") == 5
    with (tmp_path / opened.LOG).open("a") as file:
        file.write('{"range": "2020-01-01"}\n{"range": [2020, 2021]}\n{"what": "other"}\n[1]\nhalf a li')
    assert len(opened.looks(tmp_path)) == 8 and look("2019-01-01", "2023-01-01") == 6


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
    assert {path.name for path in tmp_path.iterdir()} == {"seed-3", "seed-4", opened.LOG}
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
