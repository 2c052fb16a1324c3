"""Bars of a crypto exchange, through ccxt: a page at a time, only what has closed."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from engine.data.fetch.asking import Page, Request, TryAgainError, UnknownSymbolError, status_error, waited
from engine.data.fetch.vendors import FETCHED
from engine.data.words import nearest
from engine.errors import ConfigError, PluginError
from engine.types import DAY_NS

MS = 1_000_000  # ns
STATUS = re.compile(r"https?://\S+ (\d{3})\b")
LIMIT = 500  # bars asked for at once; an exchange gives fewer if it likes


def _is_json(text: Any) -> bool:
    try:
        json.loads(text)
    except (TypeError, ValueError):
        return False
    return True


class Exchange:
    """A Vendor: one exchange of ccxt, by its id, with bars of one length."""

    name = "ccxt"
    declared = FETCHED["ccxt"]

    def __init__(self, exchange: str, timeframe: str = "1d", client: Any = None) -> None:
        try:
            import ccxt
        except ImportError as error:
            raise PluginError(
                "--source ccxt: ccxt is not installed; it is part of the extra live: scripts/setup live"
            ) from error
        self._ccxt = ccxt
        if client is None:
            if exchange not in ccxt.exchanges:
                known = nearest(exchange, ccxt.exchanges)
                raise ConfigError(
                    f"--exchange: ccxt knows no exchange {exchange!r}{known}; expected e.g. kraken, coinbase"
                )
            client = getattr(ccxt, exchange)({"enableRateLimit": False})  # the pauses between questions are made here
        client.enableLastHttpResponse = client.enableLastResponseHeaders = True
        self.client = client
        frames = client.timeframes
        if timeframe not in frames:
            raise ConfigError(
                f"--timeframe: {exchange} has no bars of {timeframe!r}; expected one of {', '.join(frames)}"
            )
        self.exchange, self.timeframe = exchange, timeframe
        self.version = f"{ccxt.__version__} {exchange} {timeframe}"
        self.pause = float(client.rateLimit) / 1000.0
        self.step = int(client.parse_timeframe(timeframe)) * 1_000_000_000

    def page(self, request: Request, since: int | None, now: float) -> Page:
        """The bars from `since` on, or from the start; the candle that has not closed by `now` is left out."""
        begin = int(request.start.astype("datetime64[ns]").astype(np.int64)) if since is None else since
        stop = int((request.end + np.timedelta64(1, "D")).astype("datetime64[ns]").astype(np.int64))
        rows = self._candles(request.symbol, begin, now)
        rows = rows[rows[:, 0] * MS >= begin]
        after = (
            int(rows[-1, 0]) * MS + self.step if len(rows) else begin + LIMIT * self.step
        )  # nothing traded for so long
        closed = rows[(rows[:, 0] * MS + self.step <= now * 1e9) & (rows[:, 0] * MS < stop)]
        more = after < min(stop, now * 1e9 - self.step)
        return Page(self._long(closed), after if more else None)

    def _candles(self, symbol: str, begin: int, now: float) -> np.ndarray:
        """(K, 6) open time in ms, open, high, low, close, volume; rising."""
        known = (self._ccxt.BadSymbol,)
        try:
            told = self.client.fetch_ohlcv(symbol, self.timeframe, since=begin // MS, limit=LIMIT)
            rows = np.array(told, np.float64).reshape(-1, 6)
        except known as error:
            raise UnknownSymbolError(f"{self.exchange} has no market {symbol}") from error
        except self._ccxt.BaseError as error:
            raise self._meant(error, now) from error
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            raise TryAgainError(f"{self.exchange} gives no answer that can be read ({type(error).__name__})") from error
        if not len(rows) and not _is_json(self.client.last_http_response):  # of which ccxt makes an empty list
            raise TryAgainError(f"{self.exchange} gives no answer that can be read")
        return rows[np.argsort(rows[:, 0], kind="stable")]

    def _meant(self, error: Exception, now: float) -> Exception:
        """What an error of ccxt means for whoever asks."""
        headers = self.client.last_response_headers
        wait = waited(None if headers is None else headers.get("Retry-After"), now)
        found = STATUS.search(str(error))
        judged = status_error(int(found.group(1)), self.exchange, wait) if found else None
        if judged is not None:
            return judged
        if isinstance(error, (self._ccxt.DDoSProtection, self._ccxt.RateLimitExceeded)):
            return TryAgainError(f"{self.exchange} limits the rate", wait)
        text = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        return TryAgainError(f"{self.exchange} gives no answer that can be read ({type(error).__name__}: {text})", wait)

    def _long(self, rows: np.ndarray) -> Any:
        """A table without its symbol: days by their date, shorter bars by the time they close."""
        import pandas as pd

        opened = (rows[:, 0] * MS).astype(np.int64)
        day = self.step == DAY_NS
        when = pd.to_datetime(opened if day else opened + self.step, unit="ns", utc=not day)
        bars = {name: rows[:, k] for k, name in enumerate(("open", "high", "low", "close", "volume"), start=1)}
        return pd.DataFrame({"date" if day else "timestamp": when} | bars)
