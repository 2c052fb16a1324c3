"""yfinance itself, with its own session and hosts, against a vendor on loopback; only time is ours.

The bars are a vendor's genuine ones where the folder of real data is there (8TRA.DE, 2023), written into the chart's schema.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from engine.data.fetch.asking import Clock
from engine.data.fetch.fetching import fetch
from engine.data.fetch.yahoo import Yahoo
from engine.errors import DataError
from tests.data.fetch.desk import BROKEN, FORBIDDEN, LIMITED, PAGE, Answer, Desk, FakeTime, authority, served

pytest.importorskip("yfinance")
pytest.importorskip("cryptography")
pytestmark = pytest.mark.filterwarnings("ignore")  # of yfinance and its libraries
FOLDER = os.environ.get("BARCAST_DATA")
DAYS = pd.bdate_range("2024-01-02", "2024-01-12")
START, END = np.datetime64("2024-01-01"), np.datetime64("2024-01-31")
CHART = "/v8/finance/chart/"


def made() -> pd.DataFrame:
    """Nine days at 100, 101, ...: a dividend on the 8th, a split of 2:1 on the 10th."""
    close = 100.0 + np.arange(len(DAYS))
    frame = pd.DataFrame(
        {"Open": close - 0.5, "High": close + 1.0, "Low": close - 1.0, "Close": close, "Adj Close": close * 0.99}
    )
    frame["Volume"], frame["Dividends"], frame["Stock Splits"] = 1000.0, 0.0, 0.0
    frame.loc[4, "Dividends"], frame.loc[6, "Stock Splits"] = 0.25, 2.0
    return frame.set_index(DAYS)


def chart(symbol: str, frame: pd.DataFrame, zone: str = "America/New_York") -> dict:
    """A frame as Yahoo's chart tells it."""
    stamp = [int(day.tz_localize(zone).timestamp()) + 34_200 for day in frame.index]
    events: dict = {"dividends": {}, "splits": {}}
    for when, paid, split in zip(stamp, frame["Dividends"], frame["Stock Splits"], strict=True):
        if paid:
            events["dividends"][str(when)] = {"amount": float(paid), "date": when}
        if split:
            events["splits"][str(when)] = {
                "date": when,
                "numerator": float(split),
                "denominator": 1.0,
                "splitRatio": f"{split}:1",
            }
    quote = {
        name.lower(): [None if np.isnan(v) else float(v) for v in frame[name]]
        for name in ("Open", "High", "Low", "Close")
    }
    quote["volume"] = [int(v) for v in frame["Volume"]]
    meta = {
        "currency": "USD", "symbol": symbol, "exchangeName": "NMS", "instrumentType": "EQUITY", "firstTradeDate": 345479400,
        "regularMarketTime": stamp[-1] if stamp else 0, "gmtoffset": -18000, "timezone": "EST", "exchangeTimezoneName": zone,
        "priceHint": 2, "dataGranularity": "1d", "range": "", "validRanges": ["1d", "5d", "1mo", "max"],
        "currentTradingPeriod": {k: {"timezone": "EST", "start": 0, "end": 0, "gmtoffset": -18000} for k in ("pre", "regular", "post")},
    }  # fmt: skip
    indicators = {"quote": [quote], "adjclose": [{"adjclose": [float(v) for v in frame["Adj Close"]]}]}
    return {
        "chart": {
            "result": [{"meta": meta, "timestamp": stamp, "events": events, "indicators": indicators}],
            "error": None,
        }
    }


