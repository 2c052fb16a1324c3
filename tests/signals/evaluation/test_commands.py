"""barcast evaluate and barcast compare-models, from the shell's side: real bars, a tiny recipe, files and exit codes."""

from __future__ import annotations

import json
import shutil

import pytest
import typer
from typer.testing import CliRunner

from engine.errors import ConfigError, DataError
from signals.commands import evaluation
from signals.evaluation import beside, symbolwise
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


def test_the_time_of_a_look_is_an_instant(tmp_path):
    for words in (("evaluate", str(tmp_path)), ("compare-models", str(tmp_path), str(tmp_path))):
        for at in ("garbage", "2024-01-02", ""):
            done = run(*words, "--at", at)
            assert isinstance(done.exception, ConfigError) and "--at: expected an instant in UTC" in str(done.exception)
    assert not list(tmp_path.iterdir())


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


def per_symbol(models, place, **symbols):
    """A folder with copies of walk-forwards, one per name."""
    for symbol, name in symbols.items():
        shutil.copytree(models / name, place / symbol, ignore=shutil.ignore_patterns("evaluations.jsonl"))
    return place


def test_folders_of_symbols_are_compared_symbol_by_symbol_and_counted(models, tmp_path):
    a = per_symbol(models, tmp_path / "a", X="one", Y="one", Z="two")
    b = per_symbol(models, tmp_path / "b", X="two", Y="one", W="two")
    out = tmp_path / "both"
    words = ("--from", "2022-01-01", "--out", str(out), "-q", "--at", AT)
    done = run("compare-models", str(a), str(b), *words)
    assert done.exit_code == 0, done.output
    told = json.loads((out / "comparison.json").read_text())
    assert (
        done.output.splitlines()[0] == told["verdict"] and f"{b} against {a}, 2 symbols: better in " in told["verdict"]
    )
    assert sum(told[state] for state in ("better", "worse", "undecided")) == 2 == len(told["symbols"])
    x, y = told["symbols"]
    assert (x["symbol"], y["symbol"], y["state"]) == ("X", "Y", "undecided")  # the same model twice is undecided
    assert x["range"][0] >= "2022-01-01" and y["differences"]["rank IC"]["value"] == 0.0
    alone = run("compare-models", str(a / "X"), str(b / "X"), *words[:2], "--json", "--out", str(out), "--at", AT)
    assert json.loads(alone.output)["against_first"][0]["differences"] == x["differences"]
    assert (told["only_first"], told["only_second"]) == (["Z"], ["W"]) and f"Only {a} has Z." in done.output
    assert (a / "X" / "evaluations.jsonl").is_file() and not (a / "Z" / "evaluations.jsonl").is_file()


def test_the_state_of_a_symbol_is_that_of_the_second_model():
    gap = {"RMSE": {"value": -1.0, "low": -2.0, "high": -0.5, "how": "by hand"}}
    models = [{"model": name, "seeds": 1, "looks": 1, "measures": {"RMSE": {"value": 3.0}}} for name in ("a", "b")]
    told = {"range": ["2024-01-02", "2024-12-31"], "rows": 250, "dates": 250, "models": models}

    def state(better):
        one = {"model": "b", "first": "a", "judged by": "RMSE", "differences": gap, "better": better}
        return symbolwise.row("X", {**told, "against_first": [one]})["state"]

    assert [state(word) for word in ("b", "a", "within chance", "not known")] == ["better", "worse", *["undecided"] * 2]


def test_symbols_are_compared_with_symbols_only_and_two_folders_at_a_time(models, tmp_path):
    a, b = (per_symbol(models, tmp_path / name, X="one") for name in "ab")
    mixed = run("compare-models", str(a), str(models / "one"), "-q").exception
    assert isinstance(mixed, ConfigError) and f"{a} holds a model per symbol and {models / 'one'} does not" in str(
        mixed
    )
    assert "expected two folders" in str(run("compare-models", str(a), str(b), str(a), "-q").exception)
    other = per_symbol(models, tmp_path / "c", Q="one")
    none = run("compare-models", str(a), str(other), "-q").exception
    assert isinstance(none, DataError) and "no symbol in common" in str(none)


def test_the_page_of_symbols_escapes_them_and_says_what_was_left_out():
    both = [
        {"seeds": 1, "looks": 1, "measures": {"RMSE": {"value": 1.5}}},
        {"seeds": 1, "looks": 1, "measures": {"RMSE": {"value": 1.2}}},
    ]
    row = {
        "symbol": "<b>X", "state": "better", "range": ["2024-01-02", "2024-12-31"], "rows": 250, "dates": 250, "judged by": "RMSE",
        "models": both, "differences": {"RMSE": {"value": -0.3, "low": -0.5, "high": -0.1, "how": "by hand"}},
    }  # fmt: skip
    counts = {"first": "a", "second": "b", "judged by": "RMSE", "better": 1, "worse": 0, "undecided": 0}
    verdict = symbolwise.verdict(counts, 1)
    assert verdict == "b against a, 1 symbol: better in 1, worse in 0, undecided in 0 (RMSE, paired by date)."
    told = {
        "verdict": verdict, "at": AT, **counts, "symbols": [row], "refused": [{"symbol": "Y", "why": "no dates"}], "only_first": ["Z"],
        "only_second": [],
    }  # fmt: skip
    html, text = beside.render_symbols(told), beside.text_symbols(told)
    assert "<b>X" not in html and "Y is not compared: no dates" in html and "Only a has Z." in html
    assert text.splitlines()[3].split() == ["<b>X", "1.5", "1.2", "−0.3", "−0.5", "to", "−0.1", "better"]


def test_one_model_and_dates_that_are_none_are_refused(models):
    assert isinstance(run("compare-models", str(models / "one")).exception, ConfigError)
    wrong = run("compare-models", str(models / "one"), str(models / "two"), "--from", "last year")
    assert isinstance(wrong.exception, ConfigError)
