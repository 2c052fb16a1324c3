"""A search does each trial once, whoever is killed or helps, sees no test range, and hides no trial from the ledger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optuna")

from engine import trials as ledger
from engine.errors import ConfigError
from signals.training import train as training
from signals.training.labels import Labels
from signals.training.material import of_arrays
from signals.training.recipe import read
from signals.training.train import Run
from signals.tuning import study as studies
from signals.tuning.study import Row
from signals.tuning.trial import paper_returns
from tests.signals.training.planted import material
from tests.signals.tuning.searches import TPE, base, said, search, told

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The grid of four, done by one process without interruption."""
    return search(tmp_path_factory.mktemp("whole"), said())


def notes(place: Path) -> dict:
    return {trial.key: trial for trial in ledger.read(place / "runs" / ledger.LEDGER)}


def other(place: Path, kill: str = "-") -> subprocess.Popen:
    words = [sys.executable, "-m", "tests.signals.tuning.searches", str(place), kill]
    return subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def test_a_grid_tries_every_point_once_and_notes_each_in_the_ledger(whole):
    points = [tuple(sorted(row.params.items())) for row in whole.rows]
    assert points == [tuple(sorted(point.items())) for point in said().points()]
    assert [row.state for row in whole.rows] == ["complete"] * 4 and whole.complete
    kept = list(notes(whole.folder).values())
    assert len(kept) == 4 and {trial.kind for trial in kept} == {"tune"}
    first, last = (np.datetime64(day) for day in whole.days["validation"])
    for trial in kept:
        assert np.datetime64(trial.first, "ns").astype("datetime64[D]") == first + 1  # a slice is known the day after
        assert np.datetime64(trial.last, "ns").astype("datetime64[D]") == last + 1
        (row,) = [one for one in whole.rows if one.params.items() <= trial.said.items()]
        assert trial.said["value"] == row.score and trial.said["epochs"] == row.epochs == 3


def test_the_best_recipe_is_written_and_says_what_it_was_chosen_on(whole):
    best = read(whole.folder / "best.yaml")
    least = min(whole.rows, key=lambda row: row.score)
    assert whole.best == least and best.tuned.trials == 4 and best.tuned.score == "validation_loss"
    assert best.model.params["hidden"] == least.params["model.hidden"]
    assert best.training.learning_rate == least.params["training.learning_rate"]
    made = material()
    end = int(np.searchsorted(made.dates, np.datetime64(whole.days["validation"][1])))
    assert best.tuned.until == str(made.dates[end + 2])  # a label looks two slices ahead


def test_a_recipe_is_not_tested_on_what_it_was_chosen_on(whole, tmp_path):
    best = read(whole.folder / "best.yaml")
    run = Run("cpu", today="2024-01-02")
    done = training.train(best, tmp_path / "later", run, material())
    assert done.passport.known_through[:10] >= best.tuned.until
    sooner = read(best, ["split.train=40%", "split.validation=20%"])
    with pytest.raises(ConfigError, match="its parameters were chosen on bars until"):
        training.train(sooner, tmp_path / "sooner", run, material())
    untested = read(best, ["split.train=40%", "split.validation=20%", "split.test=null"])
    passport = training.train(untested, tmp_path / "untested", run, material()).passport
    assert (
        passport.ranges.validation[1]
        < best.tuned.until
        < passport.known_through[:10]
        <= str(np.datetime64(best.tuned.until) + 1)
    )


def test_a_second_search_of_the_same_seed_tries_the_same(whole, tmp_path):
    assert told(search(tmp_path / "again", said())) == told(whole)
    assert told(search(whole.folder, said())) == told(whole)  # and a finished one is not done again


