"""One source of each kind behind its real client library on loopback, spoken to in one way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.feeds.alpaca import Alpaca
from engine.feeds.assembler import Rules
from engine.feeds.ccxt import Ccxt
from engine.feeds.facts import SECOND, Values
from engine.feeds.keys import Keys
from engine.feeds.line import Pace
from engine.feeds.live import LiveFeed, facts_of
from engine.feeds.schedule import MINUTE_NS, Schedule, schedule
from engine.feeds.yahoo import Yahoo
from engine.live.feed import Arrival, Arrived, Resume
from engine.types import Universe
from tests.feeds.alpacas import KEY, SECRET, Alpacas
from tests.feeds.exchanges import Exchange, Kraken
from tests.feeds.loopback import HandClock, until
from tests.feeds.yahoos import Yahoos, opens_of

MS = 1_000_000
FAST = Pace(base=0.03, cap=0.3, steady=60.0, mute=0.8, deadline=0.4, again=0.05)


class Rig:
    """Two instruments; `bar k` is the one that closes k steps after `t0`; k = 0 closed just before the session starts."""

    kind = ""
    symbols: tuple[str, str] = ("BTC/USDT", "ETH/USDT")
    ids: tuple[str, str] = ("BTCUSDT", "ETHUSDT")
    streams = True
    rules = Rules()
    calendar = "24/7"
    t0 = 28_401_120 * MINUTE_NS  # 2024-01-01 00:00 UTC

    def __init__(self) -> None:
        self.clock = HandClock(self.t0 + 6 * SECOND)
        self.schedule = Schedule(MINUTE_NS, None) if self.calendar == "24/7" else schedule(self.calendar, "1m", self.t0)
        self.server = self.serve()
        self.feed: LiveFeed | None = None
        self.came: Iterator[Arrival | None] = iter(())

    def serve(self) -> Any:
        raise NotImplementedError

    def provider(self) -> Any:
        raise NotImplementedError

    def end(self, k: int) -> int:
        return self.t0 + k * MINUTE_NS

    def source(self, k: int, column: int, values: Values) -> None:
        """The source has this bar; the stream says nothing."""
        self.server.rows[self.ids[column]][(self.end(k) - MINUTE_NS) // MS] = values

    def start(self, rules: Rules | None = None, pace: Pace = FAST, symbols: tuple[str, ...] | None = None) -> LiveFeed:
        names = symbols or self.symbols
        self.used = names
        universe = Universe.of(tuple(sorted(names)), 0.0)
        self.feed = LiveFeed(
            self.provider(), universe, facts_of(self.kind, self.calendar, self.schedule), self.schedule, rules or self.rules,
            self.clock, pace,
        )  # fmt: skip
        self.feed.look = 0.005
        return self.feed

    def listen(self, resume: Resume | None = None) -> None:
        """Begin with arrivals and wait until the stream is subscribed."""
        self.came = self.feed.arrivals(resume or Resume())
        next(self.came)
        self.connected()

    def connected(self) -> None:
        until(lambda: len(self.server.sockets) >= 1 and len(self.server.subscribed) >= 2, "a subscription")

    def stream(self, k: int, column: int, values: Values) -> None:
        """The source has this bar and streams it as it closes."""
        raise NotImplementedError

    def correct(self, k: int, column: int, values: Values) -> None:
        raise NotImplementedError

    def told(self, n: int = 1) -> list[Arrival]:
        """The next `n` arrivals that are something."""
        found: list[Arrival] = []

        def look() -> bool:
            arrival = next(self.came)
            if arrival is not None:
                found.append(arrival)
            return len(found) >= n

        until(look, f"{n} arrivals; so far {found}")
        return found

    def slice(self, k: int) -> Arrived:
        """The slice that closes at bar k, everything before it let by."""
        for _ in range(200):
            (arrival,) = self.told()
            if isinstance(arrival, Arrived) and arrival.time == self.end(k):
                return arrival
        raise AssertionError("200 arrivals and not the slice")

    def heard(self, bars: int) -> None:
        """Wait until the line has heard so many bars of the stream."""
        until(lambda: self.feed.line.counts["bars"] >= bars, f"{bars} bars, heard {self.feed.line.counts}")

    def now(self, k: int, seconds: float) -> None:
        """It is so many seconds after bar k's end."""
        self.clock.at = self.end(k) + int(seconds * SECOND)

    def stop(self) -> None:
        if self.feed is not None:
            self.feed.close()
        self.server.stop()


