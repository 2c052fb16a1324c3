"""Minute bars of US stocks or crypto from Alpaca through alpaca-py: `bars` and `updatedBars` for the stream, REST for the past.

The library connects, authenticates and reads; when to dial again is the line's affair. Messages are taken raw, and nothing
that is wrong with one may be raised: an exception loses the rest of its frame. Bars are labelled by their open.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
from typing import Any

from engine.errors import FeedError, first_line
from engine.feeds.facts import REST, REVISION, SECOND, STREAM, Bar, History, Values
from engine.feeds.keys import Keys
from engine.feeds.provider import Dropped, Ears
from engine.feeds.rest import READ, deadlined, load_alpaca
from engine.feeds.schedule import Schedule
from engine.live.clock import Clock

LAG = 10 * SECOND  # after a bar's end until an answer without it proves that there is none
MUTE = 150.0  # seconds without market data while bars are being made
CONNECTION_LIMIT_WAIT = 10.0  # the old session is still being cleared away
MENDABLE = {  # what the server says that trying again will not change: the way out
    401: "the keys were not accepted; check that they belong to this account",
    402: "the keys were not accepted; check that they belong to this account",
    405: "more symbols than this subscription allows; ask for fewer",
    409: "this data needs another subscription; use data: iex",
    410: "the server does not know what it was asked; update alpaca-py",
}
WORDS = {  # the library passes on only the words of an error during login
    "auth failed": 402,
    "not authenticated": 401,
    "insufficient subscription": 409,
    "symbol limit exceeded": 405,
    "connection limit exceeded": 406,
    "auth timeout": 404,
}
SILENT = logging.getLogger("engine.feeds.alpaca.socket")  # at DEBUG websockets would print the login
SILENT.setLevel(logging.WARNING)


class Alpaca:
    """A provider of `symbols`; `market` stocks or crypto, `data` iex or sip. `stream_at` and `rest_at`: other addresses."""

    name = "alpaca"

    def __init__(
        self,
        symbols: tuple[str, ...],
        schedule: Schedule,
        clock: Clock,
        keys: Keys,
        market: str = "stocks",
        data: str = "iex",
        stream_at: str | None = None,
        rest_at: str | None = None,
        mute: float = MUTE,
        read: float = READ,
    ) -> None:
        if market not in ("stocks", "crypto"):
            raise FeedError(f"feed.market: expected stocks or crypto; it was {market!r:.40}")
        if data not in ("iex", "sip"):
            raise FeedError(f"feed.data: expected iex (free) or sip; it was {data!r:.40}")
        self.symbols, self.schedule, self.clock, self.keys = symbols, schedule, clock, keys
        self.market, self.data, self.stream_at, self.rest_at, self.mute = market, data, stream_at, rest_at, mute
        load_alpaca("alpaca.data.live")
        self.read = read
        self._columns = {symbol: k for k, symbol in enumerate(symbols)}
        self._rest: Any = None

    async def listen(self, ears: Ears) -> None:
        """One connection: connect, log in, subscribe, check the echo, read until it breaks."""
        stream = self._stream(ears)
        try:
            await stream._start_ws()
            await stream._send_subscribe_msg()
            stream._running = True
            stale = await stream._consume()
        except (FeedError, Dropped):
            raise
        except Exception as error:
            raise self._named(error) from None
        finally:
            try:
                await asyncio.wait_for(stream.close(), timeout=2.0)
            except Exception:
                ears.odd("the old connection did not close in time")
        raise Dropped(f"mute: no market data for {self.mute:g} s" if stale else "the stream ended")

    async def history(self, column: int, first: int, last: int) -> History:
        """Closes from `first` to `last` over REST, all pages; the forming bar is dropped."""
        asked = self.clock.now()
        rows = await asyncio.to_thread(self._bars, self.symbols[column], self.schedule.opened(first), last)
        bars, newest = [], 0
        for row in rows:
            opened = _ns_of_text(row["t"])
            closes = self.schedule.closing(opened)
            newest = max(newest, closes if closes <= asked else opened)
            values = _values(row)
            if self.schedule.opened(closes) == opened and first <= closes <= min(last, asked) and values.volume > 0:
                bars.append(Bar(column, closes, values, asked, REST))
        return History(column, first, min(last, max(newest, asked - LAG)), tuple(bars), asked)

    async def close(self) -> None:
        """Let go of REST's connections."""
        if self._rest is not None:
            self._rest._session.close()
            self._rest = None

    def heard(self, message: Any, ears: Ears) -> None:
        """One message of a frame. Raises for what ends the connection, and for nothing else."""
        kind = message.get("T") if isinstance(message, dict) else None
        if kind == "error":
            raise self._error(message.get("code"), str(message.get("msg", "")))
        if kind == "subscription":
            self._check(message, ears)
        elif kind in ("b", "u"):
            try:
                bar = self._bar(message, kind)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                ears.odd(f"a bar that cannot be read: {first_line(error)}")
                return
            if bar is None:
                ears.odd("a bar of a symbol that was not asked for")
            elif isinstance(bar, History):
                ears.none(bar)
            else:
                ears.bar(bar)
        elif kind not in ("success", "d", "s", "l", "t", "q", "c", "x", "o", "n"):
            ears.odd(f"a message of unknown type {str(kind)[:20]!r}")

    def _bar(self, message: dict[str, Any], kind: str) -> Bar | History | None:
        column = self._columns.get(message["S"])
        if column is None:
            return None
        opened, values, now = int(message["t"].to_unix_nano()), _values(message), self.clock.now()
        closes = self.schedule.closing(opened)
        if self.schedule.opened(closes) != opened:
            closes = opened + self.schedule.step  # before or after hours: the assembler says so
        if not values.volume > 0:
            return History(column, closes, closes, (), now)
        return Bar(column, closes, values, now, REVISION if kind == "u" else STREAM)

    def _check(self, message: dict[str, Any], ears: Ears) -> None:
        """The server repeats what is subscribed: all of it, or the feed would be silently incomplete."""
        missing = {
            s for s in self.symbols for channel in ("bars", "updatedBars") if s not in (message.get(channel) or ())
        }
        if missing:
            raise FeedError(
                f"feed.symbols: alpaca did not subscribe to {', '.join(sorted(missing))[:200]}; ask for fewer symbols, or "
                f"correct their names"
            )
        ears.up(f"alpaca sends {len(self.symbols)} symbols")

    def _error(self, code: Any, said: str) -> Exception:
        """A numbered error of the server as what must be done about it."""
        said = self.keys.hide(said)[:200]
        if code in MENDABLE:
            return FeedError(f"feed: alpaca says {code} {said}: {MENDABLE[code]}")
        return Dropped(f"alpaca says {code} {said}", CONNECTION_LIMIT_WAIT if code == 406 else 0.0)

    def _named(self, error: Exception) -> Exception:
        said = self.keys.hide(first_line(error))[:200]
        for words, code in WORDS.items():
            if words in said:
                return self._error(code, words)
        return Dropped(said)

    def _stream(self, ears: Ears) -> Any:
        """The library's stream with our ears in the place where it hands out messages."""
        from alpaca.data.enums import DataFeed
        from alpaca.data.live import CryptoDataStream, StockDataStream

        made: Any = StockDataStream if self.market == "stocks" else CryptoDataStream
        key, secret = self.keys.reveal()
        more = {"feed": DataFeed(self.data)} if self.market == "stocks" else {}
        stream = made(
            key,
            secret,
            raw_data=True,
            url_override=self.stream_at,
            data_timeout=self._timeout(),
            websocket_params={
                "ping_interval": 10,
                "ping_timeout": 60,
                "open_timeout": 10,
                "close_timeout": 1,
                "max_queue": 1024,
                "logger": SILENT,
            },
            **more,
        )

        async def dispatch(message: Any) -> None:
            ears.frame()
            self.heard(message, ears)

        async def unused(message: Any) -> None: ...

        stream._dispatch = dispatch
        stream.subscribe_bars(unused, *self.symbols)
        stream.subscribe_updated_bars(unused, *self.symbols)
        return stream

    def _timeout(self) -> float:
        """Seconds without data that the library bears: while the market is shut, until it has been open for a while."""
        now = self.clock.now()
        if self.schedule.is_open(now):
            return self.mute
        return (self.schedule.next(now).time - now) / SECOND + self.mute

    def _bars(self, symbol: str, start: int, end: int) -> list[dict[str, Any]]:
        """Raw rows over REST; runs on a worker thread."""
        from alpaca.common.exceptions import APIError
        from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
        from alpaca.data.requests import CryptoBarsRequest, StockBarsRequest
        from alpaca.data.timeframe import TimeFrame

        stocks = self.market == "stocks"
        if self._rest is None:
            made: Any = StockHistoricalDataClient if stocks else CryptoHistoricalDataClient
            key, secret = self.keys.reveal()
            self._rest = deadlined(made(key, secret, raw_data=True, url_override=self.rest_at), read=self.read)
        span = {"symbol_or_symbols": symbol, "timeframe": TimeFrame.Minute, "start": _when(start), "end": _when(end)}
        try:
            if stocks:
                asked = StockBarsRequest(**span, adjustment="raw", feed=self.data)
                answer = self._rest.get_stock_bars(asked)
            else:
                answer = self._rest.get_crypto_bars(CryptoBarsRequest(**span))
        except APIError as error:
            raise self._rest_error(error) from None
        except Exception as error:
            raise Dropped(self.keys.hide(first_line(error))[:200]) from None
        rows = answer.get(symbol, []) if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            raise Dropped("alpaca's answer has no list of bars")
        return rows

    def _rest_error(self, error: Any) -> Exception:
        status = getattr(error, "status_code", None)
        said = self.keys.hide(first_line(error))[:120]
        if status in (401, 403):
            return FeedError(f"feed: alpaca's REST says {status}: {MENDABLE[409 if 'subscription' in said else 402]}")
        headers = getattr(getattr(error, "response", None), "headers", {}) or {}
        wait = float(headers.get("Retry-After", 5.0)) if status == 429 else 0.0
        return Dropped(f"alpaca's REST says {status}: {said}", wait)


def _values(row: dict[str, Any]) -> Values:
    return Values(*(float(row[name]) for name in ("o", "h", "l", "c", "v")))


def _when(ns: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(ns // SECOND, datetime.UTC)


def _ns_of_text(text: str) -> int:
    """ns of an RFC 3339 time such as 2024-11-29T17:59:00Z."""
    return int(datetime.datetime.fromisoformat(text).timestamp()) * SECOND
