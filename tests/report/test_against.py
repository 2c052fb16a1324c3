"""A finished run beside another benchmark."""

from __future__ import annotations

import numpy as np
import pytest

import engine
from engine.errors import DataError
from engine.report.against import beside


@pytest.fixture(scope="module")
def result():
    config = {
        "name": "held",
        "data": {"source": "packaged", "name": "us20", "start": "2022-11-01"},
        "signals": {"m": {"plugin": "momentum", "lookback": 1, "skip": 0}},
        "strategy": {"rule": "quintile", "signal": "m", "quantile": "20%", "positive_only": False},
        "capital": 1000.0,
        "benchmark": "none",
    }
    return engine.backtest(config)


def test_a_series_begins_at_the_capital_and_holds_its_last_value(result, tmp_path):
    days = [str(day) for day in result.facts.dates]
    file = tmp_path / "bills.csv"
    file.write_text(f"date,value\n{days[0]},50\n{days[2]},55\n")
    found = beside(result, file)
    assert found.benchmark.iloc[0] == 1000.0
    assert found.benchmark.iloc[1] == 1000.0
    assert found.benchmark.iloc[2] == pytest.approx(1100.0) and found.benchmark.iloc[-1] == pytest.approx(1100.0)
    assert found.benchmark_metrics["total_return"] == pytest.approx(0.1)
    assert found.config["benchmark"] == "bills" and result.facts.benchmark is None
    assert found.metrics == result.metrics


def test_another_run_is_a_benchmark_and_a_run_beside_itself_is_equal(result, tmp_path):
    result.save(tmp_path / "run")
    found = beside(result, tmp_path / "run")
    first = result.facts.curve.equity[0]
    np.testing.assert_allclose(found.facts.benchmark, 1000.0 * result.facts.curve.equity / first)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,price\n2022-11-01,1\n", "expected columns date and value"),
        ("date,value\n2022-11-01,0\n", "values above 0"),
        ("date,value\n2022-11-01,1\n2022-11-01,2\n", "stands twice"),
        ("date,value\n2031-01-01,1\n", "no value up to"),
        ("date,value\nsoon,1\n", "soon"),
    ],
)
def test_a_series_that_says_nothing_is_refused_in_one_line(result, tmp_path, text, said):
    file = tmp_path / "b.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=said) as error:
        beside(result, file)
    assert "\n" not in str(error.value)
