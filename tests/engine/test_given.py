"""Forecasts made elsewhere: what shapes they may come in, and the one line that says what is wrong with another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.errors import DataError
from engine.given import align
from engine.panel import Panel

DATES = pd.date_range("2024-01-01", periods=3)
CLOSE = np.array([[10.0, 20], [11, 21], [12, 22]])
WIDE = pd.DataFrame([[1.0, 2], [3, 4], [5, 6]], index=DATES, columns=["A", "B"])
LONG = WIDE.rename_axis("date").reset_index().melt("date", var_name="symbol", value_name="forecast")


def panel() -> Panel:
    return Panel.from_arrays(["A", "B"], DATES, CLOSE, CLOSE, CLOSE, CLOSE, CLOSE)


TAKEN = {
    "wide": WIDE,
    "wide, its dates in a column": WIDE.rename_axis("date").reset_index(),
    "wide, its dates in a column Date": WIDE.rename_axis("Date").reset_index(),
    "wide, turned": WIDE[["B", "A"]],
    "wide, of objects": WIDE.astype(object),
    "long": LONG,
    "long, shuffled": LONG.iloc[::-1],
    "long, Title case": LONG.rename(columns=str.title),
    "long, ticker and time": LONG.rename(columns={"symbol": "Ticker", "date": "datetime"}),
    "long, date and symbol as index": LONG.set_index(["date", "symbol"]),
    "long, date as index": LONG.set_index("date"),
    "long, dates as a nameless index": LONG.set_index("date").rename_axis(None),
    "a series by date and symbol": LONG.set_index(["date", "symbol"])["forecast"],
    "nullable": LONG.astype({"forecast": "Float64"}),
    "spaces around a symbol": LONG.assign(symbol=" " + LONG["symbol"]),
}


@pytest.mark.parametrize("case", TAKEN)
def test_a_frame_is_lined_up_whatever_its_shape(case):
    np.testing.assert_array_equal(align(TAKEN[case], panel()), WIDE.to_numpy())


REFUSED = {
    "another name": (
        LONG.rename(columns={"forecast": "forcast"}),
        r"a long frame needs columns date, symbol, forecast; forecast is missing, there are date, symbol, forcast; "
        r"rename a column; did you mean 'forcast'\?",
    ),
    "prediction": (
        LONG.rename(columns={"forecast": "prediction"}),
        "forecast is missing, there are date, symbol, pred",
    ),
    "no symbol": (LONG.drop(columns="symbol"), "symbol is missing, there are date, forecast"),
    "no date": (LONG.drop(columns="date"), "date is missing, there are symbol, forecast"),
    "a symbol nobody wrote": (LONG.assign(symbol=["A", None] * 3), "row 1 has no symbol; name it or drop it"),
    "two of one meaning": (LONG.assign(Symbol="A"), "columns 'symbol' and 'Symbol' both mean symbol; drop one"),
    "empty": (LONG.iloc[:0], "the frame has no rows; expected at least one forecast"),
    "empty, without columns": (pd.DataFrame(), "the frame has no rows"),
    "text": (LONG.assign(forecast="high"), "column forecast: expected numbers; it holds 'high', a str"),
    "text in a wide one": (WIDE.assign(A="high"), "expected numbers; it holds 'high', a str"),
    "wide without dates": (WIDE.reset_index(drop=True), "a wide frame needs dates as its index, which holds numbers"),
    "levels of columns": (pd.concat({"x": WIDE}, axis=1), "its columns have 2 levels; expected one"),
    "levels without names": (
        LONG.set_index(["date", "symbol"]).rename_axis([None, None]),
        "its index has levels without a name; expected date and symbol",
    ),
    "an unknown symbol": (WIDE.rename(columns={"A": "AA"}), r"AA not in the data; did you mean 'A'\?; drop it"),
    "a frame in a list": ([WIDE], r"expected shape \(3, 2\)"),
    "a word": ("high", "expected numbers; it holds text"),
    "a mapping in a list": ([{"A": 1}], r"expected numbers; it holds \"\{'A': 1\}\", a dict"),
    "ragged": ([[1.0, 2.0], [3.0]], "expected numbers; "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_frame_that_cannot_be_lined_up_is_refused_in_one_line(case):
    given, says = REFUSED[case]
    with pytest.raises(DataError, match=says) as caught:
        align(given, panel(), "signals.f")
    assert str(caught.value).startswith("signals.f: ")
    assert "\n" not in str(caught.value)
