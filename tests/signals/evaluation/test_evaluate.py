"""Trained models judged end to end: a planted signal is found, nothing is found in nothing, and what is not sound is refused."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from engine.errors import ConfigError, DataError
from signals.evaluation import beside, card, page
from signals.evaluation.compare import compare
from signals.evaluation.evaluate import Options, evaluate, plain
from signals.evaluation.subject import open_model
from signals.training import opened, table
from signals.training import train as training
from signals.training import walkforward as walking
from signals.training.labels import Labels
from signals.training.material import of_arrays
from signals.training.train import Run
from tests.signals.training.planted import days, material, recipe

WALK = {"every": "quarterly", "scheme": "rolling", "train": "120 bars", "validation": "40 bars"}
RUN = Run("cpu", today="2024-01-02")
AT = "2024-02-03T04:05:06Z"
FAST = Options(AT, gap=False, attribution=False)


def said(*sets, **changes):
    model = {"kind": "rank", "hidden": 6, "layers": 1, "dropout": 0.0}
    fast = ["training.epochs=6", "training.learning_rate=0.02", "training.dates_per_batch=4"]
    return recipe(
        [*fast, *sets], model=model, walkforward=WALK, targets={"rank_ic": [0.05, 0.99], "sharpe": [1.0]}, **changes
    )


@pytest.fixture(scope="module")
def here():
    """Half of each label is the first feature's last value: a correlation of .71."""
    return material(slices=330)


@pytest.fixture(scope="module")
def walked(here, tmp_path_factory):
    place = tmp_path_factory.mktemp("walked")
    walking.walkforward(said(), place, RUN, made=here)
    return place


@pytest.fixture
def copy(walked, tmp_path):
    return shutil.copytree(walked, tmp_path / "copy", ignore=shutil.ignore_patterns(opened.LOG))


@pytest.fixture(scope="module")
def told(walked, here):
    return plain(evaluate(open_model(walked, made=here), Options(AT)))


def test_a_planted_signal_is_found_and_its_targets_are_judged(told):
    rank = told["measures"]["rank IC"]
    truth = 6.0 / np.pi * np.arcsin(np.sqrt(0.5) / 2.0)  # what the driver itself would have, VECTORS: rank from plain
    assert 0.4 < rank["value"] < truth + 0.05 and rank["low"] > 0.3
    assert told["ranking"]["daily"]["IC"]["t"] > 10.0
    assert [row["realised"] for row in told["ranking"]["fifths"]] == sorted(
        row["realised"] for row in told["ranking"]["fifths"]
    )
    states = [(row["measure"], row["wanted"], row["state"]) for row in told["targets"]]
    assert states == [("rank_ic", 0.05, "met"), ("rank_ic", 0.99, "missed"), ("sharpe", 1.0, "not measured")]


def test_it_beats_reversal_beyond_chance_but_not_the_ridge_that_knows_as_much(told):
    assert told["against"]["one-day reversal"]["rank IC"]["low"] > 0.0
    assert told["beats_baselines"] is False and "NOT" in told["verdict"] and "ridge" in told["verdict"]


def test_the_table_of_a_walk_says_first_what_its_evaluation_says_first(walked, here, told):
    page_of = table.page(said(), here, open_model(walked, made=here).walks, walked, RUN)
    assert page_of.splitlines()[2] == f"**{told['verdict']}**"


def test_what_moves_the_net_is_the_planted_feature_at_the_end_of_the_window(told):
    pytest.importorskip("captum")
    found = told["attribution"]
    assert found["features"][0]["feature"] == "x0" and found["features"][0]["share"] > 0.6
    assert found["thirds"][2]["third"] == "newest" and found["thirds"][2]["share"] > 0.6
    assert sum(one["share"] for one in found["features"]) == pytest.approx(1.0) and found["gap"] < 0.05


def test_the_gap_has_all_three_ranges(told):
    assert [row["name"] for row in told["gap"]] == ["train", "validation", "test"]
    assert all(row["rank IC"] > 0.3 for row in told["gap"])


def test_the_document_is_json_and_its_page_and_card_begin_with_the_verdict(told):
    again = json.loads(json.dumps(told, allow_nan=False))
    html, text = page.render(again), card.render(again)
    assert again == told
    assert html.index("does NOT beat") < html.index("rank IC</th>") if "does NOT" in told["verdict"] else "NOT" in html
    assert "<script" not in html and "http" not in html.split("<body>")[1]
    assert text.splitlines()[2] == f"**{told['verdict']}**"
    assert page.summary(again).splitlines()[0] == told["verdict"]


