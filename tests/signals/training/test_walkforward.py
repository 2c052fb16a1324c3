"""A walk-forward forecasts only what came after each fit, is resumed fold by fold, and its models read back the same."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from engine.errors import ConfigError, DataError
from signals import folder
from signals.passport import read_text
from signals.training import cells
from signals.training import train as training
from signals.training import walkforward as walking
from signals.training.labels import Labels
from signals.training.material import of_arrays
from signals.training.train import Run
from signals.walked import places_of
from tests.signals.training.planted import days, material, recipe

WALK = {"every": "quarterly", "scheme": "rolling", "train": "120 bars", "validation": "40 bars"}
RUN = Run("cpu", today="2024-01-02")
SMALL = ["training.epochs=2"]


def made(slices: int = 330):
    return material(slices=slices)


def rows_of(place) -> dict:
    table = parquet.read_table(place / walking.FORECASTS)
    return {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}


def test_every_forecast_is_of_a_date_after_all_its_model_knows(tmp_path):
    here, said = made(), recipe(SMALL, walkforward=WALK)
    walked = walking.walkforward(said, tmp_path, RUN, made=here)
    rows = rows_of(tmp_path)
    told = json.loads((tmp_path / walking.INDEX).read_text())["folds"]
    assert len(told) == len(walked.splits) >= 2
    for k, one in enumerate(told):
        first = rows["date"][rows["fold"] == k].min()
        assert np.datetime64(one["known_through"][:-1]) <= np.datetime64(one["valid_from"][:-1])
        assert np.datetime64(one["valid_from"][:-1]) < first.astype("datetime64[s]") + np.timedelta64(1, "D")
        assert one["ranges"]["validation"][1] < one["ranges"]["test"][0] == str(first.astype("datetime64[D]"))
        reach = np.searchsorted(here.dates, np.datetime64(one["ranges"]["validation"][1])) + 2
        assert np.datetime64(one["known_through"][:-1]) == here.dates[reach] + np.timedelta64(1, "D")
        assert here.dates[reach] < first
    pairs = list(zip(rows["date"], rows["symbol"]))
    assert len(set(pairs)) == len(pairs)


def test_changing_what_comes_after_a_fold_changes_neither_its_model_nor_its_forecasts(tmp_path):
    """Bars after the first fold's test range: its weights are the same to the bit, and so are its forecasts."""
    here, said = made(), recipe(SMALL, walkforward=WALK)
    split = walking.folds_of(here, said)[0]
    values, label = here.values.copy(), here.labels.values.copy()
    values[:, split.test.stop :] = 9.0
    label[split.test.first :] = 0.5
    other = of_arrays(values, Labels(label, label, 2, "open_to_open", "return"), said.window, here.dates)
    for name, one in (("a", here), ("b", other)):
        walking.fold(one, said, split, 0, tmp_path / name, RUN)
    a, b = (folder.read_passport(tmp_path / name / "fold-000") for name in "ab")
    assert a.weights_sha256 == b.weights_sha256 and a.scaler == b.scaler and a.calibration == b.calibration
    rows = [parquet.read_table(tmp_path / name / "fold-000" / walking.FORECASTS) for name in "ab"]
    assert rows[0].equals(rows[1])


def test_labels_that_are_seen_do_change_the_model(tmp_path):
    """The wrong specimen of the test before: bars inside the training range."""
    here, said = made(), recipe(SMALL, walkforward=WALK)
    split = walking.folds_of(here, said)[0]
    label = here.labels.values.copy()
    label[split.train.stop - 1] = label[split.train.stop - 1][::-1]
    other = of_arrays(here.values, Labels(label, label, 2, "open_to_open", "return"), said.window, here.dates)
    for name, one in (("a", here), ("b", other)):
        walking.fold(one, said, split, 0, tmp_path / name, RUN)
    a, b = (folder.read_passport(tmp_path / name / "fold-000") for name in "ab")
    assert a.weights_sha256 != b.weights_sha256


def test_a_finished_fold_is_not_fitted_again_and_a_broken_one_is(tmp_path):
    here, said, heard = made(), recipe(SMALL, walkforward=WALK), []
    run = RUN._replace(say=heard.append)
    walking.walkforward(said, tmp_path, run, made=here)
    before = (tmp_path / walking.FORECASTS).read_bytes()
    (tmp_path / "fold-001" / folder.WEIGHTS).write_bytes(b"nothing")
    heard.clear()
    walking.walkforward(said, tmp_path, run, made=here)
    assert any("1 to fit" in line for line in heard)
    assert {line.split(":")[0] for line in heard if "epoch" in line} == {"small fold 1"}
    assert (tmp_path / walking.FORECASTS).read_bytes() == before


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """A walk of two folds or more, its Material and recipe."""
    here, said = made(), recipe(SMALL, walkforward=WALK)
    place = tmp_path_factory.mktemp("walk")
    walking.walkforward(said, place, RUN, made=here)
    return place, here, said


@pytest.fixture
def copy(walk, tmp_path):
    return shutil.copytree(walk[0], tmp_path / "copy")