class Binance(Rig):
    kind = "binance"

    def serve(self) -> Exchange:
        return Exchange(self.clock, self.ids)

    def provider(self) -> Ccxt:
        return Ccxt(self.kind, self.used, "1m", self.schedule, self.clock, self.server.prepare)

    def stream(self, k: int, column: int, values: Values) -> None:
        self.source(k, column, values)
        opened = (self.end(k) - MINUTE_NS) // MS
        name = self.ids[column]
        self.server.say(self.server.running(name, opened, values, True))
        following = Values(values.close, values.close, values.close, values.close, 1.0)
        self.server.say(self.server.running(name, opened + 60_000, following))

    def correct(self, k: int, column: int, values: Values) -> None:
        self.source(k, column, values)
        self.server.say(self.server.running(self.ids[column], (self.end(k) - MINUTE_NS) // MS, values, True))


class BinanceUs(Binance):
    kind = "binanceus"


class KrakenRig(Binance):
    kind = "kraken"

    def serve(self) -> Kraken:
        return Kraken(self.clock, self.ids)


class AlpacaRig(Rig):
    kind = "alpaca"
    symbols = ids = ("AAPL", "MSFT")
    calendar = "XNYS"
    t0 = 28_875_795 * MINUTE_NS  # 2024-11-25 15:15 UTC, a Monday

    def serve(self) -> Alpacas:
        return Alpacas(self.clock, self.ids)

    def provider(self) -> Alpaca:
        at = f"127.0.0.1:{self.server.port}"
        return Alpaca(
            self.used,
            self.schedule,
            self.clock,
            Keys(KEY, SECRET),
            stream_at=f"ws://{at}/v2/iex",
            rest_at=f"http://{at}",
            read=0.6,
        )

    def stream(self, k: int, column: int, values: Values) -> None:
        self.source(k, column, values)
        self.server.say([self.server.message(self.ids[column], (self.end(k) - MINUTE_NS) // MS, values)])

    def correct(self, k: int, column: int, values: Values) -> None:
        self.source(k, column, values)
        self.server.say([self.server.message(self.ids[column], (self.end(k) - MINUTE_NS) // MS, values, "u")])


class YahooRig(Rig):
    """Days instead of minutes, and nothing but questions."""

    kind = "yfinance"
    symbols = ids = ("AAPL", "MSFT")
    calendar = "XNYS"
    streams = False
    rules = Rules(patience=48 * 3600 * SECOND, outage=48 * 3600 * SECOND)
    t0 = 28_871_820 * MINUTE_NS  # 2024-11-22 21:00 UTC, a Friday; half a day follows on the 29th

    def __init__(self) -> None:
        from yfinance.data import YfData

        self._remembering = YfData.cache_get  # of days that are a month old, good answers and bad
        YfData.cache_get = YfData.get
        super().__init__()

    def stop(self) -> None:
        from yfinance.data import YfData

        YfData.cache_get = self._remembering
        super().stop()

    def serve(self) -> Yahoos:
        self.schedule = schedule("XNYS", "1d", self.t0)
        return Yahoos(self.clock, self.ids, opens_of(self.schedule))

    def provider(self) -> Yahoo:
        return Yahoo(self.used, self.schedule, self.clock, self.server.session(), wait=0.1, timeout=0.6)

    def end(self, k: int) -> int:
        return self.schedule.back(self.t0, -k) if k <= 0 else self._forward(k)

    def _forward(self, k: int) -> int:
        time = self.t0
        for _ in range(k):
            time = self.schedule.next(time).time
        return time

    def source(self, k: int, column: int, values: Values) -> None:
        label = str(np.datetime64(self.schedule.label(self.schedule.next(self.end(k) - 1)), "D"))
        self.server.rows[self.ids[column]][label] = values

    def connected(self) -> None:
        until(lambda: [next(self.came), self.feed.state == "up"][1], "the line to be up")

    stream = source  # a bar that streams elsewhere is here only to be asked for
    correct = source

    def heard(self, bars: int) -> None:
        """Nothing is heard of a source that is only asked."""


RIGS: dict[str, type[Rig]] = {rig.kind: rig for rig in (Binance, BinanceUs, KrakenRig, AlpacaRig, YahooRig)}
