"""barcast evaluate and barcast compare-models, from the shell's side: real bars, a tiny recipe, files and exit codes."""

from __future__ import annotations

import json
import shutil

import pytest
import typer
from typer.testing import CliRunner

from engine.errors import ConfigError
from signals.commands import evaluation
from signals.training import walkforward as walking
from signals.training.recipe import read
from signals.training.train import Run

AT = "2024-02-03T04:05:06Z"


def app():
    made = typer.Typer()
    made.command("evaluate")(evaluation.evaluate)
    made.command("compare-models")(evaluation.compare_models)
    return made


def run(*words):
    return CliRunner().invoke(app(), list(words))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two walk-forwards of six US stocks that differ by their seed."""
    recipe = read(
        {
            "name": "tiny",
            "data": {"source": "packaged", "name": "us20", "start": "2016-01-01", "symbols": ["AAPL", "AMD", "BAC", "BBY", "CVX", "GE"]},
            "features": "core_close", "window": 5, "label": {"kind": "close_to_close"}, "loss": {"kind": "rank"},
            "model": {"kind": "rank", "hidden": 4, "layers": 1, "dropout": 0.0}, "calibrate": "affine",
            "walkforward": {"every": "yearly", "train": "2 years", "validation": "1 year", "first": "2021-01-01"},
            "training": {"epochs": 1, "dates_per_batch": 16}, "targets": {"rank_ic": [0.5]}, "seed": 1,
        }
    )  # fmt: skip
    place = tmp_path_factory.mktemp("models")
    walking.walkforward(recipe, place / "one", Run("cpu"))
    walking.walkforward(recipe.model_copy(update={"seed": 2}), place / "two", Run("cpu"))
    return place


def test_a_walk_forward_is_evaluated_from_its_folder_alone(models):
    done = run("evaluate", str(models / "one"), "--at", AT, "-q")
    assert done.exit_code == 0, done.output
    files = {path.name for path in (models / "one" / "evaluation").iterdir()}
    assert files == {"evaluation.json", "evaluation.html", "MODEL_CARD.md"}
    told = json.loads((models / "one" / "evaluation" / "evaluation.json").read_text())
    assert done.output.splitlines()[0] == told["verdict"] and told["at"] == AT
    assert "0.5 missed" in done.output and told["model"]["range"][0][:4] == "2021"
    assert json.loads((models / "one" / "evaluations.jsonl").read_text().splitlines()[0])["at"] == AT


def test_json_is_all_there_is_on_stdout(models, tmp_path):
    words = ("--no-baselines", "--no-gap", "--no-attribution", "--json", "--out", str(tmp_path / "out"), "--at", AT)
    done = run("evaluate", str(models / "one"), *words)
    assert done.exit_code == 0 and json.loads(done.output)["beats_baselines"] is None
    assert (tmp_path / "out" / "evaluation.html").is_file()


def test_models_per_symbol_are_judged_one_by_one(models, tmp_path):
    for name in ("one", "two"):
        shutil.copytree(models / name, tmp_path / "all" / name)
    words = ("--no-baselines", "--no-gap", "--no-attribution", "-q", "--at", AT)
    done = run("evaluate", str(tmp_path / "all"), *words)
    assert done.exit_code == 0 and [line.split(":")[0] for line in done.output.splitlines()[::2]] == ["one", "two"]
    assert (tmp_path / "all" / "two" / "evaluation" / "MODEL_CARD.md").is_file()


def test_two_models_are_compared_over_one_year(models, tmp_path):
    out = tmp_path / "both"
    pair = (str(models / "one"), str(models / "two"))
    done = run(
        "compare-models", *pair, "--from", "2022-01-01", "--to", "2022-12-31", "--out", str(out), "-q", "--at", AT
    )
    assert done.exit_code == 0, done.output
    told = json.loads((out / "comparison.json").read_text())
    assert told["range"][0] >= "2022-01-01" and done.output.splitlines()[0] == told["verdict"]
    assert set(told["against_first"][0]["differences"]) == {"rank IC", "IC", "top - bottom fifth"}
    assert "<script" not in (out / "comparison.html").read_text()


def test_one_model_and_dates_that_are_none_are_refused(models):
    assert isinstance(run("compare-models", str(models / "one")).exception, ConfigError)
    wrong = run("compare-models", str(models / "one"), str(models / "two"), "--from", "last year")
    assert isinstance(wrong.exception, ConfigError)
