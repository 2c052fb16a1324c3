"""Years, trailing returns, best and worst, streaks and rolling beta, worked out by hand; exports and comparisons."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import engine
from engine import export
from engine.errors import DataError
from engine.report import periods
from tests.report.runs import CLOSES, bars, played, small
from tests.results.book import fill


def held(closes, start: str) -> engine.Result:
    """One unit of everything, from the first close on: equity is 100 times the close over the first."""
    days = np.datetime64(start) + np.arange(len(closes))
    close = np.array(closes, float)[:, None]
    panel = engine.Panel.from_arrays(
        ("A",), days, *(close,) * 4, np.full_like(close, 1e9), prices="split_adjusted", lot=0.0
    )
    config = {
        "name": "held",
        "data": {"source": "packaged", "name": "sp500"},
        "signals": {"f": {"plugin": "precomputed"}},
        "strategy": {"rule": "threshold", "signal": "f", "confidence": 0.5, "exit_confidence": 0.0, "size": "100%"},
        "execution": {"lot": 0, "fill": "close"},
        "capital": 100,
        "benchmark": "A",
    }
    return engine.backtest(config, panel, np.ones((len(closes), 1)))


def cells(table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_a_year_is_from_the_last_close_of_the_year_before():
    # 2020-12-29 .. 2021-01-04; bought at the close of the second slice at 100
    result = held([100, 100, 110, 99, 108.9, 98.01, 107.811], "2020-12-29")
    rows = cells(periods.years(result))
    assert [row[0] for row in rows] == ["2020", "2021"]
    assert rows[0][1] == "10.0%" and rows[1][1] == "−2.0%"  # 107.811 / 110 - 1
    assert rows[1][-2] == "−10.9%"  # 110 -> 99 -> 108.9 -> 98.01: 98.01 / 110 - 1
    assert [row[-1] for row in rows] == ["3", "4"]


def test_trailing_returns_begin_at_the_same_day_of_earlier_months():
    closes = 100 * 1.001 ** np.arange(800)
    result = held(closes, "2020-01-01")
    rows = {row[0]: row for row in cells(periods.trailing(result))}
    assert rows["1 year"][1] == "2021-03-10"  # the last slice is 2022-03-10
    assert rows["1 year"][2] == f"{1.001**365 - 1:.1%}" == rows["1 year"][3]
    assert rows["Year to date"][2] == f"{1.001**69 - 1:.1%}"  # from 2021-12-31
    assert "3 years" not in rows and "10 years" not in rows
    assert rows["1 month"][1] == "2022-02-10" and rows["1 month"][3] == ""


def test_streaks_and_extremes():
    assert periods.longest(np.array([1, 1, 0, 1, 1, 1, 0], bool)) == (3, 5)
    assert periods.longest(np.zeros(3, bool)) == (0, -1)
    result = held([100, 100, 101, 102, 101, 103, 104, 105, 104], "2020-01-01")
    table = {row[0]: row for row in cells(periods.streaks(result))}
    assert table["Days"][1] == "3 days to 2020-01-08" and table["Days"][2] == "1 day to 2020-01-05"
    best = cells(periods.extremes(result))[0]
    assert best[1] == "2.0% (2020-01-06)" and best[2] == "−1.0% (2020-01-05)"


def test_rolling_beta_is_the_slope_of_a_regression():
    rng = np.random.default_rng(1)
    market = 0.01 * rng.standard_normal(200)
    own = 0.6 * market + 0.002 * rng.standard_normal(200) + 0.001
    beta = periods.rolling_beta(own, market, 50)
    assert np.isnan(beta[:49]).all()
    for t in (49, 120, 199):
        assert beta[t] == pytest.approx(np.polyfit(market[t - 49 : t + 1], own[t - 49 : t + 1], 1)[0], rel=1e-9)
    assert np.isnan(periods.rolling_beta(own, np.zeros(200), 50)).all()


def test_a_ruined_run_has_no_such_tables():
    result = played([[100.0], [100.0], [1.0], [1.0]], [fill(1, 30, 100.0)])  # 3000 of stock on 1000 of capital
    assert (result.facts.curve.equity <= 0.0).any() and periods.tables(result) == []
    with pytest.raises(DataError, match="zero or below"):
        export.daily_returns(result)


def test_quantstats_reads_the_returns_to_the_same_sharpe():
    quantstats = pytest.importorskip("quantstats")
    result = held(100 * np.cumprod(1 + 0.01 * np.random.default_rng(2).standard_normal(400)), "2020-01-01")
    returns = export.daily_returns(result)
    assert returns.index.tz is None
    rate = result.facts.bars_per_year
    own = quantstats.stats.sharpe(returns, periods=1) * np.sqrt(rate)
    assert own == pytest.approx(result.metrics["sharpe"], rel=1e-9)


def test_alphalens_gets_its_factor_by_date_and_asset_and_its_prices():
    forecasts = np.array([[1.0], [np.nan], [-1.0], [0.0], [0.5]])
    result = small(forecasts=forecasts)
    factor = export.factor(result)
    assert factor.index.names == ["date", "asset"] and len(factor) == 4
    assert factor.loc[("2024-01-03", "A")] == -1.0
    prices = export.prices(result, bars().adjusted.close)
    assert prices["A"].tolist() == list(CLOSES) and prices.index.name == "date"
    with pytest.raises(DataError, match="no forecast called"):
        export.factor(result, "g")


def test_an_export_is_parquet_and_reads_back(tmp_path):
    result = small()
    files = export.write(result, tmp_path / "out", bars().adjusted.close)
    assert {path.name for path in files} == {
        f"{n}.parquet" for n in ("returns", "equity", "fills", "trades", "factor-f", "prices")
    }
    back = pd.read_parquet(tmp_path / "out" / "returns.parquet")["return"]
    assert np.prod(1 + back) == pytest.approx(1.05)


def test_two_runs_stand_beside_each_other_with_what_differs(tmp_path):
    from typer.testing import CliRunner

    from engine.cli import app

    cli, out = CliRunner(), tmp_path / "runs"
    for words in ([], ["--set", "exits.stop_loss=4%"]):
        assert (
            cli.invoke(app, ["run", "configs/demo/sp500-threshold.yaml", "--out", str(out), "-q", *words]).exit_code
            == 0
        )
    runs = sorted(str(path) for path in out.iterdir() if path.is_dir())
    told = json.loads(cli.invoke(app, ["compare", *runs, "--json"]).output)
    assert set(told["differs"]) == {"exits.stop_loss"} and sorted(told["differs"]["exits.stop_loss"]) == [0.04, 0.08]
    (against,) = told["against_first"]
    assert against["sessions"] == 5031 and abs(against["t"]) < 2 and 0.5 < against["correlation"] < 1
    text = cli.invoke(app, ["compare", *runs]).output
    assert "no more than chance" in text and "exits.stop_loss" in text
    assert cli.invoke(app, ["compare", runs[0]]).exit_code != 0
    done = cli.invoke(app, ["export", runs[0]])
    assert done.exit_code == 0 and "returns.parquet" in done.output and "prices.parquet" in done.output
