"""Kraken and Binance through the real ccxt: captured frames, and the traps of that library one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from engine.errors import FeedError
from engine.feeds.assembler import Rules
from engine.feeds.ccxt import Candles, Ccxt
from engine.feeds.facts import REVISION, SECOND, STREAM, Values
from engine.feeds.live import LiveFeed, facts_of
from engine.feeds.schedule import MINUTE_NS, Schedule
from engine.live.feed import Arrived, Resume
from engine.types import Universe
from tests.feeds.exchanges import Exchange, Kraken, pair
from tests.feeds.loopback import FRAMES, HandClock, captured, fixture_lines, until
from tests.feeds.rigs import FAST, RIGS, Binance, KrakenRig, Rig

ONE, TWO, THREE = (
    Values(10.0, 11.0, 9.0, 10.5, 100.0),
    Values(20.0, 22.0, 19.0, 21.5, 7.0),
    Values(30.0, 33.0, 28.0, 31.5, 3.0),
)
CAPTURES = ("BINANCE", "BINANCE_US", "BINANCE_TR", "BINANCE_FUTURES")


@pytest.fixture(params=["binance", "kraken"])
def rig(request) -> Iterator[Rig]:
    made = RIGS[request.param]()
    for k in range(-30, 1):
        made.source(k, 0, ONE)
        made.source(k, 1, TWO)
    yield made
    made.stop()


def values(k: dict) -> Values:
    return Values(*(float(k[name]) for name in "ohlcv"))


@pytest.mark.parametrize("name", CAPTURES)
def test_captured_candles_close_with_the_values_that_the_exchange_itself_called_closed(name):
    frames = captured(f"binance/{name}.ws.1.0.gz")
    ids = tuple(sorted({frame["data"]["s"] for _, frame in frames}))
    clock = HandClock(int(frames[0][0] * 1e9))
    server = Exchange(clock, ids)
    symbols = tuple("/".join(pair(one)) for one in ids)
    line = Schedule(MINUTE_NS, None)
    feed = LiveFeed(
        Ccxt("binance", symbols, "1m", line, clock, server.prepare), Universe.of(tuple(sorted(symbols)), 0.0),
        facts_of("binance", "24/7", line), line, Rules(grace=3600 * SECOND), clock, FAST,
    )  # fmt: skip
    feed.look = 0.005
    came = feed.arrivals(Resume())
    next(came)
    until(lambda: len(server.subscribed) == len(ids), "subscriptions")
    try:
        for at, frame in frames:
            clock.at = int(at * 1e9)
            server.say(frame["data"], "captured")  # ccxt dials the same stream without the wrapper
        until(lambda: feed.line.counts["frames"] >= len(frames) + len(ids), "all frames")
        [next(came) for _ in range(5)]
        opens = {one: max(f["data"]["k"]["t"] for _, f in frames if f["data"]["s"] == one) for one in ids}
        expected = {
            (ids.index(f["data"]["s"]), f["data"]["k"]["t"] * 1_000_000 + MINUTE_NS): values(f["data"]["k"])
            for _, f in frames
            if f["data"]["k"]["x"] and f["data"]["k"]["t"] < opens[f["data"]["s"]]
        }
        found = {
            (column, time): cells.values_of(column)
            for time, cells in feed.assembler._open.items()
            for column in np.flatnonzero(cells.state == 1)
        }
        assert found == {key: v for key, v in expected.items() if v.volume > 0}
        FRAMES["binance: captured klines that closed"] += len(expected)
    finally:
        feed.close()
        server.stop()


def test_a_captured_answer_of_kraken_has_504_bars_and_216_minutes_without_a_trade():
    answer = json.loads("\n".join(fixture_lines("kraken/http_ohlc.json.gz")))
    rows = answer["result"]["XBTUSDT"]
    assert len(rows) == 721 and sum(float(row[6]) == 0 for row in rows) == 216
    clock = HandClock((rows[-1][0] + 6) * SECOND)
    server = Kraken(clock, ("XBTUSDT",))
    server.ohlc = lambda query: answer
    line = Schedule(MINUTE_NS, None)
    feed = LiveFeed(
        Ccxt("kraken", ("BTC/USDT",), "1m", line, clock, server.prepare), Universe.of(("BTC/USDT",), 0.0),
        facts_of("kraken", "24/7", line), line, Rules(), clock, FAST,
    )  # fmt: skip
    feed.look = 0.005
    try:
        slices = [each for each in feed.warm_up(720) if each is not None]
        FRAMES["kraken: captured"] += 1
        FRAMES["kraken: made"] -= 1
        traded = [row for row in rows[:-1] if float(row[6]) > 0]
        bars = [each for each in slices if not np.isnan(each.bars[3, 0])]
        assert len(slices) == 720 and [b.time // SECOND - 60 for b in bars] == [row[0] for row in traded]
        assert [b.bars[3, 0] for b in bars] == [float(row[4]) for row in traded]
        assert sum(bool(each.empty[0]) for each in slices) == 720 - len(traded)
    finally:
        feed.close()
        server.stop()


def test_the_markets_that_binance_us_and_kraken_once_listed_are_understood():
    for kind, made, name, symbol in (
        ("binanceus", Exchange, "binance/BINANCE_US.0.gz", "OMG/BUSD"),
        ("kraken", Kraken, "kraken/KRAKEN.0.gz", "BTC/USD"),
    ):
        lines = fixture_lines(name)
        text = next(line for line in lines if "exchangeInfo" in line or "AssetPairs" in line).split(": ", 1)[1]
        clock = HandClock(28_401_120 * MINUTE_NS)
        server = made(clock, ())
        server.info = json.loads(text)
        line = Schedule(MINUTE_NS, None)
        provider = Ccxt(kind, (symbol,), "1m", line, clock, server.prepare)
        feed = LiveFeed(provider, Universe.of((symbol,), 0.0), facts_of(kind, "24/7", line), line, Rules(), clock, FAST)
        came = feed.arrivals(Resume())
        next(came)
        until(lambda server=server: server.subscribed, "a subscription")
        feed.close()
        server.stop()


def test_a_refused_country_says_which_exchange_to_try(rig):
    rig.server.fault = "451"
    rig.start()
    rig.came = rig.feed.arrivals(Resume())
    with pytest.raises(FeedError, match=r"refuses requests from this country \(HTTP 451\); try (kraken|binance)"):
        until(lambda: next(rig.came), "an error")


def test_a_socket_refused_for_the_country_says_so_too(rig):
    rig.server.refuse_sockets = 451
    rig.start()
    rig.came = rig.feed.arrivals(Resume())
    with pytest.raises(FeedError, match="HTTP 451"):
        until(lambda: next(rig.came), "an error")


def test_a_candle_that_was_cut_short_is_not_taken_for_closed_after_dialling_again(rig):
    rig.start()
    rig.listen()
    opened = (rig.end(1) - MINUTE_NS) // 1_000_000
    rig.server.say(rig.server.running(rig.ids[0], opened, ONE))
    until(lambda: rig.feed.line.counts["frames"] >= 3, "the running candle")
    rig.server.subscribed.clear()
    rig.server.cut("abort")
    rig.connected()
    rig.server.say(rig.server.running(rig.ids[0], opened + 60_000, THREE))
    rig.source(1, 0, TWO)
    rig.source(1, 1, TWO)
    rig.now(1, 5)
    assert rig.slice(1).bars[3].tolist() == [21.5, 21.5]
    assert rig.feed.line.counts["bars"] == 0


def test_a_rewrite_of_a_closed_candle_is_seen_though_the_library_hides_it():
    candles = Candles(0)
    assert candles.closed([(0, ONE)]) == []
    assert candles.closed([(0, ONE), (60, TWO)]) == [(0, ONE, STREAM)]
    assert candles.closed([(0, THREE), (60, TWO)]) == [(0, THREE, REVISION)]
    assert candles.closed([(0, THREE), (60, TWO)]) == []


def test_patience_that_the_exchange_asks_for_is_kept(rig):
    rig.start()
    rig.listen()
    rig.server.fault = "429"
    rig.now(1, 5)
    until(lambda: [next(rig.came), rig.feed.line.counts["unanswered"]][1], "a refusal")
    until(lambda: [next(rig.came), any("in 1.0 s" in str(note) for note in rig.feed.notes)][1], "the wait of a second")


def test_an_unknown_exchange_names_the_nearest():
    with pytest.raises(FeedError, match="did you mean kraken"):
        Ccxt("krakn", ("BTC/USD",), "1m", Schedule(MINUTE_NS, None), HandClock(0))


def test_binance_here_is_reached_as_spot_because_its_address_has_stream_in_it():
    rig = Binance()
    try:
        rig.start()
        rig.listen()
        rig.stream(1, 0, ONE)
        rig.heard(1)
        assert all("/stream/" in str(socket._req.path) for socket in rig.server.sockets)
    finally:
        rig.stop()


def test_a_snapshot_after_dialling_again_overlaps_without_harm():
    rig = KrakenRig()
    try:
        rig.start()
        rig.listen()
        rig.stream(1, 0, ONE)
        rig.stream(1, 1, TWO)
        rig.heard(2)
        rig.now(1, 5)
        assert isinstance(rig.told()[0], Arrived)
        rig.server.subscribed.clear()
        rig.server.cut("clean")
        rig.connected()
        opened = (rig.end(1) - MINUTE_NS) // 1_000_000
        for n, v in enumerate((ONE, TWO)):
            snapshot = rig.server.running(rig.ids[n], opened + 60_000, THREE)
            snapshot["data"] = rig.server.running(rig.ids[n], opened, v)["data"] + snapshot["data"]
            rig.server.say(snapshot | {"type": "snapshot"})
        rig.heard(4)
        rig.now(2, 1)
        assert [next(rig.came) for _ in range(5)] == [None] * 5 and rig.feed.assembler.counts["duplicate"] == 2
    finally:
        rig.stop()