def fitted(said, place, here) -> set[str]:
    """Walk, and the folds that were fitted for it."""
    heard = []
    walking.walkforward(said, place, RUN._replace(say=heard.append), made=here)
    return {line.split(":")[0] for line in heard if "epoch" in line}


def older(place):
    """As folds and their index were written that told no sha256 of their tables."""
    for path in (place / walking.INDEX, *place.glob(f"fold-*/{walking.DONE}")):
        told = json.loads(path.read_text())
        del told["files"]
        path.write_text(json.dumps(told))


def test_a_fold_with_other_forecasts_than_it_wrote_is_fitted_again(walk, copy):
    before = (copy / walking.FORECASTS).read_bytes()
    path = copy / "fold-000" / walking.FORECASTS
    table = parquet.read_table(path)
    parquet.write_table(table.set_column(2, "forecast", pa.array(np.full(len(table), 9.0))), path)
    assert fitted(walk[2], copy, walk[1]) == {"small fold 0"}
    assert (copy / walking.FORECASTS).read_bytes() == before


def test_a_fold_whose_forecasts_are_cut_off_or_of_other_columns_is_fitted_again_also_if_it_is_older(walk, copy):
    older(copy)
    before = (copy / walking.FORECASTS).read_bytes()
    path = copy / "fold-000" / walking.FORECASTS
    path.write_bytes(path.read_bytes()[:-20])
    other = copy / "fold-001" / walking.SAID
    parquet.write_table(pa.table({"x": [1]}), other)
    assert fitted(walk[2], copy, walk[1]) == {"small fold 0", "small fold 1"}
    assert (copy / walking.FORECASTS).read_bytes() == before


def test_an_older_walk_that_is_whole_is_taken_as_it_is_and_told_with_its_sha256_from_then_on(walk, copy):
    older(copy)
    said = cells.read(copy / walking.SAID, walk[1])
    assert places_of(copy) and np.isfinite(said).any()
    assert fitted(walk[2], copy, walk[1]) == set()
    assert (copy / walking.INDEX).read_bytes() == (walk[0] / walking.INDEX).read_bytes()


def test_a_walk_with_fewer_folds_speaks_by_those_only_and_loses_none(walk, copy):
    _, here, said = walk
    folds = json.loads((copy / walking.INDEX).read_text())["folds"]
    names = [copy / one["folder"] for one in folds]
    assert list(places_of(copy)) == names
    last = folds[-2]["ranges"]["test"][1]
    short = recipe(SMALL, walkforward={**WALK, "last": last})
    assert fitted(short, copy, here) == set()
    assert list(places_of(copy)) == names[:-1] and names[-1].is_dir()
    assert fitted(said, copy, here) == set() and list(places_of(copy)) == names


def test_a_walk_that_another_recipe_stopped_in_the_middle_of_says_nothing(walk, copy):
    def say(text):
        if text.startswith("small fold 1"):
            raise KeyboardInterrupt

    other = recipe([*SMALL, "training.learning_rate=0.01"], walkforward=WALK)
    with pytest.raises(KeyboardInterrupt):
        walking.walkforward(other, copy, RUN._replace(say=say), made=walk[1])
    with pytest.raises(folder.ModelError, match=r"tells of other models than lie there \(fold-000\)"):
        places_of(copy)
    (copy / walking.INDEX).unlink()  # a first walk that never came to its end
    with pytest.raises(
        folder.ModelError, match="an unfinished walk-forward over an older one: fold-001 has another recipe"
    ):
        places_of(copy)
    walking.walkforward(other, copy, RUN, made=walk[1])
    assert len(places_of(copy)) == len(places_of(walk[0]))


def test_a_walk_that_is_stopped_before_its_first_model_leaves_the_older_one_as_it_was(walk, copy):
    def say(text):
        if "epoch 1/" in text:
            raise KeyboardInterrupt

    before = places_of(copy)
    other = recipe([*SMALL, "training.learning_rate=0.01"], walkforward=WALK)
    with pytest.raises(KeyboardInterrupt):
        walking.walkforward(other, copy, RUN._replace(say=say), made=walk[1])
    assert places_of(copy) == before


def test_folds_of_two_sections_that_no_index_tells_of_are_no_signal(walk, copy):
    (copy / walking.INDEX).unlink()
    assert places_of(copy)
    path = copy / "fold-001" / walking.DONE
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "walk": {**told["walk"], "train": "100 bars"}}))
    with pytest.raises(folder.ModelError, match="section walkforward than fold-000"):
        places_of(copy)


def changed(told: dict, what: str) -> str:
    fold = told["folds"][0]
    if what == "weights":
        fold["weights_sha256"] = "0" * 64
    elif what == "elsewhere":
        fold["folder"] = "../fold-000"
    elif what == "gone":
        fold["folder"] = "fold-077"
    elif what == "twice":
        told["folds"].append(fold)
    elif what == "no folds":
        told["folds"] = []
    elif what == "deep":
        return "[" * 100_000
    elif what == "a list":
        return "[]"
    elif what == "newer":
        told["format"] = 2
    return json.dumps(told)


