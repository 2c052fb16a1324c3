"""Real files with their real defects; only where BARCAST_DATA names the folder that holds them."""

from __future__ import annotations

import gzip
import os
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.data import sources
from engine.data.info import describe
from engine.errors import DataError
from engine.panel import Panel

FOLDER = os.environ.get("BARCAST_DATA")
pytestmark = pytest.mark.skipif(not FOLDER, reason="BARCAST_DATA does not name the folder of real market data")


def load(name: str, symbols=None, **declared) -> Panel:
    part = {key: declared.pop(key, None) for key in ("start", "end")} | {"symbols": symbols}
    return Panel.from_frame(sources.parquet(Path(FOLDER) / name, **part), name=name, **part, **declared)


def lean_actions() -> pd.DataFrame:
    """Splits and dividends of the factor file: a row's factors hold up to its date, a change is the next day's."""
    file = Path(FOLDER) / "us_lean_factors.csv"
    table = pd.read_csv(file, parse_dates=["date"], date_format="%Y%m%d", keep_default_na=False)
    after = table.groupby("symbol", sort=False)[["price_factor", "split_factor"]].shift(-1)
    dividend = table["ref_price"] * (1 - table["price_factor"] / after["price_factor"])
    out = pd.DataFrame(
        {
            "date": table["date"] + pd.Timedelta(days=1),
            "symbol": table["symbol"],
            "split": after["split_factor"] / table["split_factor"],
            "dividend": dividend.where(dividend > 1e-9, 0.0),
        }
    )
    return out[(table["ref_price"] > 1.0) & after["split_factor"].notna()]


def test_as_traded_stocks_with_their_splits_and_dividends():
    panel = load("us_lean_raw_1998_2021.parquet", ["AAPL", "IBM"], calendar="XNYS", actions=lean_actions())
    apple = panel.actions.instrument == 0
    splits = panel.actions.split[apple & (np.abs(panel.actions.split - 1) > 0.01)]
    np.testing.assert_allclose(splits, [2.0, 2.0, 7.0, 4.0], rtol=1e-4)
    jump = int(np.flatnonzero(panel.dates() == np.datetime64("2014-06-09"))[0])
    assert panel.close[jump, 0] / panel.close[jump - 1, 0] < 0.15
    assert panel.adjusted.close[jump, 0] / panel.adjusted.close[jump - 1, 0] == pytest.approx(1.016, abs=0.001)


def test_declaring_those_prices_split_adjusted_tells_of_the_jumps():
    declared = {"prices": "split_adjusted", "dividends": "none", "calendar": "XNYS", "actions": lean_actions()}
    told = [
        line for line in load("us_lean_raw_1998_2021.parquet", ["AAPL"], **declared).warnings if "full jump" in line
    ]
    assert len(told) == 1
    assert told[0].startswith("4 splits show as a full jump")


def test_five_hundred_stocks_load_in_seconds_and_little_memory():
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    panel = load("us_top500_2000_2024.parquet", prices="split_adjusted", dividends="split_adjusted", calendar="XNYS")
    assert panel.close.shape == (6084, 500)
    assert panel.adjusted.close[0, 0] == panel.close[0, 0]
    assert time.perf_counter() - began < 10.0
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    ) < 1_200_000  # KiB; grids and adjusted are 244 MB
    assert describe(panel)["ended_early"] == 0  # survivors only


def test_a_dividend_adjusted_close_of_the_vendor_agrees():
    name = "us_top500_2000_2024.parquet"
    panel = load(name, ["AAPL"], prices="split_adjusted", dividends="split_adjusted", calendar="XNYS")
    table = pd.read_parquet(Path(FOLDER) / name, filters=[("symbol", "==", "AAPL")])
    vendor = (table["close"].astype(float) * table["adj_factor"]).to_numpy()
    ours = panel.adjusted.close[:, 0]
    assert ours[-1] / ours[0] == pytest.approx(vendor[-1] / vendor[0], rel=0.01)


def test_nairobi_publishes_no_opens():
    with pytest.raises(DataError, match=r"ABSA on 2006-11-01: no open \(in 291216 of 291216 bars\)"):
        load("kenya_nse_2006_2024.parquet", dividends="none")
    panel = load("kenya_nse_2006_2024.parquet", dividends="none", missing_open="previous_close")
    assert len(panel.universe) == 94
    assert "open is missing in 291216 of 291216 bars: the previous close stands in" in panel.warnings


def test_the_sp500_of_the_sixties_has_zero_opens_and_the_remedy_is_named():
    declared = {"prices": "split_adjusted", "dividends": "none", "calendar": "XNYS"}
    with pytest.raises(
        DataError, match=r"\^GSPC on 1962-01-02: open is 0 \(in 5075 bars\).*missing_open: previous_close"
    ):
        load("index_vix_etf.parquet", ["^GSPC"], **declared)
    panel = load("index_vix_etf.parquet", ["^GSPC"], missing_open="previous_close", **declared)
    assert np.isfinite(panel.open[1:]).all()