def test_names_are_escaped_on_the_page(told):
    html = page.render({**told, "name": "<b>mine</b>", "verdict": "a & b <script>"})
    assert "<b>mine" not in html and "<script" not in html


def test_where_there_is_nothing_to_find_nothing_is_found(tmp_path):
    rng = np.random.default_rng(11)
    values = rng.standard_normal((12, 330, 2)).astype(np.float32)
    label = 0.01 * rng.standard_normal((330, 12))
    label[-2:] = np.nan
    made = of_arrays(values, Labels(label, label, 2, "open_to_open", "return"), 8, days(330))
    walking.walkforward(said(), tmp_path, RUN, made=made)
    told = evaluate(open_model(tmp_path, made=made), FAST)
    rank = told["measures"]["rank IC"]
    assert rank["low"] < 0.0 < rank["high"] and told["beats_baselines"] is False
    assert [row["state"] for row in told["targets"]][:2] in (["undecidable", "missed"], ["missed", "missed"])


def test_every_look_is_noted_before_it_is_taken(copy, here, monkeypatch):
    subject = open_model(copy, made=here)
    evaluate(subject, FAST)
    line = json.loads((copy / opened.LOG).read_text())
    assert line["at"] == AT and line["what"] == "evaluate" and line["range"][0] < line["range"][1]
    from signals.training import baselines

    def fails(*_):
        raise RuntimeError("half-way")

    monkeypatch.setattr(baselines, "forecasts", fails)
    with pytest.raises(RuntimeError):
        evaluate(subject, FAST)
    monkeypatch.undo()
    assert evaluate(subject, FAST)["looks"] == 3


def test_the_same_model_gives_the_same_document(copy, here):
    one = plain(evaluate(open_model(copy, made=here), FAST))
    two = plain(evaluate(open_model(copy, made=here), FAST))
    assert {**one, "looks": 0} == {**two, "looks": 0}


def older(copy, **changes):
    """As a walk-forward was written that told no sha256 of its tables; its first fold with `changes`."""
    told = json.loads((copy / walking.INDEX).read_text())
    del told["files"]
    told["folds"][0] |= changes
    (copy / walking.INDEX).write_text(json.dumps(told))


@pytest.mark.parametrize("name", [walking.SAID, walking.FORECASTS])
def test_tables_that_are_not_those_that_were_written_are_refused(copy, here, name):
    table = parquet.read_table(copy / name)
    parquet.write_table(
        table.set_column(2, "forecast", pa.array(table.column("forecast").to_numpy() + 1e-12)), copy / name
    )
    with pytest.raises(DataError, match=f"{name}: refused: its sha256 begins"):
        open_model(copy, made=here)
    older(copy)
    open_model(copy, made=here)


def test_forecasts_that_were_improved_afterwards_are_refused(copy, here):
    older(copy)
    table = parquet.read_table(copy / walking.SAID)
    better = pa.array(table.column("forecast").to_numpy() * 0.5 + 0.01)
    parquet.write_table(table.set_column(2, "forecast", better), copy / walking.SAID)
    with pytest.raises(DataError, match="forecasts otherwise now"):
        open_model(copy, made=here)


def test_forecasts_of_dates_that_were_trained_on_are_refused(copy, here):
    older(copy)
    table = parquet.read_table(copy / walking.SAID)
    early = table.slice(0, 12).set_column(0, "date", pa.array(np.repeat(here.dates[50:51], 12)))
    parquet.write_table(pa.concat_tables([early, table]), copy / walking.SAID)
    with pytest.raises(DataError, match="reach outside the test ranges"):
        open_model(copy, made=here)


def test_a_model_that_knows_its_test_range_is_refused(copy, here):
    path = copy / "fold-000" / "passport.json"
    passport = json.loads(path.read_text())
    late = passport["valid_from"].replace("2010", "2013")
    path.write_text(json.dumps({**passport, "known_through": late, "valid_from": late}))
    with pytest.raises(DataError, match="tells of other models than lie there"):
        open_model(copy, made=here)
    older(copy, known_through=late)
    with pytest.raises(DataError, match="nothing there is out of sample"):
        open_model(copy, made=here)


def test_other_bars_recipes_and_features_are_refused(copy, here):
    holed = replace(here, dates=np.delete(days(331), 150))
    with pytest.raises(DataError, match="its ranges are not those of the recipe on these bars"):
        open_model(copy, made=holed)
    with pytest.raises(DataError, match="not made from this recipe: training differ"):
        open_model(copy, made=here, sets=["training.learning_rate=0.5"])
    with pytest.raises(DataError, match="other features"):
        open_model(copy, made=replace(here, features_sha256="0" * 64))
    assert "bit for bit" in open_model(copy, made=replace(here, fingerprint="other")).notes[0]