WRONG = {
    "weights": "tells of other models than lie there",
    "elsewhere": "without the name of its folder",
    "gone": "tells of fold-077, and it is not there",
    "twice": "a fold stands twice",
    "no folds": "no folds",
    "deep": "nested too deeply",
    "a list": "no object",
    "newer": "format 2",
}


@pytest.mark.parametrize("what", WRONG)
def test_folds_are_taken_as_the_index_tells_them_or_not_at_all(copy, what):
    path = copy / walking.INDEX
    path.write_text(changed(json.loads(path.read_text()), what))
    with pytest.raises(folder.ModelError, match=WRONG[what]) as told:
        places_of(copy)
    assert "\n" not in str(told.value)


def test_on_intraday_bars_forecasts_stand_at_the_slices_they_were_made_on(tmp_path):
    """A random walk with three slices a day, of which the model sees the last returns: it can foretell nothing."""
    rng = np.random.default_rng(5)
    n, t = 30, 600
    earned = rng.standard_normal((t + 1, n))
    values = np.stack([earned[:-1].T, rng.standard_normal((n, t))], axis=2).astype(np.float32)
    label = 0.01 * earned[1:]
    plain = of_arrays(values, Labels(label, label, 1, "open_to_open", "return"), 8, days(t))
    dates = days(t)[np.arange(t) // 3]
    times = dates.astype("datetime64[ns]").astype(np.int64) + (10 + np.arange(t) % 3) * 3_600_000_000_000
    here = replace(plain, dates=dates, times=times)
    said = recipe(SMALL, walkforward={**WALK, "train": "150 bars", "validation": "60 bars"})
    walked = walking.walkforward(said, tmp_path, RUN, made=here)
    ours = cells.read(tmp_path / walking.FORECASTS, here)
    rows = np.concatenate([split.test.rows for split in walked.splits])
    again = [
        training.read_back(tmp_path / walking.name_of(k), here, said, s.test.rows) for k, s in enumerate(walked.splits)
    ]
    assert np.allclose(ours[rows], np.concatenate(again), atol=1e-6)
    assert len(rows) > 120 and np.isnan(np.delete(ours, rows, axis=0)).all()
    ranks = [np.argsort(np.argsort(one[rows], axis=1), axis=1) for one in (ours, label)]
    ics = [np.corrcoef(a, b)[0, 1] for a, b in zip(*ranks, strict=True)]
    assert abs(np.mean(ics)) < 3.0 * 30**-0.5 / len(rows) ** 0.5
    assert fitted(said, tmp_path, here) == set()


def test_the_model_that_was_written_forecasts_as_the_one_that_was_fitted(tmp_path):
    said = recipe(SMALL, split={"train": "70%", "validation": "30%", "test": None})
    done = training.train(said, tmp_path / "model", RUN, made(150))
    assert done.passport.unit == "return" and done.passport.training_date == "2024-01-02"
    assert (tmp_path / "model" / "history.csv").read_text().startswith("epoch,train_loss,penalty,gradient,windows")
    assert not (tmp_path / "model" / training.RESUME).exists()
    fitted = done.fitted
    worse = {name: value + 0.01 for name, value in fitted.net.state_dict().items()}
    fitted.net.load_state_dict(worse)
    split = training.split_of(made(150), said)
    with pytest.raises(DataError, match="read back, the model forecasts otherwise"):
        training.verify(tmp_path / "model", fitted, made(150), said, split)


def test_a_passport_tells_the_least_and_largest_label_that_was_learned_from(tmp_path):
    here, said = made(150), recipe(SMALL, split={"train": "70%", "validation": "30%", "test": None})
    train = training.split_of(here, said).train
    assert np.nanmax(here.labels.values[train.stop :]) < 0.5 > -np.nanmin(here.labels.values)
    here.labels.values[[20, train.stop + 5, 3], 4] = [0.5, 0.9, -0.7]  # learned from, after it, before the first window
    passport = training.train(said, tmp_path, RUN, here).passport
    least = np.nanmin(here.labels.values[7 : train.stop])
    assert passport.data_range == {"min": least, "max": 0.5}
    assert read_text(passport.text()) == passport
    before = passport.model_copy(update={"data_range": {}})  # as returns were written until now
    assert read_text(before.text()).data_range == {}


def test_a_recipe_without_folds_and_a_fold_with_too_few_bars_are_refused():
    with pytest.raises(ConfigError, match="no section walkforward"):
        walking.folds_of(made(), recipe())
    with pytest.raises(DataError, match="expected at least 100"):
        walking.folds_of(made(), recipe(walkforward={**WALK, "least": 100}))


def test_a_window_that_no_data_fills_is_refused():
    empty = of_arrays(
        np.full((3, 40, 1), np.nan, np.float32),
        Labels(np.zeros((40, 3)), np.zeros((40, 3)), 2, "open_to_open", "return"),
        8,
        days(40),
    )
    with pytest.raises(DataError, match="no window of 8 slices is known"):
        walking.folds_of(empty, recipe(walkforward=WALK))
