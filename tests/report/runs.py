"""Small runs for reports: five literal bars with one trade, and accounts played by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

import engine
from engine.manifest import make_manifest
from engine.result import Result
from tests.results.book import market, play

CLOSES = (100.0, 100.0, 110.0, 90.0, 95.0)
HOSTILE = "<img src=x onerror=boom()>%{y}&amp;$x$</script><script>boom()</script>"


def bars(symbol: str = "A", closes=CLOSES) -> engine.Panel:
    dates = pd.date_range("2024-01-01", periods=len(closes))
    before = [closes[0], *closes[:-1]]
    frame = pd.DataFrame({"date": dates, "symbol": symbol, "open": before, "close": closes, "volume": 1e6})
    frame["high"], frame["low"] = frame[["open", "close"]].max(axis=1), frame[["open", "close"]].min(axis=1)
    return engine.Panel.from_frame(frame, prices="as_traded", dividends="none")


def small(symbol: str = "A", closes=CLOSES, forecasts=None, unit: str = "return", **changes) -> Result:
    """5 bought at the open of slice 1 at 100, sold at the open of slice 3 at 110: 1000 becomes 1050. No costs."""
    config = {
        "name": "small",
        "data": {"source": "packaged", "name": "sp500"},
        "signals": {"f": {"plugin": "precomputed", "unit": unit}},
        "strategy": {"rule": "threshold", "signal": "f", "confidence": 1.0, "exit_confidence": 0.0, "size": "50%"},
        "capital": 1000,
        **changes,
    }
    said = np.array([[1.0], [1.0], [-1.0], [0.0], [0.0]]) if forecasts is None else forecasts
    return engine.backtest(config, panel=bars(symbol, closes), forecasts=said)


def played(close, orders, config=None, **options) -> Result:
    """A Result of exactly these fills; options of the market and of the play go where they belong."""
    ours = {key: options.pop(key) for key in ("open", "high", "low", "splits", "dividends") if key in options}
    record = play(market(close, **ours), orders, **options)
    said = {"name": "played", "benchmark": "none"} | (config or {})
    return Result(record, said, make_manifest(said, record, {}, []))


def without_plotly(page: str) -> str:
    """The page less plotly's script, which must be in it exactly once."""
    from plotly.offline import get_plotlyjs

    assert page.count(get_plotlyjs()) == 1
    return page.replace(get_plotlyjs(), "")


def text_of(page: str) -> str:
    """What a reader sees of a page, blanks as one; without scripts and styles."""
    import html
    import re

    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", without_plotly(page), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", bare)))