def test_no_trial_sees_the_test_range(whole, tmp_path):
    """Features and labels after the last one that validation may look at are replaced: nothing changes."""
    made = material()
    last = int(np.searchsorted(made.dates, np.datetime64(whole.days["validation"][1])))
    values, label = made.values.copy(), made.labels.values.copy()
    values[:, last + 1 :] = 9.0
    label[last + 1 :] = 0.5
    poisoned = of_arrays(values, Labels(label, label, 2, "open_to_open", "return"), 8, made.dates)
    poisoned = replace(poisoned, fingerprint=made.fingerprint)
    assert told(search(tmp_path / "a", said(), source=lambda one: poisoned)) == told(whole)
    label[last] = label[last][::-1]  # the wrong specimen: one inside validation
    seen = replace(poisoned, labels=Labels(label, label, 2, "open_to_open", "return"))
    assert told(search(tmp_path / "b", said(), source=lambda one: seen)) != told(whole)


def test_a_search_that_was_killed_goes_on_in_the_same_trial_and_ends_the_same(whole, tmp_path):
    dying = other(tmp_path, "1:2")
    dying.communicate(timeout=120)
    assert dying.returncode == -signal.SIGKILL
    assert (tmp_path / "trial-0001" / "fit" / "state.json").exists()
    heard: list[str] = []
    found = search(tmp_path, said(), heard.append)
    assert heard[0].startswith("trial 1 of 4: epoch 3,")  # not trial 0 again, and not its first epochs
    assert told(found) == told(whole)
    assert {key: trial.returns.tobytes() for key, trial in notes(tmp_path).items()} == {
        key: trial.returns.tobytes() for key, trial in notes(whole.folder).items()
    }