def test_weights_that_are_not_the_passports_are_refused(copy, here):
    path = copy / "fold-000" / "weights.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(DataError, match="sha256"):
        open_model(copy, made=here)


def test_folders_without_a_model_or_a_recipe_say_what_they_lack(tmp_path, copy, here):
    with pytest.raises(DataError, match="no model here"):
        open_model(tmp_path / "nothing")
    alone = copy / "fold-000"
    with pytest.raises(ConfigError, match="--recipe FILE"):
        open_model(alone, made=here)
    (copy / walking.INDEX).write_text("{")
    with pytest.raises(DataError, match="walkforward.json: it cannot be read .*walk again"):
        open_model(copy, made=here)


def test_a_trained_model_is_judged_on_its_test_range(tmp_path, here):
    one = said(split={"train": "60%", "validation": "20%", "test": "20%"})
    training.train(one, tmp_path / "model", RUN, here)
    subject = open_model(tmp_path / "model", made=here)
    told = plain(evaluate(subject, FAST))
    test = training.split_of(here, one).test
    assert subject.single and told["model"]["range"] == [here.day(test.first), here.day(test.stop - 3)]
    assert told["measures"]["rank IC"]["low"] > 0.3
    without = said(split={"train": "70%", "validation": "30%", "test": None})
    training.train(without, tmp_path / "no-test", RUN, here)
    with pytest.raises(ConfigError, match="no test range"):
        open_model(tmp_path / "no-test", made=here)


