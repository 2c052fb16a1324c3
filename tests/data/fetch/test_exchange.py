"""ccxt itself against exchanges on loopback: its addresses are edited, nothing of it is patched; only time is ours.

Kraken's answers are genuine captures where the folder of real data is there; Binance.US's are written in its schema.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.data.fetch.asking import Clock
from engine.data.fetch.exchange import Exchange
from engine.data.fetch.fetching import fetch
from engine.errors import ConfigError, DataError
from tests.data.fetch.desk import BROKEN, FORBIDDEN, LIMITED, PAGE, Answer, Desk, FakeTime, served

ccxt = pytest.importorskip("ccxt")
pytestmark = pytest.mark.filterwarnings("ignore")  # of ccxt and its libraries
FOLDER = os.environ.get("BARCAST_DATA")
DAY = 86_400_000
FIRST = int(pd.Timestamp("2022-01-01", tz="UTC").timestamp() * 1000)
COUNT = 1200
START, END = np.datetime64("2022-01-01"), np.datetime64("2024-12-31")
MARKET = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "baseAssetPrecision": 8, "quoteAsset": "USDT", "quotePrecision": 8,
    "quoteAssetPrecision": 8, "orderTypes": ["LIMIT", "MARKET"], "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "100000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    ],
    "permissions": ["SPOT"],
}  # fmt: skip


def candle(k: int) -> list:
    """Day k: opens at 100 + k, closes half a dollar higher."""
    opened = FIRST + k * DAY
    words = [f"{100 + k + more:.2f}" for more in (0.0, 1.0, -1.0, 0.5)]
    return [opened, *words, "12.5", opened + DAY - 1, "1000.0", 42, "6.0", "500.0", "0"]


def binance(host: str, path: str, query: dict[str, str]) -> Answer:
    if path.endswith("/exchangeInfo"):
        return Answer(
            {"timezone": "UTC", "serverTime": FIRST, "rateLimits": [], "exchangeFilters": [], "symbols": [MARKET]}
        )
    if path.endswith("/klines"):
        first = max(0, -(-(int(query["startTime"]) - FIRST) // DAY))
        last = min(COUNT, first + int(query["limit"]))
        return Answer([candle(k) for k in range(first, last)])
    return Answer({"code": -1, "msg": "no such path"}, 404)


def pointed(exchange: str, port: int):
    """A client of ccxt whose addresses are on loopback."""
    client = getattr(ccxt, exchange)({"enableRateLimit": False, "timeout": 5000})

    def local(told):
        if isinstance(told, dict):
            return {key: local(value) for key, value in told.items()}
        return re.sub(r"^https?://[^/]+", f"http://127.0.0.1:{port}", told)

    client.urls["api"] = local(client.urls["api"])
    return client


@pytest.fixture
def market():
    """A desk like Binance.US, its vendor, and a clock on 2025-02-01."""
    desk = Desk(binance, "/klines")
    with served(desk) as port:
        yield desk, Exchange("binanceus", "1d", pointed("binanceus", port)), FakeTime("2025-02-01T12:00:00+00:00")


def got(market, tmp_path, symbols=("BTC/USDT",), start=START, end=END, said=None):
    _, vendor, time = market
    return fetch(
        vendor,
        symbols,
        start,
        end,
        tmp_path / "out.parquet",
        Clock(time.now, time.sleep),
        (said if said is not None else []).append,
    )


def test_pages_join_without_a_gap_or_a_candle_twice(market, tmp_path):
    done = got(market, tmp_path)
    table = pd.read_parquet(done.path)
    assert len(table) == 1096 and market[0].bars_asked() == 3  # three years in pages of 500
    assert table["close"].tolist() == [100.5 + k for k in range(1096)]
    assert [str(day) for day in table["date"][[0, 1095]]] == ["2022-01-01", "2024-12-31"]
    assert table.columns.tolist() == ["date", "symbol", "open", "high", "low", "close", "volume"]


def test_the_candle_that_is_still_open_is_left_out(market, tmp_path):
    market[2].seconds = pd.Timestamp("2022-02-10 12:00", tz="UTC").timestamp()
    table = pd.read_parquet(got(market, tmp_path, end=None).path)
    assert str(table["date"].iloc[-1]) == "2022-02-09" and len(table) == 40


def test_a_limit_is_waited_for_as_long_as_it_says(market, tmp_path):
    desk, _, time = market
    desk.script = [None, LIMITED, LIMITED]
    done = got(market, tmp_path)
    assert done.bars == 1096 and time.slept.count(7.0) == 2 and desk.bars_asked() == 5


@pytest.mark.parametrize("fault", [BROKEN, PAGE, Answer("[[1640995200000,", 200), Answer(b"", cut=200)])
def test_an_answer_that_cannot_be_read_is_asked_for_again(market, tmp_path, fault):
    market[0].script = [None, fault, fault]
    done = got(market, tmp_path)
    assert done.bars == 1096 and {2.0, 4.0} <= set(market[2].slept)
    assert pd.read_parquet(done.path)["close"].tolist() == [100.5 + k for k in range(1096)]


@pytest.mark.parametrize(
    ("fault", "text"), [(LIMITED, "limits the rate"), (BROKEN, "out of order"), (PAGE, "no answer that can be read")]
)
def test_an_exchange_that_never_answers_is_given_up_in_one_line(market, tmp_path, fault, text):
    market[0].script = [fault] * 20
    with pytest.raises(
        DataError, match=rf"ccxt BTC/USDT: .*{text}.*6 times\. Run the same command again later"
    ) as told:
        got(market, tmp_path)
    assert "\n" not in str(told.value) and market[0].bars_asked() == 6


def test_a_refusal_by_country_is_told_at_once(market, tmp_path):
    market[0].script = [FORBIDDEN] * 20
    with pytest.raises(DataError, match=r"refuses this network or country \(HTTP 451\)"):
        got(market, tmp_path)
    assert market[0].bars_asked() == 1


def test_a_fetch_cut_in_the_middle_of_a_symbol_asks_only_for_the_rest(market, tmp_path):
    desk, _, _ = market
    desk.script = [None, None, FORBIDDEN]
    with pytest.raises(DataError):
        got(market, tmp_path)
    assert not (tmp_path / "out.parquet").exists()
    desk.asked.clear()
    done = got(market, tmp_path)
    since = [int(query["startTime"]) for _, path, query in desk.asked if path.endswith("/klines")]
    assert since == [FIRST + 1000 * DAY] and done.bars == 1096
    assert pd.read_parquet(done.path)["close"].tolist() == [100.5 + k for k in range(1096)]


def test_a_page_half_written_when_the_power_went_is_fetched_again(market, tmp_path):
    market[0].script = [None, None, FORBIDDEN]
    with pytest.raises(DataError):
        got(market, tmp_path)
    folder = next(path for path in (tmp_path / "out.parquet.parts").iterdir() if path.is_dir())
    (folder / ".000002.parquet.part").write_bytes(b"PAR1 and nothing else")
    assert got(market, tmp_path).bars == 1096


def test_an_unknown_market_is_told_and_the_other_comes(market, tmp_path):
    done = got(market, tmp_path, ("BTC/USDT", "NOPE/USDT"))
    assert done.symbols == ("BTC/USDT",) and done.unknown == ("NOPE/USDT",)


def test_an_empty_answer_is_no_error_but_is_told(market, tmp_path):
    with pytest.raises(DataError, match="there are no bars of BTC/USDT"):
        got(market, tmp_path, start=np.datetime64("2026-01-01"), end=np.datetime64("2026-02-01"))


def test_a_history_that_begins_late_is_told(market, tmp_path):
    done = got(market, tmp_path, start=np.datetime64("2021-01-01"))
    assert done.late == (("BTC/USDT", "2022-01-01"),)


def test_an_exchange_or_a_length_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="no exchange 'krakn'; did you mean 'kraken'"):
        Exchange("krakn")
    with pytest.raises(ConfigError, match="kraken has no bars of '7d'"):
        Exchange("kraken", "7d")


@pytest.fixture(scope="module")
def genuine():
    """Kraken's own answers: its markets of 2021, and a day of XBTUSDT's minutes of 2025."""
    folder = Path(FOLDER or "").parent / "fixtures" / "kraken"
    if not FOLDER or not folder.is_dir():
        pytest.skip("BARCAST_DATA does not name the folder of real market data")
    pairs = gzip.decompress((folder / "KRAKEN.0.gz").read_bytes()).decode().split(": ", 1)[1].split("\n")[0]
    return pairs, gzip.decompress((folder / "http_ohlc.json.gz").read_bytes()).decode()


def test_krakens_own_answer_becomes_bars_by_their_close(genuine, tmp_path):
    pairs, minutes = genuine
    sent = json.loads(minutes)["result"]["XBTUSDT"]

    def answer(host, path, query):
        return (
            Answer(minutes)
            if path.endswith("/OHLC")
            else Answer(pairs)
            if path.endswith("/AssetPairs")
            else Answer({"error": [], "result": {}})
        )

    time = FakeTime("2025-11-11T00:17:30+00:00")  # within the last minute of the answer
    with served(Desk(answer, "/OHLC")) as port:
        vendor = Exchange("kraken", "1m", pointed("kraken", port))
        day = np.datetime64("2025-11-10")
        done = fetch(vendor, ["BTC/USDT"], day, day + 1, tmp_path / "o.parquet", Clock(time.now, time.sleep))
    table = pd.read_parquet(done.path)
    assert len(table) == 720 and len(sent) == 721  # the last has not closed
    assert table["timestamp"].iloc[0] == pd.Timestamp(sent[0][0] + 60, unit="s", tz="UTC")
    np.testing.assert_array_equal(table["close"], [float(row[4]) for row in sent[:-1]])
    np.testing.assert_array_equal(table["volume"], [float(row[6]) for row in sent[:-1]])
    assert int((table["volume"] == 0.0).sum()) in (215, 216)


def test_a_market_that_opened_long_after_the_start_is_reached_over_empty_pages(market, tmp_path):
    def late(host, path, query):
        if path.endswith("/klines") and int(query["startTime"]) < FIRST - 100 * DAY:
            return Answer([])
        return binance(host, path, query)

    market[0].routes = late
    done = got(market, tmp_path, start=np.datetime64("2019-01-01"), end=np.datetime64("2022-06-30"))
    assert done.bars == 181 and done.late == (("BTC/USDT", "2022-01-01"),)
