"""A model for every symbol: trained apart, refused where it would be pooled, and shown beside what is simpler."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import signals
from engine.errors import ConfigError, DataError
from engine.rundir import is_model
from signals import scaling
from signals.evaluation.subject import open_model, places
from signals.training import baselines, opened, shell, symbol_table, symbols
from signals.training import train as training
from signals.training import walkforward as walking
from signals.training.batches import Samples
from signals.training.labels import Labels
from signals.training.longs import longs
from signals.training.material import of_arrays
from signals.training.train import Run
from tests.signals.training.planted import days, material, recipe

RUN = Run("cpu", today="2024-01-02")

PRICES = {
    "data": {"source": "packaged", "name": "us20", "symbols": ["AAPL", "KO"], "start": "2019-01-01"},
    "features": "close",
    "window": 20,
    "label": {"kind": "close", "horizon": 1, "target": "price"},
    "model": {"kind": "stock", "lstm_units": 4, "dense_units": 4},
    "loss": {"kind": "huber"},
    "scaler": {"kind": "minmax", "winsor": "0%"},
    "calibrate": "none",
    "per_symbol": True,
    "walkforward": {"every": "yearly", "scheme": "expanding", "train": "1 year", "validation": "6 months"},
    "training": {"epochs": 2, "batch_size": 32, "date_stride": 4},
}


def command(*words):
    made = typer.Typer()
    made.command("train")(shell.train)
    made.command("walkforward")(shell.walkforward)
    return CliRunner().invoke(made, list(words))


@pytest.fixture
def file(tmp_path):
    """The recipe as a file."""
    import yaml

    place = tmp_path / "prices.yaml"
    place.write_text(yaml.safe_dump(recipe(**PRICES).resolved()))
    return str(place)


def test_names_that_want_a_model_each_are_never_pooled(file, tmp_path):
    said = recipe(**PRICES)
    done = command("walkforward", file, "--out", str(tmp_path / "out"), "-q")
    assert isinstance(done.exception, ConfigError) and "use barcast train" in str(done.exception)
    for together in (walking.walkforward, training.train):
        with pytest.raises(ConfigError, match="a model of each of 12 names") as refused:
            together(said, tmp_path / "out", RUN, made=material())
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_what_only_goes_with_a_model_per_symbol_is_refused_elsewhere(file, tmp_path):
    for words in (("--recommended", "3"), ("--jobs", "2"), ("--seeds", "2"), ("--cost", "1%")):
        done = command("train", file, "--set", "per_symbol=false", *words, "--out", str(tmp_path / "out"), "-q")
        assert isinstance(done.exception, ConfigError) and "per_symbol: true" in str(done.exception)
    for section in (None, {"scheme": "cpcv", "validation": "6 months"}):
        with pytest.raises(ConfigError, match="rolling or expanding"):
            symbols.train(recipe(**{**PRICES, "walkforward": section}), tmp_path / "out", RUN)


def test_the_recipe_of_all_symbols_is_that_of_one_for_its_model(tmp_path):
    said = recipe(["training.epochs=1", "walkforward.first=2022-01-01"], **PRICES)
    symbols.train(said, tmp_path, RUN)
    assert open_model(tmp_path / "KO", said).made.symbols == ("KO",)


def prices_that_return(slices=420, seed=12):
    """One name: each day's return takes back .6 of the one before."""
    rng = np.random.default_rng(seed)
    way = 0.01 * rng.standard_normal(slices)
    for t in range(1, slices):
        way[t] -= 0.6 * way[t - 1]
    close = 100.0 * np.exp(np.cumsum(way))[:, None]
    label, earned = np.full(close.shape, np.nan), np.full(close.shape, np.nan)
    label[:-1], earned[:-2] = close[1:], close[2:] / close[1:-1] - 1.0
    values = np.ascontiguousarray(close.T[:, :, None].astype(np.float32))
    return of_arrays(values, Labels(label, earned, 1, "close", "price"), 8, days(slices), ("close",)), close


