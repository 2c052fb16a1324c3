"""Recipes: those we ship are sound, mistakes are told at their place, and a recipe written out reads back the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from signals import models
from signals.features import feature_set
from signals.training import fitting, targets
from signals.training.recipe import read

ROOT = Path(__file__).resolve().parents[3]
FILES = [path for path in sorted((ROOT / "configs").glob("*/*.yaml")) if "\nfeatures:" in path.read_text()]
COUNTS = {
    "rank_lstm": 205_953,
    "rank_lstm_wide": 468_609,
    "attention_lstm": 317_345,  # LSTMs 169,728 + 111,360 + 28,032, norms 576, attention 2,400, dense 3,136 + 2,080 + 33
    "stock_lstm": 32_501,
    "stock_lstm_original": 32_301,  # less the 2 x 2 x 50 of batch normalisation
    "direction_lstm": 247_425,
    "direction_lstm_wide": 1_414_401,
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_recipe_we_ship_is_sound(path):
    recipe = read(path)
    assert read(recipe.resolved()).resolved() == recipe.resolved()
    columns = len(feature_set(recipe.features))
    net = models.build({**fitting.described(recipe), "inputs": columns})
    if COUNTS.get(recipe.name):
        assert models.parameters(net) == COUNTS[recipe.name]


def test_the_targets_of_what_we_ship_are_measures_we_know_and_no_part_of_a_fits_key():
    wanted = {path.stem: read(path).targets for path in FILES}
    assert wanted["stock_lstm"] == wanted["stock_lstm_original"]
    assert wanted["stock_lstm"] == {"r2": (0.5,), "sharpe": (1.0,), "win_rate": (0.5,)}
    assert wanted["direction_lstm"]["max_drawdown"] == (0.15, 0.12)
    assert {name for said in wanted.values() for name in said} <= set(targets.NAMES)
    for path in FILES:
        recipe = read(path)
        assert recipe.learning == read(recipe, ["targets={r2: [0.9]}"]).learning


def test_there_is_a_recipe_for_each_system_and_two_small_ones():
    assert {path.stem for path in FILES} >= {*COUNTS, "rank-small", "attention-small"}


MINE = """name: mine
data: {source: packaged, name: us20}
features: core14
window: 20
model: {kind: rank}
loss: {kind: rank}
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            MINE.replace("loss: {kind: rank}", "loss: {kind: rank, tua: 1}"),
            "6:20: loss.tua: no such key; did you mean `tau`?",
        ),
        (
            MINE.replace("{kind: rank}", "{kind: direction}", 2),
            "loss.kind: direction needs label.target up or above_median",
        ),
        (MINE + "embargo: 1 bars\n", "7:10: embargo: 1 bars are less than a label reaches; expected at least 2 bars"),
        (MINE + "split: {train: 90%, validation: 20%}\n", "split.train: the shares add up to"),
        (MINE + "split: {train: 50%, validation: [2010-01-01, 2011-01-01]}\n", "shares and dates do not mix"),
        (
            MINE + "walkforward: {train: eight, validation: 1 year}\n",
            "7:22: walkforward.train: expected a length such as 8 years",
        ),
        (MINE + "training: {budget: 3}\n", "7:20: training.budget: expected a time such as 30 minutes"),
        (MINE + "calibrate: platt\n", "platt makes probabilities, which need loss.kind direction"),
        (MINE.replace("kind: rank}", "kind: stock}", 1), "stock foretells a price"),
        (MINE + "label: {target: price}\n", "price goes with kind close"),
    ],
)
def test_a_mistake_is_told_at_its_place(tmp_path, text, told):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        read(file)
    assert told in str(error.value)


def test_an_override_is_read_as_the_file_is(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    assert read(file, ["training.budget=2 hours"]).training.budget == 7200.0
    with pytest.raises(ConfigError, match="--set window: expected 1 or more"):
        read(file, ["window=0"])


def test_the_embargo_is_at_least_what_a_label_reaches():
    assert read({**GOOD, "label": {"horizon": 5}}).embargo == 6
    assert read({**GOOD, "embargo": "9 bars"}).embargo == 9


GOOD = {
    "name": "good",
    "data": {"source": "packaged", "name": "us20"},
    "features": "core14",
    "window": 20,
    "model": {"kind": "rank"},
    "loss": {"kind": "rank"},
}


def test_where_and_how_long_a_fit_may_run_decides_nothing_of_what_is_learned():
    plain = read(GOOD)
    assert read({**GOOD, "training": {"budget": "1 hours"}}).learning == plain.learning
    assert read({**GOOD, "training": {"learning_rate": 0.002}}).learning != plain.learning
