"""What cannot be trained, written or meant is refused in one line, before anything is spent, and leaves what was there."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import signals
from engine.errors import ConfigError, DataError, InterruptError, OutputError
from signals.commands import evaluation, predict, stack, tune
from signals.training import batches, fitting, shell, symbols
from signals.training import train as training
from signals.training import walkforward as walking
from signals.training.recipe import read
from signals.training.train import Run
from signals.tuning import section
from tests.signals.training.planted import material, recipe
from tests.signals.training.test_symbols import PRICES

RUN = Run("cpu", today="2024-01-02")
SPLIT = {"train": "60%", "validation": "25%", "test": "15%"}
WALK = {"every": "quarterly", "scheme": "rolling", "train": "60 bars", "validation": "20 bars"}


def command(*words):
    made = typer.Typer()
    for name, call in (
        ("train", shell.train), ("walkforward", shell.walkforward), ("tune", tune.tune), ("stack", stack.stack),
        ("evaluate", evaluation.evaluate), ("compare-models", evaluation.compare_models), ("predict", predict.predict),
    ):  # fmt: skip
        made.command(name)(call)
    return CliRunner().invoke(made, list(words))


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A recipe as a file, whose bars are never to be read; beside it a file where a folder would be."""
    import yaml

    def read_bars(*told):
        raise AssertionError("bars are read before it is known whether anything can be written")

    monkeypatch.setattr("signals.training.material.bars_of", read_bars)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ok.csv").write_text("date,close\n")
    resolved = recipe(walkforward=WALK, tune={"parameters": {"model.hidden": [4, 6]}}).resolved()
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(resolved))
    (tmp_path / "prices.yaml").write_text(yaml.safe_dump(recipe(**PRICES).resolved()))
    return str(tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "walkforward mine.yaml --out ok.csv",
            "--out ok.csv: expected a folder, and ok.csv is none; give another place",
        ),
        ("train mine.yaml --out ok.csv/x", "--out ok.csv/x: expected a folder, and ok.csv is none; give another place"),
        ("train prices.yaml --out ok.csv", "--out ok.csv: expected a folder"),
        ("tune mine.yaml --out ok.csv", "--out ok.csv: expected a folder"),
        ("tune mine.yaml --runs ok.csv", "--runs ok.csv: expected a folder"),
        ("stack a b --out ok.csv/x.json", "--out ok.csv/x.json: expected a folder, and ok.csv is none"),
        ("stack a b --out .", "--out .: expected a file, and this is a folder; give the path of a file"),
        ("walkforward mine.yaml --table nosuch/x.md", "--table nosuch/x.md: there is no folder nosuch; make it"),
        ("walkforward mine.yaml --table /dev/full", "--table /dev/full: expected a file, and this is a device"),
        ("evaluate a --out ok.csv", "--out ok.csv: expected a folder"),
        ("compare-models a b --out ok.csv", "--out ok.csv: expected a folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_spent(file, tmp_path, words, told):
    before = sorted(tmp_path.rglob("*"))
    done = command(*words.split(), "--quiet") if not words.startswith("stack") else command(*words.split())
    assert isinstance(done.exception, OutputError) and str(done.exception).startswith(told), done.exception
    assert "\n" not in str(done.exception) and sorted(tmp_path.rglob("*")) == before


def test_a_refused_training_leaves_the_model_and_its_recipe(tmp_path):
    said = recipe(["training.epochs=1"], split=SPLIT)
    training.train(said, tmp_path / "m", RUN, made=material())
    before = {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir() if path.is_file()}
    assert json.loads(before["recipe.json"]) == said.resolved()
    with pytest.raises(DataError, match="windows from"):
        training.train(recipe(["training.epochs=2"], split=SPLIT), tmp_path / "m", RUN, made=material(slices=16))
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir() if path.is_file()}
    other = recipe(["training.epochs=2"], split=SPLIT)
    training.train(other, tmp_path / "m", RUN, made=material())
    assert json.loads((tmp_path / "m" / "recipe.json").read_text()) == other.resolved()
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("names", [1, 3])
def test_a_rank_loss_without_names_to_rank_says_so_and_leaves_no_folder(tmp_path, names):
    for call, out in ((training.train, "t"), (walking.walkforward, "w")):
        with pytest.raises(
            DataError, match=f"rank needs 5 names on a date or more, and here no date has more than {names}"
        ):
            call(recipe(walkforward=WALK, split=SPLIT), tmp_path / out, RUN, made=material(names, 330))
    assert not list(tmp_path.iterdir())


def test_a_window_longer_than_the_bars_is_known_nowhere():
    assert not batches.whole(np.zeros((3, 10, 2), np.float32), 11).any()
    assert batches.whole(np.zeros((3, 10, 2), np.float32), 10).sum() == 3
    long = recipe(["window=2000"], walkforward=WALK)
    with pytest.raises(DataError, match="no window of 2000 slices is known; give more data"):
        walking.folds_of(material(window=2000), long)


