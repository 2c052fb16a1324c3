"""A stacker is fitted on what its members said out of fold, and refuses everything else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from engine.errors import ConfigError, DataError
from engine.markets import simulate
from signals import stacking
from signals.ensemble import Ensemble
from signals.passport import nanoseconds
from signals.training import material as materials
from signals.training import train as training
from signals.training.stack import forecasts_of, spans_of, stack, walk_of, write
from signals.training.train import Run
from signals.training.walkforward import FORECASTS, INDEX, walkforward
from tests.signals.training.planted import recipe

WALK = {"every": "quarterly", "scheme": "rolling", "train": "120 bars", "validation": "40 bars"}
RUN = Run("cpu", today="2024-01-02")


def said(**changes):
    split = {"train": "70%", "validation": "30%", "test": None}
    return recipe(
        ["training.epochs=2"], **{"features": "core14_shipped", "walkforward": WALK, "split": split, **changes}
    )


@pytest.fixture(scope="module")
def market():
    return simulate({"name": "planted", "seed": 1, "names": 12, "bars": 420, "mode": "plain"}).panel()


@pytest.fixture(scope="module")
def walks(tmp_path_factory, market):
    """Two walk-forwards over the same folds, their Material, and their stacker."""
    place = tmp_path_factory.mktemp("walks")
    made = materials.of_panel(market, said())
    for name, seed in (("a", 3), ("b", 4)):
        walkforward(said(seed=seed), place / name, RUN, made=made)
    stacker = stack([place / "a", place / "b"], lambda one: made)
    write(place / "stacker.json", stacker)
    return place, made, stacker


def test_each_part_is_fitted_on_folds_before_its_own_whose_outcome_was_known(walks):
    place, made, stacker = walks
    folds = walk_of(place / "a").folds
    assert len(stacker.parts) == len(folds) - 1 >= 2 and stacker.unit == "return"
    for k, part in enumerate(stacker.parts, 1):
        first = spans_of(made, folds[k])[0]
        assert nanoseconds(part.valid_from) == made.times[first - 1] >= nanoseconds(part.known_through)
        assert [one.fold for one in part.seen] == list(range(k))
        assert all(one.first > one.known_through for one in part.seen)


def test_the_coefficients_are_those_of_least_squares_on_those_rows(walks):
    """An independent oracle: lstsq of the returns on both forecasts, with the ridge as rows of its own."""
    place, made, stacker = walks
    folds = walk_of(place / "a").folds
    tests = [spans_of(made, fold) for fold in folds]
    both = [forecasts_of(walk_of(place / name), made, tests) for name in "ab"]
    rows = np.arange(tests[0][0], tests[2][0] - made.labels.reach)
    x = np.stack([one[rows].ravel() for one in both], 1)
    y = made.labels.returns[rows].ravel()
    there = np.isfinite(x).all(1) & np.isfinite(y)
    x, y, n = x[there], y[there], there.sum()
    z = (x - x.mean(0)) / x.std(0)
    slopes = np.linalg.lstsq(
        np.vstack([z, np.sqrt(n * 1e-3) * np.eye(2)]), np.append(y - y.mean(), [0, 0]), rcond=None
    )[0] / x.std(0)
    part = stacker.parts[1]
    assert part.rows == n and part.coefficients == pytest.approx(slopes, rel=1e-6)
    assert part.intercept == pytest.approx(y.mean() - slopes @ x.mean(0), rel=1e-6)


def test_a_stacked_ensemble_speaks_after_its_first_part_and_slice_by_slice_the_same(walks, market):
    place, made, stacker = walks
    members = [str(place / "a"), str(place / "b")]
    both, bars = Ensemble(members, how="stacked", stacker=str(place / "stacker.json")), market.adjusted
    panel = both.forecast_panel(bars)
    begins = int(np.searchsorted(bars.times, nanoseconds(stacker.parts[0].valid_from))) + 1
    assert np.isnan(panel[:begins]).all() and np.isfinite(panel[begins:]).any(axis=1).all()
    a, b = (member.forecast_panel(bars) for member in both.members)
    part = stacker.parts[0]
    by_hand = part.intercept + part.coefficients[0] * a[begins] + part.coefficients[1] * b[begins]
    assert panel[begins] == pytest.approx(by_hand, rel=1e-12, nan_ok=True)
    for t in range(begins - 1, len(bars), 23):
        alone = both.forecast(bars.rows(t - both.window + 1, t + 1))
        assert np.ascontiguousarray(alone).tobytes() == np.ascontiguousarray(panel[t]).tobytes()
    known = both.known_through(bars.times)
    assert (known >= both.members[0].known_through(bars.times)).all() and (
        known >= stacker.known_through(bars.times)
    ).all()
    assert (bars.times[begins:] > known[begins:]).all()


def test_outcomes_after_a_fold_begins_do_not_change_its_part(walks):
    place, made, stacker = walks
    first = spans_of(made, walk_of(place / "a").folds[1])[0]
    returns = made.labels.returns.copy()
    returns[first - made.labels.reach :] = returns[first - made.labels.reach :][::-1]
    other = stack([place / "a", place / "b"], lambda one: replace(made, labels=replace(made.labels, returns=returns)))
    assert other.parts[0] == stacker.parts[0] and other.parts[1] != stacker.parts[1]


def copied(place, tmp_path, **columns):
    """The walk-forward `a` with other columns in its stitched forecasts."""
    shutil.copytree(place / "a", tmp_path / "a")
    table = parquet.read_table(place / "a" / FORECASTS).to_pandas().assign(**columns)
    made = pa.Table.from_pandas(table, preserve_index=False)
    made = made.set_column(0, "date", made.column("date").cast(pa.date32()))
    parquet.write_table(made, tmp_path / "a" / FORECASTS)
    older(tmp_path / "a")
    return tmp_path / "a"


def older(place, **changes):
    """As a walk-forward was written that told no sha256 of its tables; its first fold with `changes`."""
    told = json.loads((place / INDEX).read_text())
    del told["files"]
    told["folds"][0] |= changes
    (place / INDEX).write_text(json.dumps(told))


def test_forecasts_that_are_not_those_that_were_written_are_refused(walks, tmp_path):
    place, made, stacker = walks
    shutil.copytree(place / "a", tmp_path / "a")
    path = tmp_path / "a" / FORECASTS
    table = parquet.read_table(path)
    both = [tmp_path / "a", place / "b"]
    assert stack(both, lambda one: made) == stacker
    parquet.write_table(table.set_column(2, "forecast", pa.array(-table.column("forecast").to_numpy())), path)
    with pytest.raises(DataError, match="its sha256 begins .* it was changed; walk again"):
        stack(both, lambda one: made)
    older(tmp_path / "a")
    parquet.write_table(pa.concat_tables([table, table]), path)
    with pytest.raises(DataError, match="more than once"):
        stack(both, lambda one: made)
    parquet.write_table(table.drop_columns(["fold"]), path)
    with pytest.raises(DataError, match="it has folds that walkforward.json does not tell of"):
        stack(both, lambda one: made)
    path.unlink()
    with pytest.raises(DataError, match="forecasts.parquet: it cannot be read: No such file"):
        stack(both, lambda one: made)


@pytest.mark.parametrize("changes", [{"ranges": None}, {"ranges": {}}, {"valid_until": "9999-01-01T00:00:00Z"}])
def test_an_index_without_ranges_or_with_impossible_times_is_refused_in_one_line(walks, tmp_path, changes):
    place, made, _ = walks
    older(shutil.copytree(place / "a", tmp_path / "a"), **changes)
    with pytest.raises(DataError, match=r"walkforward.json: it cannot be read \(.*\); walk again") as told:
        stack([tmp_path / "a", place / "b"], lambda one: made)
    assert "\n" not in str(told.value)


def test_one_model_does_not_count_twice(walks):
    place, made, _ = walks
    with pytest.raises(ConfigError, match="one model stands twice"):
        stack([place / "a", place / "b", place / "a"], lambda one: made)


def test_outcomes_of_other_bars_than_those_of_training_are_refused(walks, tmp_path):
    place, made, stacker = walks
    both, heard = [place / "a", place / "b"], []
    with pytest.raises(DataError, match="a: it was trained on other bars than these"):
        stack(both, lambda one: replace(made, fingerprint="other"))
    other = replace(made, fingerprint="longer")
    walkforward(said(seed=4), tmp_path / "b", RUN, made=other)
    assert stack([place / "a", tmp_path / "b"], lambda one: made, heard.append).parts == stacker.parts
    assert len(heard) == 1 and "b: it was trained on other bars than" in heard[0]


def test_the_command_takes_no_other_word_of_the_recipe_than_where_the_bars_lie(tmp_path):
    import typer
    from typer.testing import CliRunner

    from signals.commands.stack import stack as command

    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, ["x", "y", "--out", str(tmp_path / "s.json"), "--set", "window=9"])
    assert isinstance(done.exception, ConfigError) and "--set window=9: only data.* may be said" in str(done.exception)


def test_forecasts_of_the_training_range_are_refused(walks, tmp_path):
    """The leak: what the model says of dates that it was trained on."""
    place, made, _ = walks
    table = parquet.read_table(place / "a" / FORECASTS)
    date = table.column("date").to_numpy().astype("datetime64[D]").copy()
    train = np.datetime64(walk_of(place / "a").folds[0]["ranges"]["train"][1])
    date[0] = train
    with pytest.raises(
        DataError, match="is in-sample, its model knew until .* a stacker is fitted on out-of-fold forecasts only"
    ):
        stack([copied(place, tmp_path, date=date), place / "b"], lambda one: made)


def test_forecasts_said_by_a_later_fold_are_refused(walks, tmp_path):
    place, made, _ = walks
    with pytest.raises(DataError, match="is in-sample"):
        stack([copied(place, tmp_path, fold=2), place / "b"], lambda one: made)


def test_one_model_over_all_bars_is_refused(walks, tmp_path):
    place, made, _ = walks
    training.train(said(), tmp_path / "one", RUN, made)
    with pytest.raises(DataError, match=r"it holds no walkforward.json, so its forecasts may be in-sample"):
        stack([tmp_path / "one", place / "b"], lambda one: made)


def test_a_stacker_that_tells_of_in_sample_rows_or_of_the_future_is_refused(walks, tmp_path):
    place, _, stacker = walks
    told = json.loads(stacker.model_dump_json())
    part = told["parts"][0]
    for change, message in (
        (
            {"seen": [{**part["seen"][0], "known_through": told["parts"][1]["known_through"]}]},
            "are in-sample, a member knew until",
        ),
        ({"known_through": told["parts"][1]["known_through"]}, "lies before known_through"),
        ({"coefficients": [1.0]}, "every part needs 2 coefficients"),
        ({"intercept": "1"}, "intercept"),
    ):
        (tmp_path / "s.json").write_text(json.dumps({**told, "parts": [{**part, **change}]}))
        with pytest.raises(DataError, match=message):
            stacking.read(tmp_path / "s.json")


def test_a_stacker_serves_its_own_members_only(walks):
    place, _, _ = walks
    with pytest.raises(ValueError, match="fitted on other members, or in another order"):
        Ensemble([str(place / "b"), str(place / "a")], how="stacked", stacker=str(place / "stacker.json"))


def test_walks_over_other_folds_are_not_stacked(walks, tmp_path):
    place, made, _ = walks
    walkforward(said(seed=4, walkforward={**WALK, "first": "2001-04-01"}), tmp_path / "c", RUN, made=made)
    with pytest.raises(DataError, match="its folds are not those of"):
        stack([place / "a", tmp_path / "c"], lambda one: made)
    with pytest.raises(ConfigError, match="two walk-forwards or more"):
        stack([place / "a"], lambda one: made)


def test_a_logistic_stacker_finds_what_was_planted():
    """P(rise) = sigmoid(.3 + 2 f - g); the third member says nothing."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40_000, 3))
    y = (rng.random(40_000) < 1 / (1 + np.exp(-(0.3 + 2 * x[:, 0] - x[:, 1])))).astype(float)
    intercept, slopes = stacking.fit(x, y, "probability")
    assert intercept == pytest.approx(0.3, abs=0.05) and slopes == pytest.approx([2.0, -1.0, 0.0], abs=0.06)
    flat = np.column_stack((x[:, 0], np.full(40_000, 7.0)))
    assert stacking.fit(flat, y, "probability")[1][1] == 0.0