def test_without_captum_one_line_says_so(copy, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    told = plain(evaluate(open_model(copy, made=here), Options(AT, baselines=False, gap=False)))
    assert told["attribution"] == {
        "why": "captum is not installed, so nothing is attributed; pip install 'barcast[explain]'"
    }
    assert told["beats_baselines"] is None and "no baseline was fitted" in told["verdict"]
    assert "captum is not installed" in page.render(told)


def test_seeds_are_averaged_and_their_spread_is_told(tmp_path, here):
    for seed in (3, 4):
        walking.walkforward(
            said("training.epochs=1").model_copy(update={"seed": seed}), tmp_path / f"seed-{seed}", RUN, made=here
        )
    subject = open_model(tmp_path, made=here)
    told = plain(evaluate(subject, FAST))
    assert told["model"]["seeds"] == [3, 4] and told["shown"]["rows"][0]["spread"] is not None
    each = [
        evaluate(open_model(tmp_path / f"seed-{s}", made=here), FAST)["measures"]["rank IC"]["value"] for s in (3, 4)
    ]
    assert told["measures"]["rank IC"]["value"] == pytest.approx(np.mean(each))
    assert told["shown"]["rows"][0]["spread"][0] == pytest.approx(np.std(each, ddof=1))


def classes(here):
    label = np.where(here.labels.values > 0.0, 1.0, 0.0)
    label[-2:] = np.nan
    sectors = tuple("tech" if k % 2 else "banks" for k in range(len(here.symbols)))
    return replace(here, labels=Labels(label, here.labels.values, 2, "open_to_open", "up"), sectors=sectors)


CLASSES = {
    "label": {"target": "up"}, "loss": {"kind": "direction"}, "calibrate": "platt",
    "model": {"kind": "direction", "hidden": 6, "layers": 1, "dropout": 0.0},
}  # fmt: skip


def test_a_classifier_is_judged_by_year_and_sector_with_its_reliability(tmp_path, here):
    made = classes(here)
    one = recipe(
        ["training.epochs=6", "training.batch_size=32", "training.learning_rate=0.01"],
        walkforward={**WALK, "calibration": "40 bars"}, targets={"accuracy": [0.55, 0.95]}, **CLASSES,
    )  # fmt: skip
    walking.walkforward(one, tmp_path, RUN, made=made)
    told = plain(evaluate(open_model(tmp_path, made=made), FAST))
    assert told["model"]["kind"] == "classes" and told["measures"]["accuracy"]["low"] > 0.6
    assert [row["state"] for row in told["targets"]] == ["met", "missed"]
    assert [row["name"] for row in told["by_sector"]] == ["banks", "tech"]
    assert sum(row["rows"] for row in told["by_sector"]) == told["model"]["rows"]
    assert all(row["low"] < row["accuracy"] < row["high"] for row in told["by_year"])
    assert sum(one["count"] for one in told["classes"]["reliability"]["bins"]) == told["model"]["rows"]
    assert told["classes"]["flags"] == [] and told["ranking"]["daily"]["IC"]["t"] > 5.0
    assert "Confusion" in page.render(told) and "accuracy" in card.render(told)


def test_a_constant_classifier_is_said_to_be_one_in_the_first_line(copy, here):
    """The forecasts are replaced in memory: opening a folder would refuse them."""
    from signals.training.recipe import read

    made = classes(here)
    subject = open_model(copy, made=here)
    one = recipe([], walkforward=WALK, targets={}, **{**CLASSES, "calibrate": "none"})
    flat = np.where(np.isfinite(subject.forecasts[0]), 0.6, np.nan)
    told = evaluate(replace(subject, recipe=read(one), made=made, forecasts=(flat,)), FAST)
    assert told["verdict"].startswith("This classifier is constant: it says up on all")
    assert told["beats_baselines"] is False


def test_two_models_are_compared_on_what_both_foretold(copy, here, tmp_path):
    walking.walkforward(said("training.epochs=1", name="lazy"), tmp_path / "lazy", RUN, made=here)
    one, two = open_model(copy, made=here), open_model(tmp_path / "lazy", made=here)
    noise = np.random.default_rng(1).standard_normal(here.labels.values.shape)
    worse = replace(two, forecasts=(np.where(np.isfinite(two.forecasts[0]), noise, np.nan),))
    told = plain(compare([one, worse], AT))
    assert told["verdict"].startswith("small is better than lazy (rank IC -0.")
    gap = told["against_first"][0]["differences"]["rank IC"]
    assert gap["high"] < 0.0 and told["against_first"][0]["better"] == "small"
    by_hand = told["models"][1]["measures"]["rank IC"]["value"] - told["models"][0]["measures"]["rank IC"]["value"]
    assert gap["value"] == pytest.approx(by_hand)
    html = beside.render(told)
    assert "<script" not in html and "small is better than lazy" in html
    assert beside.text(told).splitlines()[0] == told["verdict"]
    assert json.loads((copy / opened.LOG).read_text().splitlines()[-1])["what"] == "compare-models"


def test_a_range_is_cut_and_an_empty_one_refused(copy, here, tmp_path):
    one = open_model(copy, made=here)
    two = replace(one, recipe=one.recipe.model_copy(update={"name": "twin"}), place=tmp_path)
    told = compare([one, two], AT, "2011-01-01", "2011-02-15")
    assert told["range"][0] >= "2011-01-01" and told["range"][1] <= "2011-02-15"
    assert "no more than chance" in told["verdict"]
    with pytest.raises(DataError, match="no date and name that all of them forecast"):
        compare([one, two], AT, "2031-01-01")
    with pytest.raises(ConfigError, match="one model stands twice"):
        compare([one, one], AT)
    with pytest.raises(ConfigError, match="two models or more"):
        compare([one], AT)


def test_models_of_other_bars_or_other_labels_are_not_compared(copy, here, tmp_path):
    one = open_model(copy, made=here)
    label = here.labels.values * 1.01
    other = replace(here, labels=replace(here.labels, values=label, returns=label))
    with pytest.raises(DataError, match="disagree about"):
        compare([one, replace(one, place=tmp_path, made=other)], AT)
    far = one.recipe.model_copy(update={"label": one.recipe.label.model_copy(update={"horizon": 5})})
    with pytest.raises(ConfigError, match="they foretell different things"):
        compare([one, replace(one, place=tmp_path, recipe=far)], AT)


def test_a_classifier_and_a_ranking_meet_by_the_return_they_are_traded_for(copy, here, tmp_path):
    one = open_model(copy, made=here)
    made = classes(here)
    other = replace(one, place=tmp_path, made=made, recipe=recipe([], walkforward=WALK, **CLASSES, name="coin"))
    told = compare([one, other], AT)
    assert told["by"] == "the return they are traded for"
    assert told["against_first"][0]["differences"]["rank IC"]["value"] == pytest.approx(0.0, abs=1e-12)


def walk_of_prices(slices=420, seed=12):
    """One name whose close is a random walk; what is foretold is the next close."""
    close = 100.0 * np.exp(np.cumsum(0.01 * np.random.default_rng(seed).standard_normal(slices)))[:, None]
    label = np.full(close.shape, np.nan)
    label[:-1] = close[1:]
    earned = np.full(close.shape, np.nan)
    earned[:-2] = close[2:] / close[1:-1] - 1.0
    values = np.ascontiguousarray(close.T[:, :, None].astype(np.float32))
    return of_arrays(values, Labels(label, earned, 1, "close", "price"), 8, days(slices)), close


def test_a_high_r2_of_prices_does_not_beat_the_last_price(tmp_path):
    made, close = walk_of_prices()
    one = recipe(
        ["training.epochs=20", "training.learning_rate=0.02", "training.batch_size=32"], calibrate="none",
        model={"kind": "stock", "lstm_units": 8, "dense_units": 8, "dropout_rate": 0.0}, scaler={"kind": "minmax", "winsor": "0%"},
        label={"kind": "close", "target": "price"}, loss={"kind": "huber", "delta": 1.0},
        walkforward={**WALK, "scheme": "expanding"}, targets={"r2": [-10.0, 0.9999]},
    )  # fmt: skip
    walking.walkforward(one, tmp_path, RUN, made=made)
    subject = open_model(tmp_path, made=made)
    told = plain(evaluate(subject, FAST))
    assert told["verdict"].startswith("The model does NOT beat the baselines: RMSE") and "last price" in told["verdict"]
    cells, mine = subject.cells, subject.forecasts[0]
    np.testing.assert_allclose(told["prices"]["last price"]["MAE"], np.abs(close - made.labels.values)[cells].mean())
    np.testing.assert_allclose(
        told["prices"]["model"]["RMSE"], np.sqrt(((mine - made.labels.values)[cells] ** 2).mean())
    )
    apart = told["prices"]["model"]["RMSE"] - told["prices"]["last price"]["RMSE"]
    assert told["prices"]["difference"]["RMSE"]["value"] == pytest.approx(apart)
    assert told["prices"]["last price"]["R2"] > 0.5 and told["prices"]["model"]["negative share"] == 0.0
    outcome = made.labels.values[cells]
    r2 = 1.0 - ((mine[cells] - outcome) ** 2).sum() / ((outcome - outcome.mean()) ** 2).sum()
    assert [row["value"] for row in told["targets"]] == pytest.approx([r2, r2])
    assert [row["state"] for row in told["targets"]] == ["met", "missed"]
    assert "last price" in page.render(told)


def test_the_rule_of_prices_is_measured_by_hand():
    from signals.evaluation.evaluate import rule

    made, close = walk_of_prices(40)

    class Walk:
        splits = (1, 2)

    class Given:
        walks = (Walk,)

    Given.made = made
    cells = np.isfinite(made.labels.returns)
    cells[:10] = False
    told = rule(Given, np.where(cells, close * 1.01, np.nan), cells, close)
    r = made.labels.returns[10:38, 0]
    years = float((made.dates[37] - made.dates[10]).astype(int)) / 365.25
    assert told["dates"] == 28 and told["held"] == 1.0 and told["folds"] == 2
    each = r.mean() / r.std(ddof=1)
    assert told["sharpe"] == pytest.approx(each * np.sqrt(28 / years))
    assert told["error"] == pytest.approx(np.sqrt((1 + each**2 / 2) / 28) * np.sqrt(28 / years))


def test_a_ranking_that_is_all_one_number_has_no_measure(copy, here):
    subject = open_model(copy, made=here)
    flat = np.where(np.isfinite(subject.forecasts[0]), 0.25, np.nan)
    told = plain(evaluate(replace(subject, forecasts=(flat,)), FAST))
    assert told["verdict"] == "Nothing can be said for this model: rank IC is not defined for its forecasts."
    assert told["beats_baselines"] is False and told["ranking"]["spread"]["distinct"] == 1
    assert "Nothing can be said" in page.render(told) and "Nothing can be said" in card.render(told)


def test_a_backtest_that_is_not_there_costs_no_look_at_the_test_range(copy, here):
    with pytest.raises(DataError, match="nosuch"):
        evaluate(open_model(copy, made=here), replace(FAST, run="runs/nosuch"))
    assert not (copy / opened.LOG).exists()


def test_a_backtest_decides_the_targets_that_only_it_can(copy, here, tmp_path, monkeypatch):
    import engine.result

    class Ran:
        def __init__(self):
            self.metrics = {
                "sharpe": 1.4,
                "sharpe_low": 1.1,
                "sharpe_high": 1.7,
                "win_rate": 0.5,
                "trades": 28,
                "max_drawdown": 0.1,
            }

    monkeypatch.setattr(engine.result.Result, "load", staticmethod(lambda place: Ran()))
    told = evaluate(open_model(copy, made=here), replace(FAST, run="runs/mine"))
    row = told["targets"][-1]
    assert (row["measure"], row["value"], row["low"], row["state"]) == ("sharpe", 1.4, 1.1, "met")