def test_prices_have_a_ridge_and_trees_that_foretell_the_return_from_the_last_one():
    made, close = prices_that_return()
    walk = {"every": "quarterly", "scheme": "expanding", "train": "120 bars", "validation": "40 bars"}
    said = recipe(**{**PRICES, "features": "given", "window": 8, "walkforward": walk})
    found = walking.folds_of(made, said)
    told = baselines.forecasts(made, said, found)
    assert set(told) == {"last price", "ridge", "boosted trees"}
    tested = np.isfinite(told["last price"]) & np.isfinite(made.labels.values)
    assert tested.sum() > 150 and not np.isfinite(told["ridge"][: found[0].test.first]).any()
    np.testing.assert_array_equal(told["last price"][tested], close[tested])
    gone = made.labels.values - close
    error = {name: float(((one - made.labels.values)[tested] ** 2).mean()) for name, one in told.items()}
    assert (
        error["ridge"] < 0.8 * error["last price"] and error["boosted trees"] < error["last price"]
    )  # .64 is left at best
    assert np.corrcoef((told["ridge"] - close)[tested], gone[tested])[0, 1] > 0.4


def test_a_baseline_of_prices_sees_nothing_after_its_windows_end():
    made, close = prices_that_return()
    at = np.array([100, 200])
    scaler = scaling.fit("robust", made.values[:, :90], (0.01, 0.99))
    seen = baselines.before(made, scaler, Samples(np.zeros(2, np.int64), at, np.zeros(2)), 8)
    by_hand = [[close[t, 0] / close[t - lag, 0] - 1.0 for lag in (0, 1, 5)] for t in at]
    np.testing.assert_allclose(seen, by_hand, atol=1e-7)
    first = baselines.before(made, scaler, Samples(np.zeros(1, np.int64), np.array([7]), np.zeros(1)), 8)
    assert np.isfinite(first).all()


def files(place):
    return {path: path.stat().st_mtime_ns for path in sorted(place.rglob("weights.safetensors"))}


def test_models_per_symbol_are_the_same_from_one_process_and_from_two_and_their_table_is_made_again_without_training(
    tmp_path,
):
    said = recipe(**PRICES, targets={"r2": [-9999.0, 0.9999], "sharpe": [1.0]})
    alone = symbols.train(said, tmp_path / "one", RUN)
    beside = symbols.train(said, tmp_path / "two", RUN, symbols.Job(jobs=2))
    assert [one["symbol"] for one in alone] == ["AAPL", "KO"] and alone == beside
    assert all(one["skill low"] < one["skill"] < one["skill high"] for one in alone)
    ratio = [(one["RMSE"] / one["RMSE of last price"]) ** 2 for one in alone]
    np.testing.assert_allclose([one["skill"] for one in alone], 1.0 - np.array(ratio), rtol=1e-9)
    assert all(-0.5 < one[f"skill of {name}"] < 0.1 for one in alone for name in symbol_table.FITTED)
    assert [row["state"] for row in alone[0]["targets"]] == ["met", "missed", "not measured"]
    for job in (symbols.Job(), symbols.Job(jobs=2)):
        trained = files(tmp_path / "one")
        (tmp_path / "one" / symbols.REPORT).unlink()
        assert symbols.train(said, tmp_path / "one", RUN, job) == alone and files(tmp_path / "one") == trained
    assert json.loads((tmp_path / "one" / symbols.REPORT).read_text()) == alone
    dear = symbols.train(said, tmp_path / "one", RUN, symbols.Job(cost=1.0))
    assert [one["held"] for one in dear] == [0.0, 0.0] and [one["Sharpe"] for one in dear] == [None, None]


def test_seeds_of_a_symbol_are_told_with_their_spread_and_judged_together(tmp_path):
    said = recipe(["data.symbols=[KO]", "training.epochs=1", "walkforward.first=2022-01-01"], **PRICES)
    one = symbols.train(said, tmp_path / "one", RUN)[0]
    two = symbols.train(said, tmp_path / "two", RUN, symbols.Job(seeds=2))[0]
    other = symbols.train(said.model_copy(update={"seed": 4}), tmp_path / "other", RUN)[0]
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        "KO",
        "seed-3",
        "seed-4",
        symbols.REPORT,
    }  # KO: who has looked
    assert two["seeds"] == 2 and two["RMSE"] == pytest.approx((one["RMSE"] + other["RMSE"]) / 2)
    assert two["sd"]["RMSE"] == pytest.approx(abs(one["RMSE"] - other["RMSE"]) / np.sqrt(2))
    assert two["RMSE of last price"] == one["RMSE of last price"] and "sd" not in one
    assert f"{two['RMSE']:.4g} ± {two['sd']['RMSE']:.4g}" in symbol_table.shown([two])
    assert places(tmp_path / "two") == [tmp_path / "two" / "KO"]
    subject = open_model(tmp_path / "two" / "KO")
    assert [walk.passports[0].seed for walk in subject.walks] == [3, 4]
    assert opened.note(subject.place, {"range": ["2022-01-03", "2022-12-28"]}) == 2  # train looked before
    assert places(tmp_path / "two") == [tmp_path / "two" / "KO"]
    assert set(signals.load(tmp_path / "two" / "seed-3").passports[0].universe) == {"KO"}
    with pytest.raises(DataError, match="one per symbol"):
        open_model(tmp_path / "two")
    assert is_model(tmp_path / "two")
    shutil.copytree(tmp_path / "one" / "KO", tmp_path / "two" / "KO", dirs_exist_ok=True)  # by a training with one seed
    with pytest.raises(DataError, match="as SYMBOL and as SEED/SYMBOL, of more than one training"):
        places(tmp_path / "two")