def routes(frames: dict[str, pd.DataFrame], zone: str = "America/New_York"):
    missing = {
        "chart": {
            "result": None,
            "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
        }
    }
    nothing = {
        "chart": {
            "result": None,
            "error": {"code": "Bad Request", "description": "Data doesn't exist for startDate = 1, endDate = 2"},
        }
    }

    def answer(host: str, path: str, query: dict[str, str]) -> Answer:
        if host == "fc.yahoo.com":
            return Answer(
                "", 404, "text/html", Set_Cookie="A3=d=x; Domain=.yahoo.com; Path=/; Max-Age=31557600; Secure"
            )
        if path.endswith("/getcrumb"):
            return Answer("abc123", kind="text/plain")
        if path.startswith(CHART):
            symbol = path.removeprefix(CHART)
            if symbol not in frames:
                return Answer(missing, 404)
            frame = frames[symbol]
            if "period1" in query:
                low, high = int(query["period1"]), int(query["period2"])
                stamp = np.array([day.tz_localize(zone).timestamp() for day in frame.index])
                frame = frame[(stamp >= low) & (stamp < high)]
                if not len(frame):
                    return Answer(nothing, 400)
            return Answer(chart(symbol, frame, zone))
        return Answer("<html>no</html>", 404, "text/html")

    return answer


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def yahoo(signed, tmp_path):
    """A desk, a Yahoo that asks it, and a clock on 2024-02-01."""
    ca, context = signed
    desk = Desk(routes({"AAA": made(), "BBB": made() * 2.0}), CHART)
    with served(desk, context) as port:
        proxy = f"http://127.0.0.1:{port}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            vendor = Yahoo(tmp_path / "cache", proxies={"https": proxy, "http": proxy}, verify=str(ca))
            yield desk, vendor, FakeTime("2024-02-01T15:00:00+00:00")
            vendor._session.close()


def got(yahoo, tmp_path, symbols=("AAA",), start=START, end=END, said=None):
    _, vendor, time = yahoo
    return fetch(
        vendor,
        symbols,
        start,
        end,
        tmp_path / "out.parquet",
        Clock(time.now, time.sleep),
        (said if said is not None else []).append,
    )


def test_bars_dividends_and_splits_come_as_they_are_sent(yahoo, tmp_path):
    done = got(yahoo, tmp_path, ("AAA", "BBB"))
    table = pd.read_parquet(done.path)
    one = table[table["symbol"] == "AAA"].reset_index(drop=True)
    sent = made()
    for word, name in (
        ("open", "Open"),
        ("high", "High"),
        ("low", "Low"),
        ("close", "Close"),
        ("adj_close", "Adj Close"),
        ("volume", "Volume"),
    ):
        np.testing.assert_array_equal(one[word], sent[name])
    assert [str(day) for day in one["date"]] == [str(day.date()) for day in DAYS]
    assert one["dividend"].tolist() == [0, 0, 0, 0, 0.25, 0, 0, 0, 0] and one["split"].tolist() == [
        1,
        1,
        1,
        1,
        1,
        1,
        2,
        1,
        1,
    ]
    assert done.bars == 18 and done.symbols == ("AAA", "BBB") and not (tmp_path / "out.parquet.parts").exists()
    hosts = {host for host, _, _ in yahoo[0].asked}
    own = {
        "fc.yahoo.com",
        "query1.finance.yahoo.com",
        "query2.finance.yahoo.com",
    }  # a crumb that it has it asks for no more
    assert "query2.finance.yahoo.com" in hosts and hosts <= own
    told = pq.read_schema(done.path).metadata[b"barcast.fetched"].decode()
    assert '"source": "yfinance"' in told and '"fetched": "2024-02-01T15:00:' in told


@pytest.mark.skipif(not FOLDER, reason="BARCAST_DATA does not name the folder of real market data")
def test_genuine_bars_come_through_unchanged(signed, tmp_path):
    file = Path(FOLDER).parent / "fixtures/yahoo_bad/8TRA-DE-1d-missing-div-adjust.csv"
    if not file.exists():
        pytest.skip("the vendor's files are not there")
    frame = pd.read_csv(file, index_col=0)
    frame.index = pd.DatetimeIndex([text[:10] for text in frame.index])
    ca, context = signed
    time = FakeTime("2023-07-01T12:00:00+00:00")
    with served(Desk(routes({"8TRA.DE": frame}, "Europe/Berlin"), CHART), context) as port:
        vendor = Yahoo(tmp_path / "cache", proxies={"https": f"http://127.0.0.1:{port}"}, verify=str(ca))
        done = fetch(
            vendor,
            ["8TRA.DE"],
            np.datetime64("2023-05-01"),
            np.datetime64("2023-06-30"),
            tmp_path / "o.parquet",
            Clock(time.now, time.sleep),
        )
        vendor._session.close()
    table = pd.read_parquet(done.path)
    np.testing.assert_array_equal(table["close"], frame["Close"])
    np.testing.assert_array_equal(table["dividend"], frame["Dividends"])
    assert [str(day) for day in table["date"]] == [str(day.date()) for day in frame.index]


