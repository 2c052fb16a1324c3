"""Public bars of Kraken, Binance and Binance.US through ccxt, without a key: watch_ohlcv for the stream, fetch_ohlcv for the past.

The stream gives running candles and no flag that one is closed: a candle is closed once one that opens later is seen on the
same connection. A minute without a trade is no bar, whichever way the exchange says so. Candles are labelled by their open.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable
from typing import Any

from engine.errors import FeedError, first_line
from engine.feeds.facts import REST, REVISION, SECOND, STREAM, Bar, History, Values
from engine.feeds.provider import Dropped, Ears
from engine.feeds.schedule import Schedule
from engine.live.clock import Clock

EXCHANGES = ("kraken", "binanceus", "binance")
INSTEAD = {  # which to try where one refuses the country
    "binance": "kraken (most countries) or binanceus (USA)",
    "binanceus": "kraken (most countries) or binance (outside the USA)",
    "kraken": "binance (outside the USA) or binanceus (USA)",
}
ROWS = {"kraken": 720, "binance": 1000, "binanceus": 1000}  # most rows of one answer
LATEST = ("kraken",)  # whose longer answers keep the latest rows, not the earliest
LAG = 10 * SECOND  # after a bar's end until an answer without it proves that there is none
SEEN = 10  # candles of a snapshot that are looked at, and of our own that are watched for corrections
MS = 1_000_000


class Ccxt:
    """A provider over one ccxt exchange; `prepare` may change the client before it is used (tests: its addresses)."""

    def __init__(
        self,
        exchange: str,
        symbols: tuple[str, ...],
        interval: str,
        schedule: Schedule,
        clock: Clock,
        prepare: Callable[[Any], None] | None = None,
    ) -> None:
        if exchange not in EXCHANGES:
            near = difflib.get_close_matches(str(exchange), EXCHANGES, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise FeedError(f"feed.exchange: expected one of {', '.join(EXCHANGES)}; it was {exchange!r:.60}{hint}")
        self.name, self.symbols, self.interval = exchange, symbols, interval
        self.schedule, self.clock, self.prepare = schedule, clock, prepare
        self._client: Any = None
        self._ears: Ears | None = None
        self._opening: asyncio.Lock | None = None

    async def listen(self, ears: Ears) -> None:
        """One connection of the library, from its first candle to the first error."""
        client = await self._open()
        self._ears = ears
        client.ohlcvs.clear()  # candles of an earlier connection may have missed their last trades
        readers = [
            asyncio.create_task(self._follow(column, Candles(column), client)) for column in range(len(self.symbols))
        ]
        try:
            done, _ = await asyncio.wait(readers, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        except Exception as error:
            raise self._named(error) from error
        finally:
            for task in readers:
                task.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            self._ears = None
            if client.clients:
                await client.close_ws_clients()

    async def history(self, column: int, first: int, last: int) -> History:
        """What fetch_ohlcv says of the closes from `first` to `last`; its forming candle is dropped."""
        client, asked = await self._open(), self.clock.now()
        since = self.schedule.opened(first)
        most = ROWS[self.name]
        try:
            rows = await client.fetch_ohlcv(self.symbols[column], self.interval, since // MS, most)
        except Exception as error:
            raise self._named(error) from error
        if not rows and client.parse_json(client.last_http_response or "") is None:
            raise Dropped(f"{self.name} answers with something that is no JSON")
        bars, opens = [], []
        for row in rows:
            opened, values = _row(row)
            opens.append(opened)
            closes = self.schedule.closing(opened)
            if first <= closes <= min(last, asked) and values.volume > 0:
                bars.append(Bar(column, closes, values, asked, REST))
        return History(column, *self._proven(opens, first, last, asked, len(rows) >= most), tuple(bars), asked)

    async def close(self) -> None:
        """Let go of sockets and sessions."""
        if self._client is not None:
            self._client.timeout_on_exit = 0
            await self._client.close()
            self._client = None

    def _proven(self, opens: list[int], first: int, last: int, asked: int, full: bool) -> tuple[int, int]:
        """The closes of which an answer with candles at `opens` knows all; none for an answer without candles."""
        if not opens:
            return 1, 0
        newest = max(opens)
        if full and self.name in LATEST:
            first = max(first, self.schedule.closing(min(opens)))
        if full and self.name not in LATEST:
            return first, min(last, self.schedule.closing(newest))
        over = self.schedule.closing(newest) <= asked
        reach = self.schedule.closing(newest) if over else newest
        return first, min(last, max(reach, asked - LAG))

    async def _open(self) -> Any:
        """The client with its markets, made once; FeedError for symbols it does not have."""
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._client is None:
                self._client = self._made()
            try:
                await self._client.load_markets()
            except Exception as error:
                raise self._named(error) from error
        for symbol in self.symbols:
            market = self._client.markets.get(symbol)
            if market is None or not market.get("spot"):
                near = difflib.get_close_matches(symbol, self._client.symbols, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise FeedError(f"feed.symbols: {self.name} has no spot market {symbol!r}{hint}")
        return self._client

    def _made(self) -> Any:
        try:
            import ccxt.pro
        except ImportError as error:
            raise FeedError(
                "feed: ccxt is not installed; install barcast with its extra: pip install '.[live]'"
            ) from error
        client = getattr(ccxt.pro, self.name)({"enableRateLimit": True, "timeout": 10_000, "newUpdates": False})
        if self.name == "binance":
            client.options["fetchMarkets"] = {"types": ["spot"]}
        if self.prepare is not None:
            self.prepare(client)
        real = client.handle_message

        def heard(socket: Any, message: Any) -> None:
            """The library's handler, whose errors would otherwise end its reading without a word."""
            if self._ears is not None:
                self._ears.frame()
            try:
                if not isinstance(message, dict | list):
                    raise ValueError(f"a frame that is no JSON: {str(message)[:40]!r}")
                real(socket, message)
            except Exception as error:
                socket.on_error(ccxt.NetworkError(first_line(error)))

        client.handle_message = heard
        return client

    async def _follow(self, column: int, candles: Candles, client: Any) -> None:
        """Read one symbol's candles as they change."""
        symbol, told = self.symbols[column], False
        while True:
            await client.watch_ohlcv(symbol, self.interval)
            ears = self._ears
            if ears is None:
                return
            if not told:
                ears.up(f"{self.name} sends {symbol}")
                told = True
            # the list that watch_ohlcv returns hides a rewrite of a closed candle: read the library's whole cache
            rows = client.ohlcvs.get(symbol, {}).get(self.interval, [])
            for opened, values, origin in candles.closed([_row(row) for row in list(rows)[-SEEN:]]):
                self._tell(ears, column, opened, values, origin)

    def _tell(self, ears: Ears, column: int, opened: int, values: Values, origin: str) -> None:
        now, closes = self.clock.now(), self.schedule.closing(opened)
        if values.volume > 0:
            ears.bar(Bar(column, closes, values, now, origin))
        else:
            ears.none(History(column, closes, closes, (), now))

    def _named(self, error: Exception) -> Exception:
        """A library's error as what must be done about it."""
        import ccxt

        said = first_line(error)[:200]
        if isinstance(error, FeedError | Dropped):
            return error
        if isinstance(error, ccxt.BadSymbol):
            return FeedError(f"feed.symbols: {self.name} refuses a symbol: {said}")
        if " 451 " in f" {said} " or "status='451" in said or "451," in said or "restricted location" in str(error):
            return FeedError(
                f"feed.exchange: {self.name} refuses requests from this country (HTTP 451); try {INSTEAD[self.name]}"
            )
        wait = 0.0
        if isinstance(error, ccxt.DDoSProtection | ccxt.RateLimitExceeded):
            wait = _retry_after(self._client)
        return Dropped(said, wait)