def test_a_net_that_says_no_number_is_refused(tmp_path):
    said = recipe(split=SPLIT)
    rules = said.training.model_copy(update={"noise": 1e300})  # more than a recipe may say
    with pytest.raises(DataError, match="after 1 epochs no output of the net is a finite number; lower training"):
        fitting.fit(
            material(),
            said.model_copy(update={"training": rules}),
            training.split_of(material(), said),
            3,
            fitting.Job("cpu"),
        )


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("training.shift", "9", "expected at most the window, 8 slices, got 9"),
        ("training.learning_rate", "1e30", "expected at most 1, got 1e+30"),
        ("training.weight_decay", "1e30", "expected at most 1, got 1e+30"),
        ("training.eps", "1e300", "expected at most 1, got 1e+300"),
        ("training.accumulate", "1000000", "expected at most 1,024, got 1000000"),
        ("training.threads", "100000", "expected at most 1,024, got 100000"),
        ("training.noise", "1e300", "expected at most 100, got 1e+300"),
        ("training.budget", "0 seconds", "expected a time above 0, such as 30 minutes"),
        ("training.betas", "[2, 3]", "expected two numbers from 0 to below 1, such as [0.9, 0.999], got [2.0, 3.0]"),
        ("training.betas", "[-1, 0.5]", "expected two numbers from 0 to below 1"),
        ("training.betas", "[0.9, .nan]", "expected two numbers from 0 to below 1"),
        ("per_symbol", "true", "a model per symbol foretells a price: it needs label.kind close"),
    ],
)
def test_a_value_without_meaning_is_refused_at_its_key(key, value, told):
    with pytest.raises(ConfigError) as refused:
        recipe([f"{key}={value}"])
    assert f"--set {key}: {told}" in str(refused.value) and "\n" not in str(refused.value)


def test_what_may_just_be_said_is_taken():
    sets = [
        "shift=8",
        "learning_rate=1",
        "weight_decay=1",
        "eps=1",
        "accumulate=1024",
        "threads=1024",
        "betas=[0, 0.5]",
    ]
    assert recipe([f"training.{one}" for one in sets]).training.shift == 8


def test_a_folder_per_symbol_is_inside_out_and_no_two_symbols_share_one():
    names = ["EABL", "BRK.B", "A/B", "A_B", "..", ".", ".x", "%2E", "Ä", "a b"]
    homes = [symbols.safe(name) for name in names]
    assert homes[:4] == ["EABL", "BRK.B", "A%2FB", "A_B"] and homes[4:8] == ["%2E.", "%2E", "%2Ex", "%252E"]
    assert len(set(homes)) == len(names) and not any(home.startswith(".") or "/" in home for home in homes)
    symbols.apart_in(names)
    for clash in (["brk", "BRK"], ["models.json"], ["KO", "KO"]):
        with pytest.raises(ConfigError, match=r"data\.symbols: the models of .* would lie where"):
            symbols.apart_in(clash)


def test_symbols_that_clash_are_refused_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(symbols, "row", lambda *told: pytest.fail("one was trained"))
    said = recipe(**{**PRICES, "data": {**PRICES["data"], "symbols": ["brk", "BRK"]}})
    with pytest.raises(ConfigError, match="would lie where brk has its place"):
        symbols.train(said, tmp_path / "out", RUN)
    assert not list(tmp_path.iterdir())


def test_a_command_that_trained_nothing_fails_and_keeps_the_report_of_before(file, tmp_path, monkeypatch):
    monkeypatch.setattr(symbols, "row", lambda recipe, symbol, *told: {"symbol": symbol, "refused": "too short"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "models.json").write_text("[]")
    done = command("train", "prices.yaml", "--out", "out", "--quiet")
    assert isinstance(done.exception, DataError) and "- KO: refused: too short" in done.output
    assert str(done.exception) == "small: no model was trained: 2 of 2 symbols were refused; AAPL: too short"
    assert (tmp_path / "out" / "models.json").read_text() == "[]"
    monkeypatch.setattr(symbols, "chosen", lambda *told: [])
    done = command("train", "prices.yaml", "--out", "new", "--recommended", "2", "--json")
    assert isinstance(done.exception, DataError) and "audit recommends no symbol" in str(done.exception)
    assert json.loads(done.output) == [] and not (tmp_path / "new").exists()
    for count in ("0", "-3"):
        done = command("train", "prices.yaml", "--recommended", count, "--quiet")
        assert str(done.exception) == f"--recommended: expected 1 or more, got {count}"
        assert isinstance(done.exception, ConfigError)


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("train mine.yaml", "signals.training.train.train"),
        ("walkforward mine.yaml", "signals.training.seeds.walk"),
        ("tune mine.yaml", "signals.tuning.helpers.together"),
    ],
)
def test_an_interrupted_training_says_that_it_goes_on(file, monkeypatch, capsys, words, call):
    def interrupted(*told):
        raise KeyboardInterrupt

    monkeypatch.setattr(call, interrupted)
    done = command(*words.split(), "--quiet")
    assert isinstance(done.exception, InterruptError)

    def main():
        raise done.exception

    from engine import cli

    monkeypatch.setattr(cli, "app", main)
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = "interrupted; whole epochs are kept, and the same command goes on after the last one\n"
    assert (left.value.code, capsys.readouterr().err) == (130, said)


def test_an_empty_file_is_told_what_it_needs(tmp_path):
    (tmp_path / "empty.yaml").touch()
    with pytest.raises(ConfigError, match="the file is empty; it needs parameters to try"):
        section.read(tmp_path / "empty.yaml")
    with pytest.raises(ConfigError, match="the file is empty; it needs name, data, features, window, model and loss"):
        read(tmp_path / "empty.yaml")


def test_nothing_is_no_model_and_no_symbol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for empty in ("", " "):
        with pytest.raises(ConfigError, match="expected a model folder, got nothing"):
            signals.load(empty)
    monkeypatch.setattr(predict, "model_of", lambda *told: None)
    for words, told in (
        (["", "us20"], "MODEL: expected"),
        (["m", "us20", "--symbols", ""], "--symbols '': expected names"),
    ):
        done = command("predict", *words)
        assert isinstance(done.exception, ConfigError) and str(done.exception).startswith(told)
