"""barcast features: lists, builds, and says what is odd."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from engine import cli
from engine.errors import ConfigError, PluginError
from signals.features import feature_set, store
from signals.features.report import correlations, report
from signals.features.sets import Column, FeatureSet
from tests.signals.features.markets import bars

C = ("close",)


def barcast(*words: str):
    return CliRunner().invoke(cli.app, list(words))


def columns(**computed) -> FeatureSet:
    return FeatureSet("tried", tuple(Column(name, name, 1, "-", C, compute) for name, compute in computed.items()))


def features_of(features: FeatureSet, window) -> store.Features:
    return store._features(features.panel(window), window.times, window.symbols, features, None)


def test_columns_that_say_the_same_are_named():
    tried = columns(
        a=lambda b: b.past(1),
        same=lambda b: b.past(1),
        minus=lambda b: -b.past(1) + 3,
        other=lambda b: b.volume / b.lagged("volume", 1),
    )
    found = report(features_of(tried, bars(400)))
    assert found.distinct == 3
    assert {(a, b) for a, b, _ in found.alike} == {("a", "same"), ("a", "minus"), ("same", "minus")}
    assert found.highest[2] == pytest.approx(1.0)
    assert {round(strength) for _, _, strength in found.alike} == {1, -1}


def test_the_share_that_is_not_known_counts_rows_with_a_bar_only():
    window = bars(100, n=4, holes=0.0)  # one whole, one from row 33, one until row 90, one never
    tried = columns(always=lambda b: b.close / b.close, late=lambda b: b.past(10))
    found = report(features_of(tried, window))
    assert found.bars == 100 + 67 + 90
    assert [c.nan for c in found.columns] == [0.0, pytest.approx(30 / 257)]


def test_drift_is_told_in_quartile_ranges_and_quantiles_by_year():
    window = bars(900, n=1, holes=0.0)
    window = type(window)(
        window.symbols,
        (np.datetime64("2019-01-01") + np.arange(900)).astype("datetime64[ns]").astype(np.int64),
        *(np.arange(1.0, 901.0)[:, None] for _ in range(5)),
    )
    found = report(features_of(columns(line=lambda b: b.close), window))
    line = found.columns[0]
    # medians of the first and the last 300: 150.5 and 750.5; quartiles 225.75 and 675.25
    assert line.drift == pytest.approx(600 / 449.5)
    assert line.quantiles[2] == pytest.approx(450.5)
    assert line.years[2019][2] == pytest.approx(183.0)
    assert sorted(line.years) == [2019, 2020, 2021]


def test_a_column_that_never_varies_has_no_correlation():
    assert np.isnan(correlations(np.ones((10, 2), np.float32))).all()


def test_the_commands_build_once_and_report(tmp_path):
    built = json.loads(barcast("features", "build", "us20", "--set", "core_close", "--json").output)
    assert built["columns"] == 10 and built["instruments"] == 20
    assert barcast("features", "build", "us20", "--set", "core_close", "--quiet").output.endswith(f"{built['place']}\n")
    told = json.loads(barcast("features", "report", "us20", "--set", "core_close", "--json", "--alike", "0.5").output)
    assert told["distinct"] == 10 and len(told["columns"]) == 10 and told["alike"]
    page = barcast("features", "report", "us20", "--set", "core_close", "--years").output
    assert "10 distinct columns of 10" in page and "momentum_5d" in page and " 1990" in page


def test_a_strategy_file_names_its_bars(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(
        "name: s\ndata: {source: packaged, name: us20, start: 2020-01-01}\n"
        "signals: {a: {plugin: reversal}}\nstrategy: {rule: quintile, signal: a}\n"
    )
    told = json.loads(barcast("features", "build", str(file), "--set", "core_close", "--json").output)
    assert told["instruments"] == 20 and told["slices"] < 800
    said = barcast("features", "build", str(file), "--set", "core_close", "--prices", "as_traded").exception
    assert isinstance(said, ConfigError) and "leave out prices" in str(said)


def test_an_unknown_set_is_refused_before_any_bar_is_read():
    said = barcast("features", "build", "nowhere.parquet", "--set", "core")
    assert isinstance(said.exception, PluginError) and "there is no set 'core'" in str(said.exception)


def test_the_list_names_every_set():
    told = barcast("features", "list").output
    assert "core14 " in told and "memory  257 slices" in told
    listed = {
        features["name"]: features for features in json.loads(barcast("features", "list", "--json").output)["sets"]
    }
    assert listed["core14"]["sha256"] == feature_set("core14").sha256
