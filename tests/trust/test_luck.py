"""The commands that hold a run against its trials and against chance."""

from __future__ import annotations

import json

import numpy as np
import pytest

import engine
import risk.overfitting
from engine import luck, plugins, trials
from engine.run import load_config, prepare
from tests.engine.test_run import config


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(plugins._from_files["barcast.risk"], "overfitting", risk.overfitting)


def market(names: int = 12, rows: int = 300, skill: float = 0.0, seed: int = 1):
    """A panel of random walks and forecasts that know `skill` of each next return."""
    rng = np.random.default_rng(seed)
    steps = 0.01 * rng.standard_normal((rows, names))
    close = 100.0 * np.exp(np.cumsum(steps, axis=0))
    opened = np.vstack([close[:1], close[:-1]])
    days = np.datetime64("2020-01-01") + np.arange(rows)
    columns = (opened, np.maximum(opened, close), np.minimum(opened, close), close, np.full_like(close, 1e6))
    symbols = tuple(f"N{k:02d}" for k in range(names))
    panel = engine.Panel.from_arrays(symbols, days, *columns, prices="split_adjusted", lot=0.0)
    ahead = np.vstack([steps[1:], np.zeros((1, names))])
    return panel, skill * ahead + 0.01 * np.sqrt(1 - skill**2) * rng.standard_normal((rows, names))


QUINTILE = config(
    strategy={"rule": "quintile", "signal": "f", "quantile": "25%"}, capital=100_000, execution={"lot": 0}
)


def test_skill_stands_above_its_own_forecasts_rearranged_and_ignorance_among_them():
    for skill, low, high in ((0.4, 0.0, 0.05), (0.0, 0.05, 1.0)):
        panel, forecasts = market(skill=skill)
        loaded = load_config(QUINTILE)
        told = luck.against_chance(loaded, prepare(loaded, panel, forecasts), count=39)
        for key in ("permutation", "random"):
            assert low <= told[key]["p"] <= high, (skill, key)
        random = told["random"]
        assert random["traded_theirs"] == pytest.approx(random["traded"], rel=0.02)
        assert random["gross_theirs"] == pytest.approx(random["gross"], rel=0.02)
        assert told["permutation"]["how"] == "names"


def test_few_names_are_shifted_in_time_and_have_no_random_portfolios():
    panel, forecasts = market(names=3)
    loaded = load_config(config(capital=100_000, strategy={**config()["strategy"], "confidence": 0.0, "size": "30%"}))
    told = luck.against_chance(loaded, prepare(loaded, panel, forecasts), count=19)
    assert told["permutation"]["how"] == "time" and told["random"]["p"] is None
    assert "too few other portfolios" in told["random"]["reason"]


def test_what_was_kept_and_added_is_what_the_fills_did():
    """10 bought of 1000 at 50, then 5 sold, then all: half is kept, then nothing."""
    close = np.array([[50.0, 50, 50, 50, 50]]).T
    days = np.datetime64("2020-01-01") + np.arange(5)
    panel = engine.Panel.from_arrays(("A",), days, *(close,) * 4, np.full_like(close, 1e6), prices="split_adjusted")

    class Own:
        def target(self, now):
            return np.array([(0.5, 0.25, 0.0, 0.0, 0.0)[now.t]])

    result = engine.backtest(
        config(strategy={"rule": "threshold", "signal": "f", "confidence": 1.0, "exit_confidence": 0.0, "size": "50%"}),
        panel,
        np.ones((5, 1)),
        strategy=Own(),
    )
    keep, add = luck.trading(result.facts, panel, "open")
    assert add[:, 0].tolist() == [0.0, 0.5, 0.0, 0.0, 0.0]
    assert keep[:, 0].tolist() == [1.0, 1.0, 0.5, 0.0, 1.0]


def test_a_run_is_deflated_by_the_ledger_beside_it(tmp_path):
    from typer.testing import CliRunner

    from engine.cli import app

    grid = tmp_path / "grid.yaml"
    grid.write_text("strategy.confidence: [0.0, 0.05, 0.1]\nexits.stop_loss: [5%, 8%]\n")
    cli, out = CliRunner(), tmp_path / "runs"
    for words in ([], ["--lanes", str(grid)]):
        done = cli.invoke(app, ["run", "configs/demo/sp500-threshold.yaml", "--out", str(out), "-q", *words])
        assert done.exit_code == 0, done.output
    run = next(path for path in out.iterdir() if path.is_dir())
    told = json.loads(cli.invoke(app, ["overfitting", str(run), "--paths", "200", "--json"]).output)
    assert told["trials"] == 6 and told["dsr"] < told["psr"] and 0.0 <= told["pbo"]["pbo"] <= 1.0
    assert told["interval"]["low"] < told["sharpe"] < told["interval"]["high"]
    assert told["interval"]["value"] == pytest.approx(told["sharpe"])
    assert told["spa"]["against"] == "SPX" and not told["reasons"]
    text = cli.invoke(app, ["overfitting", str(run), "--paths", "200"]).output
    assert "6 on these bars" in text and "deflated Sharpe" in text


def test_of_one_trial_there_is_nothing_to_deflate():
    panel, forecasts = market()
    result = engine.backtest(QUINTILE, panel, forecasts)
    told = luck.examined(result, [trials.of_result(result)], 200)
    assert told["trials"] == 1 and told["dsr"] is None and told["pbo"] is None
    assert "2 strategies or more" in told["reasons"]["pbo"]