def test_a_file_that_a_bot_appended_has_duplicates():
    with pytest.raises(DataError, match=r"A on 2022-01-31 \(row 42\): a second bar .*\(16079 such rows\)"):
        load("us_messy_live_2021_2024.parquet", prices="split_adjusted", dividends="none")


def test_a_year_of_minutes_is_a_panel():
    panel = load("crypto_1m_bitfinex_2019.parquet", dividends="none", calendar="24/7")
    assert not panel.is_daily()
    assert int(panel.days[-1]) + 1 == 366  # the file stamps minutes at their open: its first one closes 2018 here
    assert int(panel.last_of_day.sum()) == 365  # the last session is cut off one minute before its end


RAW = {  # what each genuine file comes to: its bars, or the refusal that names the cure
    "google_NASDAQ_AAPL_30Y.csv.gz": (7560, 1),
    "kcjpop_BRK.B.csv": r":1: it is a message, not bars: '404 Not Found.*Download the file again",
    "kcjpop_CCL.csv": r"\(line 22\): a second bar .*\(45 such rows\).*Drop the duplicates",
    "kcjpop_FRC.csv": r"\(line 22\): a second bar .*\(40 such rows\).*Drop the duplicates",
    "kcjpop_MMC.csv": r"\(line 22\): a second bar .*\(44 such rows\).*Drop the duplicates",
    "kcjpop_SIVB.csv": r":338: bars begin here without a header; before them stands '\{'.*Put a line",
    "kcjpop_TT.csv": r":121: bars begin here without a header.*Put a line",
    "kcjpop_TWTR.csv": r":338: bars begin here without a header.*Put a line",
    "kenya_NSE_2009.csv.gz": r"ACCS on 2009-01-22 \(line 583\): .*after ACCS on 2009-01-29 \(line 543\).*correct the date",
    "kenya_NSE_2017.csv.gz": r"ABSA on 2015-05-09 \(line 6023\): .*after ABSA on 2017-05-08 \(line 5953\).*correct the date",
    "nse_india_RELIANCE.csv.gz": (1734, 1),
    "yfinance_multiheader_RELIANCE.NS.csv.gz": (7255, 1),
}


@pytest.mark.parametrize("name", sorted(os.listdir(Path(FOLDER) / "raw_samples")) if FOLDER else ["none"])
def test_every_raw_vendor_file_loads_or_is_refused_in_one_line_with_the_cure(name):
    file, expected = Path(FOLDER) / "raw_samples" / name, RAW.get(name)
    if isinstance(expected, tuple):
        panel = Panel.from_frame(sources.csv(file), name=name, missing_open="previous_close")
        assert panel.close.shape == expected
        return
    with pytest.raises(DataError, match=expected) as caught:
        Panel.from_frame(sources.csv(file), name=name, missing_open="previous_close")
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


def test_mended_prices_of_the_exchange_are_those_of_the_clean_table():
    raw = Path(FOLDER) / "raw_samples" / "nse_india_RELIANCE.csv.gz"
    panel = Panel.from_frame(sources.csv(raw))
    truth = load("india_nifty50_raw_2015_2021.parquet", ["RELIANCE"])
    shared = np.isin(panel.dates(), truth.dates())
    assert shared.sum() > 1700
    np.testing.assert_allclose(panel.close[shared, 0], truth.close[np.isin(truth.dates(), panel.dates()), 0], rtol=1e-7)


def test_slips_in_the_dates_of_a_years_file_once_corrected_the_rest_loads(tmp_path):
    lines = gzip.decompress((Path(FOLDER) / "raw_samples" / "kenya_NSE_2017.csv.gz").read_bytes()).decode().splitlines()
    corrected = [line.replace("09-May-15", "09-May-17") for line in lines]
    once = {tuple(line.split(",")[:2]): line for line in reversed(corrected)}  # one day stands there twice
    (tmp_path / "kenya.csv").write_text("\n".join(reversed(once.values())) + "\n")
    panel = Panel.from_frame(sources.csv(tmp_path / "kenya.csv"), dividends="none", missing_open="close_fills")
    truth = load("kenya_nse_2006_2024.parquet", ["SCOM"], dividends="none", missing_open="close_fills")
    ours = panel.close[:, panel.universe.symbols.index("SCOM")]
    theirs = truth.close[np.isin(truth.dates(), panel.dates()), 0]
    np.testing.assert_allclose(ours[np.isin(panel.dates(), truth.dates())], theirs, rtol=1e-6)