def test_a_limit_is_waited_for_as_long_as_it_says(yahoo, tmp_path):
    desk, _, time = yahoo
    desk.script = [LIMITED] * 4  # each is asked for twice by the client itself
    said = []
    done = got(yahoo, tmp_path, said=said)
    assert done.bars == 9 and 7.0 in time.slept
    assert any("limits the rate (HTTP 429); again in 7 s" in text for text in said)


@pytest.mark.parametrize("fault", [BROKEN, PAGE, Answer("{", 200), Answer(b"", cut=120)])
def test_an_answer_that_cannot_be_read_is_asked_for_again(yahoo, tmp_path, fault):
    desk, _, time = yahoo
    desk.script = [fault, fault]
    done = got(yahoo, tmp_path)
    assert done.bars == 9 and 2.0 in time.slept
    np.testing.assert_array_equal(pd.read_parquet(done.path)["close"], made()["Close"])


@pytest.mark.parametrize(
    ("fault", "text"), [(LIMITED, "limits the rate"), (BROKEN, "out of order"), (PAGE, "no answer that can be read")]
)
def test_a_vendor_that_never_answers_is_given_up_in_one_line(yahoo, tmp_path, fault, text):
    yahoo[0].script = [fault] * 60
    with pytest.raises(DataError, match=rf"yfinance AAA: .*{text}.*6 times\. Run the same command again later") as told:
        got(yahoo, tmp_path)
    assert "\n" not in str(told.value) and not (tmp_path / "out.parquet").exists()


def test_a_refusal_by_country_is_told_at_once(yahoo, tmp_path):
    yahoo[0].script = [FORBIDDEN] * 20
    with pytest.raises(DataError, match=r"refuses this network or country \(HTTP 451\)"):
        got(yahoo, tmp_path)
    assert max(yahoo[2].slept) < 1.0  # nothing but the pause before the question


def test_a_fetch_that_broke_off_goes_on_where_it_was(yahoo, tmp_path):
    desk, _, _ = yahoo
    whole, seen = desk.routes, []

    def breaking(host, path, query):
        if path == f"{CHART}BBB":
            seen.append(path)
            return FORBIDDEN
        return whole(host, path, query)

    desk.routes = breaking
    with pytest.raises(DataError, match="yfinance BBB"):
        got(yahoo, tmp_path, ("AAA", "BBB"))
    assert seen and (tmp_path / "out.parquet.parts").is_dir() and not (tmp_path / "out.parquet").exists()
    desk.routes, asked = whole, len(desk.asked)
    done = got(yahoo, tmp_path, ("AAA", "BBB"))
    assert done.kept == 1 and done.bars == 18
    assert not [path for _, path, _ in desk.asked[asked:] if path.endswith("AAA")]


def test_another_range_does_not_go_on_from_a_broken_fetch(yahoo, tmp_path):
    yahoo[0].script = [FORBIDDEN] * 20
    with pytest.raises(DataError):
        got(yahoo, tmp_path)
    yahoo[0].script = []
    with pytest.raises(DataError, match="holds a broken fetch of yfinance .* remove that folder"):
        got(yahoo, tmp_path, start=np.datetime64("2023-01-01"))


def test_todays_bar_is_left_out(yahoo, tmp_path):
    yahoo[2].seconds = pd.Timestamp("2024-01-12 15:00", tz="UTC").timestamp()  # the session of the 12th is on
    table = pd.read_parquet(got(yahoo, tmp_path, end=None).path)
    assert str(table["date"].iloc[-1]) == "2024-01-11" and len(table) == 8


def test_unknown_and_empty_symbols_are_told_and_the_others_come(yahoo, tmp_path):
    yahoo[0].routes = routes({"AAA": made(), "OLD": made().set_index(DAYS - pd.Timedelta(days=700))})
    done = got(yahoo, tmp_path, ("AAA", "NOPE", "OLD"))
    assert (done.symbols, done.unknown, done.empty) == (("AAA",), ("NOPE",), ("OLD",))
    assert set(pd.read_parquet(done.path)["symbol"]) == {"AAA"}


def test_nothing_at_all_is_an_error_and_leaves_nothing(yahoo, tmp_path):
    with pytest.raises(DataError, match="there are no bars of NOPE"):
        got(yahoo, tmp_path, ("NOPE",))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out")]


def test_a_certificate_nobody_signed_is_not_trusted(yahoo, tmp_path):
    desk, vendor, _ = yahoo
    vendor._session.verify = True
    with pytest.raises(DataError, match="no answer that can be read"):
        got(yahoo, tmp_path)
    assert not desk.asked
