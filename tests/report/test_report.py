"""The report: one file, nothing from the network, nothing that a hostile name could do."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import engine
from engine.report import charts, render, write

HOSTILE = "</script><script>alert('x')</script><b>&"


def small(symbol: str = "A", closes=(100.0, 100.0, 110.0, 90.0, 95.0), **changes):
    dates = pd.date_range("2024-01-01", periods=len(closes))
    before = [closes[0], *closes[:-1]]
    frame = pd.DataFrame({"date": dates, "symbol": symbol, "open": before, "close": closes, "volume": 1e6})
    frame["high"], frame["low"] = frame[["open", "close"]].max(axis=1), frame[["open", "close"]].min(axis=1)
    panel = engine.Panel.from_frame(frame, prices="as_traded", dividends="none")
    config = {
        "name": "small",
        "data": {"source": "packaged", "name": "sp500"},
        "signals": {"f": {"plugin": "precomputed"}},
        "strategy": {"rule": "threshold", "signal": "f", "confidence": 1.0, "exit_confidence": 0.0, "size": "50%"},
        "capital": 1000,
        **changes,
    }
    forecasts = changes.pop("forecasts", np.array([[1.0], [1.0], [-1.0], [0.0], [0.0]]))
    config.pop("forecasts", None)
    return engine.backtest(config, panel=panel, forecasts=forecasts)


def without_plotly(page: str) -> str:
    from plotly.offline import get_plotlyjs

    assert page.count(get_plotlyjs()) == 1
    return page.replace(get_plotlyjs(), "")


def test_the_report_is_one_document_that_asks_nothing_of_the_network():
    page = without_plotly(render(small()))
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert not re.search(r"https?://|//cdn|<link|@import|src=", page)


def test_belief_comes_before_performance():
    page = render(small())
    assert page.index("How far to believe it") < page.index("How it did") < page.index("Equity and drawdown")
    assert "not checked (causality audit)" in page


def test_a_hostile_symbol_stays_a_name():
    page = without_plotly(render(small(symbol=HOSTILE, benchmark=HOSTILE)))
    assert "<script>alert" not in page
    assert "alert(&#39;x&#39;)" in page
    assert page.count("</script>") == 3


def test_json_in_a_script_cannot_close_it():
    told = charts.in_script({"a": "</script>\u2028\u2029&<"})
    assert not set("<>&\u2028\u2029") & set(told)


def test_thinning_keeps_the_extremes_and_the_ends():
    values = np.sin(np.arange(100_000) / 900.0)
    values[54_321], values[76_543] = 9.0, -9.0
    rows = charts.thin(values, 500)
    assert len(rows) <= 502
    assert {0, 54_321, 76_543, 99_999} <= set(rows.tolist())
    assert charts.thin(values[:400], 500).tolist() == list(range(400))


@pytest.mark.parametrize(
    "changes",
    [
        {"forecasts": np.full((5, 1), np.nan)},
        {"closes": (100.0, 100.0, 100.0, 100.0, 100.0)},
        {
            "caps": {"max_gross": 9.0, "max_weight": 1.0},
            "strategy": {"rule": "threshold", "signal": "f", "confidence": 1.0, "size": "100%"},
        },
    ],
    ids=["no trades", "nothing moves", "one trade"],
)
def test_a_report_is_made_of_runs_with_little_to_tell(changes):
    page = without_plotly(render(small(**changes)))
    assert not re.search(r"\b(nan|inf)\b", page, re.IGNORECASE)


def test_ruin_is_said_at_the_top():
    strategy = {"rule": "threshold", "signal": "f", "confidence": 0.5, "size": "100%", "side": "short"}
    result = small(closes=(100.0, 100.0, 100.0, 250.0, 250.0), strategy=strategy, forecasts=np.full((5, 1), -1.0))
    assert result.facts.ended == "ruin"
    assert "ended in ruin" in render(result)


def test_the_report_is_written_beside_the_run_and_nothing_half_written_stays(tmp_path):
    result = small()
    folder = result.save(tmp_path / "run")
    assert write(folder).read_text() == render(engine.Result.load(folder))
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