def test_two_processes_tell_of_a_symbol_that_cannot_be_trained_too(tmp_path):
    told = symbols.train(recipe(["walkforward.least=300"], **PRICES), tmp_path / "two", RUN, symbols.Job(jobs=2))
    assert ["expected at least 300" in one["refused"] for one in told] == [True, True]


NUMBERS = {
    **{f"{name}{of}": 1.0 for name in symbol_table.BESIDE for of in ("", " of last price")},
    **dict.fromkeys(("hit rate", "held", "Sharpe", "Sharpe error", "skill of ridge", "skill of boosted trees"), 0.25),
    "folds": 5, "rows": 1234, "seeds": 1, "cost": 0.035, "negative": 0.0, "negative share": 0.0,
}  # fmt: skip


def row(symbol, theirs, low, high, *states):
    judged = [
        {"measure": "r2", "step": "minimum", "wanted": 0.5, "state": states[0]},
        {"measure": "sharpe", "step": "minimum", "wanted": 1.0, "state": "not measured"},
    ]
    skill = {"skill": (low + high) / 2.0, "skill low": low, "skill high": high}
    return {"symbol": symbol, **NUMBERS, "RMSE of last price": theirs, **skill, "targets": judged}


def test_a_model_per_symbol_stands_beside_what_is_simpler():
    rows = [
        row("A", 0.5, -0.3, -0.1, "missed"),
        row("C", 1.5, -0.1, 0.3, "met"),
        row("D", 1.5, 0.2, 0.4, "met") | {"negative": 3.0, "negative share": 0.0024},
        {"symbol": "B", "refused": "too short"},
    ]
    told = symbol_table.shown(rows)
    assert told.startswith(
        "**2 of 3 models have a smaller error than the last price: 1 by more than chance, and 1 have a larger one by more "
        "than chance (95 %).**\n\n1 of 3 have a smaller error than ridge, 1 of 3 than boosted trees.\n"
    )
    assert "| D | 5 | 0.3 (0.2 to 0.4) | 0.25 | 0.25 | 25.00% | 3 (0.24%) | 25.0% | 0.25 | 0.25 |" in told
    assert "- r2 0.5: 2 met, 1 missed, 0 undecidable\n- sharpe 1: not measured here" in told
    assert "- B: refused: too short" in told and "more than 0.035 of the last one" in told
    wide = [line.count("|") - 1 for line in told.splitlines() if line.startswith("|")]
    assert set(wide[:5]) == {12} and set(wide[5:]) == {10} and len(wide) == 10


def test_a_page_of_refusals_alone_is_a_page():
    told = symbol_table.shown([{"symbol": "B", "refused": "too short"}])
    assert told.startswith("**0 of 0 models") and told.endswith("- B: refused: too short\n")


def test_longs_are_held_above_the_round_trip_alone_and_measured_by_hand():
    made, close = prices_that_return(60)
    cells = np.isfinite(made.labels.returns)
    foretold = close * np.where(np.arange(60) % 3 == 0, 1.04, 1.03)[:, None]
    found = longs(made, foretold, close, cells, 0.035)
    r = np.where(np.arange(58) % 3 == 0, made.labels.returns[:58, 0], 0.0)
    years = float((made.dates[57] - made.dates[0]).astype(int)) / 365.25
    each = r.mean() / r.std(ddof=1)
    assert (found.dates, found.held) == (58, pytest.approx(20 / 58))
    assert found.sharpe == pytest.approx(each * np.sqrt(58 / years))
    assert found.error == pytest.approx(np.sqrt((1 + each**2 / 2) / 58) * np.sqrt(58 / years))
    never = longs(made, foretold, close, cells, 0.05)
    assert never.held == 0.0 and np.isnan(never.sharpe)
