"""A strategy over the paths of combinatorial cross-validation: their Sharpe ratios, and what has no paths."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import risk.overfitting
from engine import plugins
from engine.cli import app
from engine.errors import ConfigError, DataError
from tests.trust.test_luck import market


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(plugins._from_files["barcast.risk"], "overfitting", risk.overfitting)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Bars of 300 days, and three forecasts: of splits of three groups, two of which are aside at a time."""
    folder = tmp_path_factory.mktemp("cpcv")
    panel, known = market(skill=0.3)
    _, other = market(skill=0.0, seed=1)
    long = {key: getattr(panel, key).ravel() for key in ("open", "high", "low", "close", "volume")}
    dates = np.repeat(panel.sessions, 12)
    frame = pd.DataFrame({"date": dates, "symbol": np.tile(panel.universe.symbols, 300), **long})
    frame.to_parquet(folder / "bars.parquet")
    for k, forecasts in enumerate((known, other, -known)):
        told = frame[["date", "symbol"]].assign(forecast=forecasts.ravel())
        told.to_parquet(folder / f"split-{k}.parquet")
    (folder / "one.yaml").write_text(
        f"name: one\ndata: {{source: parquet, path: {folder}/bars.parquet, prices: split_adjusted, dividends: none}}\n"
        "signals: {f: {plugin: precomputed, path: split-0.parquet}}\n"
        "strategy: {rule: quintile, signal: f, quantile: 25%}\nexecution: {lot: 0}\n"
    )
    return folder


def asked(*words: str):
    return CliRunner().invoke(app, ["cpcv", *words])


def refused(kind: type[Exception], *words: str) -> str:
    error = asked(*words).exception
    assert isinstance(error, kind), error
    return str(error)


def of(place, *splits: int) -> list[str]:
    return [str(place / "one.yaml"), *(str(place / f"split-{k}.parquet") for k in splits)]


def test_every_path_is_run_and_its_sharpe_ratio_told(place):
    """Three groups, two aside: splits (0, 1), (0, 2), (1, 2); two paths, of groups 0 1 2 from splits 0 0 1 and 1 2 2."""
    done = asked(*of(place, 0, 1, 2), "--groups", "3", "--test-groups", "2", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert len(told["paths"]) == 2
    first, second = (one["sharpe"] for one in told["paths"])
    assert first > 5 > 0 > second  # two thirds of the first know the truth, of the second one denies it for as long
    assert told["sharpe"]["mean"] == pytest.approx((first + second) / 2)
    assert told["sharpe"]["sd"] == pytest.approx(abs(first - second) / 2**0.5) and told["sharpe"]["loses"] == 0.5
    text = asked(*of(place, 0, 1, 2), "--groups", "3", "--test-groups", "2", "-q").stdout
    assert "50% at 0 or below" in text and "no confidence interval" in text


def test_a_path_is_what_a_run_on_its_forecasts_is(place):
    import engine

    frames = [pd.read_parquet(place / f"split-{k}.parquet") for k in (0, 1)]
    day = frames[0]["date"].rank(method="dense")
    path = frames[0].assign(forecast=np.where(day <= 200, frames[0]["forecast"], frames[1]["forecast"]))
    result = engine.backtest(str(place / "one.yaml"), forecasts=path)
    done = asked(*of(place, 0, 1, 2), "--groups", "3", "--test-groups", "2", "--json")
    assert json.loads(done.stdout)["paths"][0]["sharpe"] == pytest.approx(result.metrics["sharpe"], rel=1e-12)


def test_one_fixed_forecast_is_refused_with_the_reason(place, tmp_path):
    words = ("--groups", "3", "--test-groups", "2")
    for splits, said in (((0,), "the paths of one fixed forecast are identical"), ((0, 0, 0), "one fixed forecast")):
        assert said in refused(DataError, *of(place, *splits), *words)
    file = tmp_path / "momentum.yaml"
    text = (place / "one.yaml").read_text().replace("precomputed, path: split-0.parquet", "momentum, lookback: 20")
    file.write_text(text)
    assert "one fixed forecast" in refused(ConfigError, str(file), str(place / "split-0.parquet"), *words)


def test_an_ordinary_walk_forward_is_one_path_and_an_empty_folder_none(place, tmp_path):
    words = (str(place / "one.yaml"), str(tmp_path))
    assert "there is no cpcv.json" in refused(DataError, *words)
    (tmp_path / "walkforward.json").write_text("{}")
    assert "each date was forecast once" in refused(DataError, *words)


def test_a_folder_of_paths_is_read_as_it_says(place, tmp_path):
    for k in range(2):
        (tmp_path / f"path-{k}.parquet").write_bytes((place / f"split-{k}.parquet").read_bytes())
    (tmp_path / "cpcv.json").write_text(json.dumps({"paths": ["path-0.parquet", "path-1.parquet"]}))
    told = json.loads(asked(str(place / "one.yaml"), str(tmp_path), "--json").stdout)
    assert len(told["paths"]) == 2 and told["paths"][0]["sharpe"] > told["paths"][1]["sharpe"]
    assert "says them itself" in refused(ConfigError, str(place / "one.yaml"), str(tmp_path), "--groups", "3")
    (tmp_path / "path-1.parquet").write_bytes((place / "split-0.parquet").read_bytes())
    assert "one fixed forecast" in refused(DataError, str(place / "one.yaml"), str(tmp_path))


def test_files_without_their_groups_are_refused(place):
    assert "say how the files were made" in refused(ConfigError, *of(place, 0, 1, 2))
