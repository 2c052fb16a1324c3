"""Every bad table is refused in one line that says where, what was expected, what was there, and the way out."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from engine.errors import DataError
from engine.panel import Panel

NAN = float("nan")


def good() -> pd.DataFrame:
    dates = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"] * 2)
    frame = pd.DataFrame({"date": dates, "symbol": ["AA"] * 3 + ["BB"] * 3, "close": [10.0, 11, 12, 20, 21, 22]})
    return frame.assign(open=frame["close"], high=frame["close"] + 1, low=frame["close"] - 1, volume=5.0)


def put(row: int, column: str, value: object) -> pd.DataFrame:
    frame = good()
    if isinstance(value, str):
        frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


def twice() -> pd.DataFrame:
    return good().iloc[[0, 1, 2, 3, 4, 4, 5]]


BAD = {
    "no close": (good().drop(columns="close"), "close is missing, there are date, symbol, open"),
    "no date": (good().drop(columns="date"), "date is missing"),
    "two closes": (good().assign(Close=1.0), "columns 'close' and 'Close' both mean close; drop one"),
    "unsorted": (
        good().iloc[[0, 2, 1, 3, 4, 5]],
        r"AA on 2024-01-03 \(row 2\): bars of one symbol must rise in time.*Sort",
    ),
    "duplicate": (twice(), r"BB on 2024-01-03 \(row 5\): a second bar .*\(1 such rows\).*Drop the duplicates"),
    "crossed": (put(4, "high", 3.0), "BB on 2024-01-03: high 3 is below low 20"),
    "negative": (put(4, "close", -3.0), r"BB on 2024-01-03: close is -3 \(in 1 bars\); expected above 0"),
    "negative volume": (put(4, "volume", -3.0), "BB on 2024-01-03: volume is -3"),
    "zero close": (put(4, "close", 0.0), "BB on 2024-01-03: close is 0"),
    "infinite": (put(4, "low", np.inf), "BB on 2024-01-03: low is infinite"),
    "text": (put(4, "close", "1,001.5"), r"BB on 2024-01-03 \(row 4\): close is '1,001.5'; expected a number"),
    "text date": (put(4, "date", "03/01/2024"), "row 4: date is '03/01/2024'; expected an ISO date"),
    "a bare date among times": (
        good().assign(date=["2024-01-02 16:00", "2024-01-03", "2024-01-04 16:00"] * 2),
        "date mixes dates, times and zones, such as '2024-01-02 16:00' and '2024-01-03'; expected one kind",
    ),
    "a zone at first": (
        good().assign(date=["2024-01-02T16:00Z", "2024-01-03T16:00", "2024-01-04T16:00"] * 2),
        "date mixes dates, times and zones",
    ),
    "a zone at last": (
        good().assign(date=["2024-01-02T16:00", "2024-01-03T16:00", "2024-01-04T16:00-05:00"] * 2),
        "date mixes dates, times and zones",
    ),
    "no date in a row": (put(4, "date", pd.NaT), "row 4 has no date"),
    "no symbol in a row": (put(4, "symbol", None), "row 4 has no symbol"),
    "an empty symbol": (put(4, "symbol", "  "), "row 4 has an empty symbol; name it or drop the row"),
    "a number and a text": (
        good().assign(symbol=pd.Series([1] * 3 + ["1"] * 3, dtype=object)),
        r"two symbols are both called '1', one a int and one a str; .* Make the column text, with astype\(str\)",
    ),
    "numbers for dates": (good().assign(date=20240102), "column date holds numbers, such as 20240102"),
    "negative dividend": (
        good().assign(dividend=[0, -1.0, 0, 0, 0, 0]),
        "AA on 2024-01-03: dividend is -1; expected cash",
    ),
    "zero split": (
        good().assign(split=[1, 0.0, 1, 1, 1, 1]),
        "AA on 2024-01-03: split is 0; expected new shares per old",
    ),
    "two lots": (
        good().assign(lot=[1, 1, 1, 1, 1, 2.0]),
        r"BB on 2024-01-04 \(row 5\): lot is 2.0, elsewhere 1.0; expected one",
    ),
    "negative lot": (good().assign(lot=-1.0), "AA: lot is -1; expected 0 or more"),
    "zero tick": (good().assign(tick=0.0), "AA: tick is 0; expected above 0"),
    "infinite multiplier": (good().assign(multiplier=np.inf), "AA: multiplier is inf; expected above 0"),
    "negative terminal value": (
        good().assign(terminal_value=[1, 1, 1, -2.0, -2, -2]),
        "BB: terminal_value is -2; expected 0 or more, or empty where it is not known",
    ),
    "infinite terminal value": (good().assign(terminal_value=np.inf), "AA: terminal_value is inf; expected 0 or more"),
    "two sectors": (good().assign(sector=["x", "y", "x", "x", "x", "x"]), "row 1.*sector is"),
    "empty": (good().iloc[:0], "there are no rows"),
    "no bar": (good().assign(close=NAN), "no row has a close"),
    "levels": (good().set_index(["date", "symbol"]).unstack("symbol"), "its columns have 2 levels"),
    "not a table": ([1, 2, 3], "expected a DataFrame or an Arrow table of bars; it was list"),
    "far future": (good().assign(date="2999-01-01"), "lies outside 1678 to 2262"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_refused_in_one_line(case):
    frame, says = BAD[case]
    with pytest.raises(DataError) as caught:
        Panel.from_frame(frame, name="bars.parquet")
    message = str(caught.value)
    assert message.startswith("bars.parquet: ")
    assert "\n" not in message
    assert re.search(says, message), message


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"symbols": ["AB"]}, r"symbol 'AB' is not there; did you mean 'AA'\? \(2 symbols: AA, BB\)"),
        ({"symbols": []}, "symbols is empty"),
        ({"start": "2025-01-01"}, "no bars from 2025-01-01 to the last; the data has 2024-01-02 to 2024-01-04"),
        ({"start": "2024-02-01", "end": "2024-01-01"}, "start 2024-02-01 is after end 2024-01-01"),
        ({"start": "1/2/2024"}, "start is '1/2/2024'; expected a date"),
        ({"prices": "adjusted"}, r"prices: expected as_traded .* it was 'adjusted'; did you mean 'split_adjusted'"),
        ({"dividends": "yes"}, "dividends: expected as_traded"),
        ({"missing_open": "close"}, "missing_open: expected refuse"),
        ({"prices": "total_return"}, "total_return holds the dividends already, but dividends is as_traded"),
        ({"calendar": "NYSE?"}, "calendar: expected an exchange's code"),
        ({"members": np.ones((2, 2), bool)}, r"members has shape \(2, 2\) of bool; expected bool \(3, 2\)"),
        (
            {"members": pd.DataFrame({"who": []})},
            "members: expected columns symbol, start, end; symbol is missing, there are who; rename",
        ),
    ],
)
def test_a_bad_argument_is_refused_in_one_line(arguments, says):
    with pytest.raises(DataError, match=says) as caught:
        Panel.from_frame(good(), **arguments)
    assert "\n" not in str(caught.value)


def test_total_returns_with_dividends_are_refused():
    with pytest.raises(DataError, match="1 dividends are given"):
        Panel.from_frame(good().assign(dividend=[0, 1, 0, 0, 0, 0]), prices="total_return", dividends="none")


def test_total_returns_may_have_a_column_of_no_dividends():
    assert not len(Panel.from_frame(good().assign(dividend=0.0), prices="total_return", dividends="none").actions)


def test_a_vendors_splits_column_may_say_zero_for_none():
    assert not len(Panel.from_frame(good().assign(**{"Stock Splits": 0.0, "Dividends": 0.0})).actions)


def test_spaces_around_a_symbol_say_nothing():
    frame = good().assign(symbol=[" AA", "AA ", "AA", "BB", "BB\t", "BB"])
    assert Panel.from_frame(frame).fingerprint == Panel.from_frame(good()).fingerprint


def arrays(**changes: object) -> dict:
    """Two days of two instruments, as Panel.from_arrays takes them."""
    close = np.array([[10.0, 20.0], [11.0, 21.0]])
    given = {"symbols": ["AA", "BB"], "times": ["2024-01-02", "2024-01-03"], "volume": close, "name": "here"}
    return {**given, **dict.fromkeys(("open", "high", "low", "close"), close), **changes}


LATER = np.array(["2024-01-02T16:00", "2024-01-03T16:00"], "datetime64[s]")
BAD_ARRAYS = {
    "negative lot": ({"lot": -1.0}, r"lot is -1; expected 0 \(any fraction\) or more. Correct it"),
    "unknown lot": ({"lot": NAN}, "lot is nan; expected 0"),
    "infinite lot": ({"lot": np.inf}, "lot is inf; expected 0"),
    "text for a lot": ({"lot": "one"}, "lot is 'one'; expected one number"),
    "two lots": ({"lot": [1.0, 2.0]}, r"lot is \[1.0, 2.0\]; expected one number"),
    "zero tick": ({"tick": 0.0}, "tick is 0; expected above 0, or None"),
    "negative tick": ({"tick": -0.01}, "tick is -0.01; expected above 0"),
    "text for members": ({"member": [["yes", "no"], ["no", "yes"]]}, "member: expected numbers; it holds text"),
    "unknown members": (
        {"member": [[1.0, NAN], [1.0, 0.0]]},
        "member is nan in row 0, column 1; expected true or false",
    ),
    "members turned": ({"member": np.ones((4, 1), bool)}, r"member has shape \(4, 1\); expected \(2, 2\)"),
    "no time": ({"times": np.array(["2024-01-02", "NaT"], "datetime64[ns]")}, "row 1 has no times"),
    "a bare date among times": ({"times": ["2024-01-02T16:00", "2024-01-03"]}, "times mixes dates, times and zones"),
    "falling times": ({"times": LATER[::-1]}, "times must rise; row 1 is 2024-01-02T16:00:00, after 2024-01-03T16:00"),
    "numbers with a point": ({"times": [1.5, 2.5]}, "column times holds numbers, such as 1.5; expected dates"),
    "one time": ({"times": "2024-01-02"}, r"times has shape \(\); expected one date or time per slice"),
    "no times": ({"times": []}, r"times has shape \(0,\)"),
    "no symbols": ({"symbols": []}, "symbols must ascend, differ and not be empty; they were"),
    "an empty symbol": ({"symbols": ["", "BB"]}, "symbols must ascend, differ and not be empty"),
    "a number of symbols": ({"symbols": 2}, "symbols is 2; expected a list of names"),
    "text in closes": ({"close": [["10", "20"], ["11", "21"]]}, "close: expected numbers; it holds text"),
    "dates in closes": (
        {"close": np.full((2, 2), np.datetime64("2024-01-02"))},
        "close: expected numbers; it holds dates",
    ),
    "complex closes": ({"close": np.ones((2, 2), complex)}, "close: expected numbers; it holds complex numbers"),
    "ragged closes": ({"close": [[1.0, 2.0], [1.0]]}, "close: expected numbers;"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_refused_in_one_line(case):
    changes, says = BAD_ARRAYS[case]
    with pytest.raises(DataError, match=says) as caught:
        Panel.from_arrays(**arrays(**changes))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("here: ")


def test_a_universe_that_cannot_be_is_refused():
    from engine.types import Universe

    universe = Universe.of(("AA", "BB"))
    universe.terminal_value[1] = -1.0
    with pytest.raises(DataError, match="here: BB: terminal_value is -1; expected 0 or more"):
        Panel.from_arrays(**arrays(universe=universe))


def test_times_with_a_zone_are_closes_and_members_may_be_ones_and_zeros():
    zoned = pd.DatetimeIndex(LATER).tz_localize("America/New_York")
    panel = Panel.from_arrays(**arrays(times=zoned, member=[[1, 0], [True, True]]))
    assert panel.times[0] == pd.Timestamp("2024-01-02 21:00", tz="UTC").value
    assert panel.member.tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize(("key", "value"), [("lot", -1.0), ("lot", NAN), ("tick", 0.0), ("tick", "a cent")])
def test_a_panel_takes_no_step_that_cannot_be(key, value):
    with pytest.raises(DataError, match=f"{key} is "):
        Panel.from_frame(good(), **{key: value})
    with pytest.raises(DataError, match=f"{key} is "):
        Panel.from_frame(good()).with_steps(**{"lot": None, "tick": None, key: value})
