"""What a search may try, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from signals.training.recipe import read
from signals.tuning import section
from signals.tuning.trial import check, recipe_of
from tests.signals.training.planted import recipe
from tests.signals.tuning.searches import said

MODELS = Path(__file__).resolve().parents[3] / "configs" / "models"


def test_the_grid_of_the_direction_classifier_has_its_81_points():
    grid = section.read(MODELS / "direction_grid.yaml")
    points = [tuple(point.values()) for point in grid.points()]
    assert grid.size == len(points) == len(set(points)) == 81
    assert list(grid.points()[0]) == ["model.hidden", "model.layers", "model.dropout", "training.learning_rate"]
    assert points[0] == (128, 2, 0.1, 1e-3) and points[1] == (128, 2, 0.1, 1e-4) and points[-1] == (512, 4, 0.3, 1e-5)
    direction = read(MODELS / "direction_lstm.yaml")
    check(direction, grid)
    last = recipe_of(direction, grid.points()[-1])
    assert last.model.params == {"hidden": 512, "layers": 4, "dropout": 0.3} and last.training.learning_rate == 1e-5


def test_the_softness_of_the_rank_loss_is_searched_at_five_values():
    grid = section.read(MODELS / "rank_tau.yaml")
    assert [point["loss.tau"] for point in grid.points()] == [0.01, 0.05, 0.1, 0.5, 1] and grid.rises
    check(read(MODELS / "rank_lstm.yaml"), grid)


def test_a_section_is_read_back_from_what_the_recipe_says_of_itself():
    one = recipe(tune={"parameters": {"model.hidden": [4, 6]}, "budget": "2 hours", "trials": 7})
    again = read(one.resolved())
    assert again.tune == one.tune and one.tune.budget == 7200.0 and one.tune.size == 7
    assert one.learning == recipe().learning  # a search decides no fit


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"parameters": {"label.horizon": [1, 2]}}, "label.horizon is no parameter of a search"),
        ({"parameters": {"data.start": ["2010-01-01"]}}, "data.start is no parameter"),
        ({"parameters": {"split.test": ["10%"]}}, "split.test is no parameter"),
        ({"parameters": {"training.date_stride": [1, 5]}}, "training.date_stride is no parameter"),
        ({"parameters": {"loss.tau": [0.01, 0.1]}}, "changes what the validation loss is measured in"),
        ({"parameters": {"model.hidden": [4, 4]}}, "a value stands twice"),
        ({"parameters": {"model.hidden": []}}, "at least one"),
        ({"parameters": {"model.hidden": {"low": 4, "high": 8}}}, "a grid needs a list"),
        ({"search": "tpe", "parameters": {"model.hidden": {"low": 8, "high": 4}}}, "low below high"),
        ({"search": "tpe", "parameters": {"model.hidden": {"low": 0, "high": 4, "log": True}}}, "above 0"),
        ({"parameters": {}}, "at least one key"),
        ({"trials": 3}, "as many trials as it has points"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(keys, message):
    with pytest.raises(ConfigError, match=message):
        recipe(tune={"search": "grid", "parameters": {"model.hidden": [4, 6]}, **keys})


def test_another_score_lets_the_loss_be_searched():
    one = said(parameters={"loss.tau": [0.01, 0.1], "loss.l2": [0.0, 1e-4]}, score="rank_ic")
    check(recipe(), one)
    assert one.rises and not said().rises


def test_a_value_that_the_recipe_refuses_is_refused_before_anything_is_fitted():
    with pytest.raises(ConfigError, match=r"tune.parameters.model.hidden: 0: "):
        check(recipe(), said(parameters={"model.hidden": [4, 0]}))
    with pytest.raises(ConfigError, match=r"tune.parameters.training.learning_rate: -1"):
        check(recipe(), said(parameters={"training.learning_rate": [-1.0]}))
    with pytest.raises(
        ConfigError, match="accuracy is not measured with loss.kind rank; expected validation_loss or rank_ic"
    ):
        check(recipe(), said(score="accuracy"))