class Candles:
    """The candles of one symbol on one connection: which have closed, and which have changed since."""

    def __init__(self, column: int) -> None:
        self.column = column
        self.told: dict[int, Values] = {}

    def closed(self, rows: list[tuple[int, Values]]) -> list[tuple[int, Values, str]]:
        """(open ns, values, origin) of candles that have closed, or changed after that, since the last call."""
        if not rows:
            return []
        newest, found = max(opened for opened, _ in rows), []
        for opened, values in sorted(rows):
            if opened < newest and self.told.get(opened) != values:
                found.append((opened, values, REVISION if opened in self.told else STREAM))
                self.told[opened] = values
        for old in sorted(self.told)[: -4 * SEEN]:
            del self.told[old]
        return found


def _row(row: list[Any]) -> tuple[int, Values]:
    """(open in ns, values) of a ccxt row; its numbers may be text, and NaN where there is none."""
    return int(row[0]) * MS, Values(*(float("nan") if x is None else float(x) for x in row[1:6]))


def _retry_after(client: Any) -> float:
    """Seconds that the latest answer's Retry-After names; 5 where it names none."""
    headers = {str(k).lower(): v for k, v in (getattr(client, "last_response_headers", None) or {}).items()}
    try:
        return min(3600.0, max(1.0, float(headers.get("retry-after", 5.0))))
    except (TypeError, ValueError):
        return 5.0
