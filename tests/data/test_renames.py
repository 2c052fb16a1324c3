"""Tickers change hands: a map makes one symbol of a company, and no company of two."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.data.renames import applied, read
from engine.errors import DataError

FOLDER = os.environ.get("BARCAST_DATA")


def write(folder, *lines: str) -> Path:
    (folder / "map.csv").write_text("\n".join(lines) + "\n")
    return folder / "map.csv"


def frame(*rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["date", "symbol", "close"])
    return table.assign(date=pd.to_datetime(table["date"]))


INTERVALS = (
    "symbol,ticker,start,end",
    "META,FB,2012-05-18,2022-06-08",
    "META,META,2022-06-09,",
    "OLD,META,,2022-01-28",
)
ENDS = ("date,ticker,exch,permtick", "20120518,fb,Q,META", "20220608,fb,Q,META", "20501231,meta,Q,META")


@pytest.mark.parametrize("lines", [INTERVALS, ENDS])
def test_a_company_keeps_its_symbol_through_its_tickers(tmp_path, lines):
    given = frame(("2022-06-08", "FB", 196.64), ("2022-06-09", "META", 184.0), ("2022-06-08", "ZZ", 1.0))
    out, notes = applied(given, read(write(tmp_path, *lines)))
    assert out["symbol"].tolist() == ["META", "META", "ZZ"]
    assert out["close"].tolist() == [196.64, 184.0, 1.0]
    assert notes == ["1 rows carry the symbol of the company that had their ticker then"]
    assert given["symbol"].tolist() == ["FB", "META", "ZZ"]  # the frame given is left as it was


def test_rows_of_a_ticker_outside_its_terms_are_another_companys(tmp_path):
    given = frame(("2011-01-03", "FB", 2.0), ("2012-05-18", "FB", 38.0), ("2022-03-01", "META", 9.0))
    out, notes = applied(given, read(write(tmp_path, *ENDS)))
    assert out[["symbol", "close"]].to_numpy().tolist() == [["META", 38.0]]
    assert notes[0] == "2 rows of FB, META lie outside the terms of their tickers and are left out"
    out, _ = applied(given, read(write(tmp_path, *INTERVALS)))
    assert out["symbol"].tolist() == ["META"]


def test_the_one_day_on_which_a_ticker_passes_on_belongs_to_one(tmp_path):
    lines = ("symbol,ticker,start,end", "GOOGL,GOOG,2004-08-19,2014-04-02", "GOOG,GOOG,2014-04-03,")
    given = frame(("2014-04-02", "GOOG", 1135.1), ("2014-04-03", "GOOG", 569.74))
    assert applied(given, read(write(tmp_path, *lines)))[0]["symbol"].tolist() == ["GOOG", "GOOGL"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ("symbol,ticker,start,end", "A,X,2020-01-01,2020-06-30", "B,X,2020-06-30,"),
            r"map\.csv:3: two companies have one ticker: B as x from 2020-06-30, and A as x until 2020-06-30 \(map\.csv:2\)",
        ),
        (
            ("symbol,ticker,start,end", "A,X,2020-01-01,", "A,Y,2020-06-30,"),
            r"map\.csv:3: a company has two tickers: A as y from 2020-06-30, and A as x until 9999-12-31",
        ),
        (("symbol,ticker,start,end", "A,X,2020-06-30,2020-01-01"), r"map\.csv:2: x ends 2020-01-01, before its start"),
        (("symbol,ticker,start,end", "A,X,1/2/2020,"), r"map\.csv:2: start is '1/2/2020'; expected a date"),
        (("symbol,ticker,start,end", "A,,,"), r"map\.csv:2: there is no ticker"),
        ((ENDS[0], ENDS[3], ENDS[2]), r"map\.csv:3: META: dates must rise; 2022-06-08 comes after 2050-12-30"),
        (("date,ticker", "20200101,x"), r"map\.csv:1: expected columns symbol, ticker, date; symbol is missing"),
    ],
)
def test_maps_that_cannot_be_are_refused_in_one_line(tmp_path, lines, says):
    with pytest.raises(DataError, match=says) as caught:
        read(write(tmp_path, *lines))
    assert "\n" not in str(caught.value)


def test_two_rows_of_one_company_and_date_are_refused(tmp_path):
    given = frame(("2022-06-08", "FB", 1.0), ("2022-06-08", "fb", 2.0))
    with pytest.raises(
        DataError, match=r"bars: META has two rows on 2022-06-08 once tickers are companies \(1 such rows\)"
    ):
        applied(given, read(write(tmp_path, *ENDS)), "bars")


@pytest.mark.skipif(not FOLDER, reason="BARCAST_DATA does not name the folder of real market data")
def test_waste_management_is_one_company_under_three_tickers():
    bars = pd.read_parquet(Path(FOLDER) / "us_lean_raw_1998_2021.parquet")
    terms = read(Path(FOLDER) / "us_lean_map.csv")
    out, notes = applied(bars, terms)
    own = out[out["symbol"] == "WM"]
    assert (len(own), str(own["date"].min()), str(own["date"].max())) == (5849, "1998-01-02", "2021-03-31")
    close = own["close"].to_numpy(np.float64)
    days = pd.to_datetime(own["date"]).to_numpy()
    for day in ("1998-07-17", "2009-08-05"):  # the first day as WMI, and the first as WM
        k = int(np.searchsorted(days, np.datetime64(day)))
        assert abs(close[k] / close[k - 1] - 1.0) < 0.05
    assert notes[0] == "4615 rows of BAC, BNO, EEM, USO, WM lie outside the terms of their tickers and are left out"
