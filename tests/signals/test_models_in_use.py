"""From a model folder to a run and to a number in the shell."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

import engine  # noqa: E402
from engine import plugins  # noqa: E402
from engine.cli import app  # noqa: E402
from engine.errors import ConfigError, DataError  # noqa: E402
from signals.lstm import Lstm, load  # noqa: E402
from tests.signals.test_lstm import bars, day, model  # noqa: E402


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    if "lstm" not in plugins.names("barcast.signals"):
        monkeypatch.setitem(plugins._from_files["barcast.signals"], "lstm", Lstm)


def panel() -> engine.Panel:
    b = bars()
    alive = [k for k in range(len(b.symbols)) if np.isfinite(b.close[:, k]).all()]
    arrays = (np.ascontiguousarray(getattr(b, key)[:, alive]) for key in ("open", "high", "low", "close", "volume"))
    return engine.Panel.from_arrays([b.symbols[k] for k in alive], b.times, *arrays)


def config(place, **spec) -> dict:
    return {
        "name": "rank",
        "data": {"source": "packaged", "name": "sp500"},
        "signals": {"r": {"plugin": "lstm", "model": str(place), **spec}},
        "strategy": {"rule": "quintile", "signal": "r", "quantile": "34%", "side": "long", "positive_only": False},
    }


def test_a_run_on_a_model_folder_trades_on_its_forecasts_and_tells_what_it_has_seen(tmp_path):
    place, market = model(tmp_path / "m", label={"kind": "close_to_close", "horizon": 1}), panel()
    result = engine.backtest(config(place), panel=market)
    signal = load(place)
    forecasts = result.forecasts["r"]
    assert np.array_equal(forecasts[60], signal.forecast(market.window(60, signal.window)), equal_nan=True)
    assert len(result.fills) and np.isnan(forecasts[: signal.window - 1]).all()
    told = result.manifest["models"]["r"]
    assert (told["sha256"], told["known_through"]) == (signal.sha256, "2013-07-02T20:00:00Z")
    assert result.manifest["checked"][0]["state"] == "passed"
    assert any("trained on close_to_close, and orders fill at the open" in line for line in result.warnings)


def test_a_model_that_knows_the_first_slices_is_not_asked_about_them(tmp_path):
    place, market = (
        model(tmp_path / "m", known_through=day(49), ranges={"train": ("2010-01-01", "2012-12-31")}),
        panel(),
    )
    result = engine.backtest(config(place), panel=market)
    assert len(result.equity) == 40 and np.isfinite(result.forecasts["r"]).all()
    marked = engine.backtest(config(place, in_sample="mark"), panel=market)
    assert [one["kind"] for one in marked.manifest["stretches"]] == ["in-sample", "embargo", "out-of-sample"]
    assert len(marked.equity) == 35  # an embargo of 5


def test_a_flagged_classifier_trades_nothing_and_the_run_prints_why(tmp_path):
    changes = {
        "architecture": {"kind": "direction", "inputs": 14, "hidden": 8, "layers": 1},
        "unit": "probability",
        "calibration": {"kind": "platt", "a": 5.0, "b": 3.0},  # certain of a rise
        "flags": ["constant"],
    }
    market = panel()
    honest = model(tmp_path / "m", **{**changes, "flags": []})
    strategy = {"strategy": {"rule": "threshold", "signal": "r", "confidence": 0.7}}
    assert len(engine.backtest(config(honest) | strategy, panel=market).fills)
    result = engine.backtest(config(model(tmp_path / "n", **changes)) | strategy, panel=market)
    assert not len(result.fills) and np.isnan(result.forecasts["r"]).all()
    assert any(
        "the classifier is constant, so it forecasts nothing and trades nothing" in line for line in result.warnings
    )


def test_the_page_runs_as_shown(tmp_path):
    from tests.test_docs import blocks

    known = {"folder": model(tmp_path / "m"), "panel": panel()}
    exec(blocks("models.md", "python")[0], known)
    assert np.isfinite(known["forecast"]).all()


def test_the_plugin_keeps_every_promise_that_barcast_check_looks_at(tmp_path):
    from engine.checks import check_signal

    found = check_signal(Lstm, params={"model": str(model(tmp_path / "m"))})
    assert len(found) >= 12 and all(one.passed for one in found), [one for one in found if not one.passed]


def predicted(*arguments: str):
    return CliRunner().invoke(app, ["predict", *arguments], catch_exceptions=True)


def test_a_number_in_the_shell_is_the_number_of_the_run(tmp_path):
    place, market = model(tmp_path / "m"), panel()
    market.to_frame().to_parquet(tmp_path / "bars.parquet")
    signal = load(place)
    done = predicted(str(place), str(tmp_path / "bars.parquet"), "--at", str(market.sessions[70]), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    values = signal.forecast(market.window(70, signal.window))
    assert told["forecasts"] == {
        name: value for value, name in sorted(zip(values, market.universe.symbols, strict=True), reverse=True)
    }
    assert told["unit"] == "return" and told["in_sample"] is False
    lines = predicted(
        str(place), str(tmp_path / "bars.parquet"), "--at", str(market.sessions[70]), "--symbols", "S004"
    ).stdout.splitlines()
    assert lines[1].split() == ["S004", f"{values[market.universe.symbols.index('S004')]:.6g}"]


def test_a_slice_the_model_has_seen_or_that_is_too_early_is_told(tmp_path):
    place, market = model(tmp_path / "m", known_through=day(200)), panel()
    market.to_frame().to_parquet(tmp_path / "bars.parquet")
    assert "! in-sample" in predicted(str(place), str(tmp_path / "bars.parquet")).stdout
    early = predicted(str(place), str(tmp_path / "bars.parquet"), "--at", str(market.sessions[3])).stdout
    assert "needs 31 slices, and there are 4" in early and "no forecast for" in early


def strategy_of(tmp_path, signals: str) -> str:
    panel().to_frame().to_parquet(tmp_path / "bars.parquet")
    file = tmp_path / "both.yaml"
    file.write_text(
        "name: both\ndata: {source: parquet, path: bars.parquet, prices: as_traded, dividends: none}\n"
        f"signals: {signals}\n"
        "strategy: {rule: quintile, signal: one, quantile: 50%, side: long}\n"
    )
    return str(file)


def test_a_strategy_file_is_asked_for_its_ensemble_on_its_own_bars(tmp_path):
    model(tmp_path / "m"), model(tmp_path / "n", known_through=day(200))
    ensemble = "{plugin: ensemble, members: [m, n], how: weighted, weights: [2, 1]}"
    file = strategy_of(tmp_path, f"{{one: {ensemble}}}")
    done = predicted(file, "--at", str(panel().sessions[70]), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    parts = [json.loads(predicted(str(tmp_path / k), str(tmp_path / "bars.parquet"), "--at", told["at"], "--json").stdout)
             for k in "mn"]  # fmt: skip
    one, other = (part["forecasts"] for part in parts)
    assert told["forecasts"].keys() == one.keys() and len(one) > 2
    for name, value in told["forecasts"].items():
        np.testing.assert_allclose(value, (2.0 * one[name] + other[name]) / 3.0, rtol=1e-12)
    assert told["in_sample"] is True and told["unit"] == "return"  # the second model knows what came until day 200


def test_a_rule_without_a_passport_does_not_say_whether_it_is_in_sample(tmp_path):
    file = strategy_of(tmp_path, "{one: {plugin: momentum, lookback: 5, skip: 1}}")
    told = json.loads(predicted(file, "--signal", "one", "--json").stdout)
    assert told["in_sample"] is None and told["label"] is None and len(told["forecasts"]) > 2


@pytest.mark.parametrize(
    ("options", "way_out"),
    [
        (["--signal", "three"], "--signal: expected one of one of"),
        (["--signal", "one", "--precision", "bf16"], "--precision: a strategy file says"),
    ],
)
def test_a_strategy_file_says_what_it_has(tmp_path, options, way_out):
    done = predicted(strategy_of(tmp_path, "{one: {plugin: momentum, lookback: 5, skip: 1}}"), *options)
    assert isinstance(done.exception, ConfigError) and way_out in str(done.exception)


def test_a_model_folder_needs_bars_and_has_one_signal(tmp_path):
    place = str(model(tmp_path / "m"))
    assert str(predicted(place).exception).startswith("DATA: expected a file of bars")
    assert "leave it out" in str(predicted(place, "us20", "--signal", "one").exception)


@pytest.mark.parametrize("wrong", [["--at", "2030-01-01"], ["--at", "yesterday"], ["--symbols", "ZZZ"]])
def test_a_slice_or_name_that_is_not_there_is_refused(tmp_path, wrong):
    place, market = model(tmp_path / "m"), panel()
    market.to_frame().to_parquet(tmp_path / "bars.parquet")
    done = predicted(str(place), str(tmp_path / "bars.parquet"), *wrong)
    assert isinstance(done.exception, DataError) and str(done.exception).startswith(wrong[0])