def test_two_processes_on_one_storage_do_each_trial_once(whole, tmp_path):
    both = [other(tmp_path) for _ in range(2)]
    lines = [process.communicate(timeout=180)[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    epochs = [line.split(",")[0] for part in lines for line in part]
    assert len(epochs) == len(set(epochs)) == 4 * 3
    assert told(search(tmp_path, said())) == told(whole) and len(notes(tmp_path)) == 4


def test_a_pruned_trial_stops_early_and_is_in_the_ledger(tmp_path):
    wanted = said(
        parameters={"training.learning_rate": [1e-2, 1e-7]}, pruner="median", startup=1, warmup=0, score="rank_ic"
    )
    found = search(tmp_path, wanted)
    good, bad = found.rows
    assert (good.state, bad.state) == ("complete", "pruned") and bad.epochs < good.epochs == 3
    assert found.best == good and len(notes(tmp_path)) == 2
    assert {trial.said["stopped"] for trial in notes(tmp_path).values()} >= {"pruned"}


def test_halving_prunes_too(tmp_path):
    wanted = said(parameters={"training.learning_rate": [1e-2, 3e-3, 1e-7, 2e-7]}, pruner="halving", warmup=1)
    assert "pruned" in {row.state for row in search(tmp_path, wanted).rows}


def test_a_search_by_tpe_proposes_the_same_after_an_interruption(tmp_path):
    wanted = said(search="tpe", parameters=TPE, trials=6, startup=2)
    whole = search(tmp_path / "whole", wanted)
    part = search(tmp_path / "part", said(search="tpe", parameters=TPE, trials=3, startup=2))
    assert len(part.rows) == 3 and told(part) == told(whole)[:3]
    assert told(search(tmp_path / "part", wanted)) == told(whole)
    assert len({tuple(row.params.values()) for row in whole.rows}) == 6
    assert all(
        1e-4 <= row.params["training.learning_rate"] <= 1e-1 and row.params["window"] in (6, 7, 8) for row in whole.rows
    )
    seeded = search(tmp_path / "seeded", said(search="tpe", parameters=TPE, trials=3, startup=2, seed=1))
    assert told(seeded) != told(part)


def test_a_budget_that_is_spent_leaves_the_trial_for_the_next_command(whole, tmp_path):
    ticks = iter(range(10_000))
    found = search(tmp_path, said(budget="6 seconds"), clock=lambda: float(next(ticks)))
    assert not found.complete and found.rows[-1].state == "unfinished"
    assert told(search(tmp_path, said())) == told(whole)


def test_a_folder_of_another_search_is_refused(whole):
    with pytest.raises(ConfigError, match="it holds a search of another recipe, range, grid or other bars"):
        search(whole.folder, said(parameters={"model.hidden": [4, 6]}))
    with pytest.raises(ConfigError, match="another recipe"):
        search(whole.folder, said(), of=base(window=7))


def test_a_sqlite_storage_does_as_the_journal_does(whole, tmp_path):
    pytest.importorskip("sqlalchemy")
    found = search(tmp_path, said(), storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert told(found) == told(whole) and (tmp_path / "study.db").exists()


def test_a_trial_that_cannot_be_fitted_is_told_and_the_others_go_on(tmp_path):
    found = search(tmp_path, said(parameters={"window": [8, 118]}, pruner="none"))
    assert [row.state for row in found.rows] == ["complete", "failed"] and "expected at least 100" in found.rows[1].why


def test_first_fold_judges_before_any_forecast_of_the_walk_forward(tmp_path):
    walk = {"every": "quarterly", "scheme": "rolling", "train": "60 bars", "validation": "20 bars"}
    made = material(slices=200)
    found = search(tmp_path, said(on="first_fold"), of=base(walkforward=walk), source=lambda one: made)
    from signals.training.walkforward import folds_of

    first = folds_of(made, found.recipe)[0]
    assert found.recipe.tuned.until < made.day(first.test.first) and "test" not in found.days


def test_without_optuna_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        ConfigError, match=r"barcast tune needs optuna; install it with: pip install 'barcast\[search\]'"
    ):
        search(tmp_path, said())


def test_what_the_ledger_keeps_is_the_return_of_a_portfolio_by_ranks():
    outputs = np.array([[0.1, 0.5, 0.3, 0.2, 0.4], [2.0, -1.0, np.nan, np.nan, np.nan], [np.nan] * 5])
    returns = np.array([[0.01, 0.05, -0.02, 0.00, 0.03], [0.02, 0.01, 0.5, 0.5, 0.5], [0.1] * 5])
    # ranks 0 4 2 1 3 less 2, gross 6: (-2 x .01 + 2 x .05 + 0 - 0 + 1 x .03) / 6; signs + -, gross 2: (.02 - .01) / 2
    assert paper_returns(outputs, returns) == pytest.approx([0.11 / 6, 0.005, 0.0], abs=1e-15)


def test_a_classifier_is_searched_by_its_accuracy(tmp_path):
    made = material()
    rises = np.where(np.isnan(made.labels.values), np.nan, (made.labels.values > 0.0).astype(float))
    labels = Labels(rises, made.labels.values, 2, "open_to_open", "up")
    changes = {
        "model": {"kind": "direction", "hidden": 4, "layers": 1},
        "loss": {"kind": "direction"},
        "calibrate": "platt",
    }
    of = base(**changes, label={"target": "up"})
    wanted = said(parameters={"model.hidden": [4, 6]}, score="accuracy")
    found = search(tmp_path, wanted, of=of, source=lambda one: replace(made, labels=labels))
    assert [row.state for row in found.rows] == ["complete", "complete"]
    assert found.best.score == max(row.score for row in found.rows) <= 1.0 and len(notes(tmp_path)) == 2


def test_a_foretold_price_is_judged_from_the_last_one():
    prices = np.array(
        [[10.0], [11.0], [12.0], [13.0], [np.nan]]
    )  # what is foretold one slice ahead: closes 9 is not known
    made = replace(material(names=1, slices=5, window=1), labels=Labels(prices, prices, 1, "close", "price"))
    assert made.labels.last(np.array([0, 1, 3])).tolist()[1:] == [[10.0], [12.0]]
    assert np.isnan(made.labels.last(np.array([0]))).all()


def test_the_earliest_of_equals_is_best_and_pruned_ones_never_are():
    rows = [Row(k, {}, state, score, 3, 3, "") for k, (state, score) in enumerate(
        [("failed", None), ("pruned", 0.9), ("complete", 0.5), ("complete", 0.7), ("complete", 0.7)]
    )]  # fmt: skip
    assert studies.best(rows, True).number == 3 and studies.best(rows, False).number == 2
    assert studies.best(rows[:2], True) is None
