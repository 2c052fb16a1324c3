"""Whatever Python hands in where something else belongs, one line of the engine's own says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
from engine.errors import BarcastError, ConfigError, DataError, OutputError

CLOSE = np.full((3, 1), 10.0)
DATES = pd.date_range("2024-01-01", periods=3)
CONFIG = {
    "name": "small",
    "data": {"source": "packaged", "name": "sp500"},
    "signals": {"f": {"plugin": "precomputed"}},
    "strategy": {"rule": "threshold", "signal": "f", "confidence": 1.0, "exit_confidence": 0.0, "size": "50%"},
}


def market(**changes) -> engine.Panel:
    given = {"symbols": ["A"], "times": DATES, **dict.fromkeys(("open", "high", "low", "close", "volume"), CLOSE)}
    return engine.Panel.from_arrays(**{**given, **changes})


@pytest.mark.parametrize(
    ("config", "changes", "says"),
    [
        (5, {}, "config: expected a path, got 5; give it as text or a pathlib.Path"),
        (None, {}, "config: expected a path, got None"),
        ([1], {}, "config: expected a path"),
        (b"x", {}, "config: expected a path"),
        ("a\0b", {}, "config: expected a path"),
        ("x" * 5000, {}, "file name too long"),
        (CONFIG, {"sets": 5}, "sets: expected a list of texts, got 5"),
        (CONFIG, {"sets": [5]}, "sets: expected texts such as 'capital=50000', got 5"),
        (CONFIG, {"plugins": 5}, "plugins: expected a list of paths, got 5"),
        (CONFIG, {"plugins": [None]}, "plugins: expected a path, got None"),
        (CONFIG, {"plugins": "nowhere.py"}, "nowhere.py: no such file"),
        (CONFIG, {"plugins": ["x" * 5000]}, "File name too long; give the path of a Python file"),
        (CONFIG, {"progress": 5}, "progress: expected a function of one text, got 5"),
    ],
)
def test_an_argument_of_backtest_that_is_something_else_is_one_line(config, changes, says):
    with pytest.raises(BarcastError, match=says) as caught:
        engine.backtest(config, panel=market(), forecasts=np.ones((3, 1)), **changes)
    assert "\n" not in str(caught.value)


def test_one_override_or_plugin_need_be_in_no_list():
    result = engine.backtest(CONFIG, panel=market(), forecasts=np.ones((3, 1)), sets="capital=500")
    assert result.metrics["final_equity"] == 500.0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"calendar": 5}, "calendar: expected an exchange's code such as XNYS, or 24/7; it was 5"),
        ({"calendar": ["XNYS"]}, "calendar: expected an exchange's code"),
        ({"universe": ["A"]}, "universe is .'A'.; expected an engine.types.Universe"),
    ],
)
def test_an_argument_of_from_arrays_that_is_something_else_is_one_line(changes, says):
    with pytest.raises(DataError, match=says):
        market(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"calendar": 5}, "calendar: expected an exchange's code"),
        ({"symbols": 5}, "frame: symbols is 5; expected a list of names"),
        ({"start": 5}, "start is 5; expected a date"),
        ({"lot": None}, "lot is nan; expected 0"),
    ],
)
def test_an_argument_of_from_frame_that_is_something_else_is_one_line(changes, says):
    with pytest.raises(DataError, match=says):
        engine.Panel.from_frame(market().to_frame(), **changes)


def test_a_series_is_no_table():
    with pytest.raises(DataError, match="expected a DataFrame or an Arrow table of bars; it was Series"):
        engine.Panel.from_frame(pd.Series([1.0]))


@pytest.mark.parametrize("at", [-5, "-5", "-5000-01-01", 1e30, "9999-01-01", object()])
def test_a_time_that_is_none_is_explained_in_one_line(at):
    result = engine.backtest(CONFIG, panel=market(), forecasts=np.ones((3, 1)))
    with pytest.raises(DataError):
        result.explain(at, "A")


@pytest.mark.parametrize("place", [5, None, "a\0b"])
def test_a_place_that_is_no_path_is_one_line(place):
    result = engine.backtest(CONFIG, panel=market(), forecasts=np.ones((3, 1)))
    with pytest.raises(OutputError, match="directory: expected a path"):
        result.save(place)
    with pytest.raises(DataError, match="directory: expected a path"):
        engine.Result.load(place)


def test_a_public_name_means_the_same_the_second_time():
    code = "import engine\nassert callable(engine.lanes) and callable(engine.lanes)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(engine.__file__).parents[1])


def test_an_override_that_is_no_text_is_refused_with_lanes_too():
    from engine.lane import lanes

    with pytest.raises(ConfigError, match="config: expected a path"):
        lanes(5, market(), {"capital": [1, 2]})
