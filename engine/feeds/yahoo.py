"""Daily bars from Yahoo through yfinance, asked for after the close: free, delayed, unofficial, and good enough for a day's bar.

There is no stream: yfinance's socket gives quotes, not bars, and does not come back when it drops. So every bar is a REST answer,
asked for once the session has been over for the rules' grace. Prices are split-adjusted to the day of asking.
"""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import numpy as np

from engine.errors import ConfigError, FeedError, first_line
from engine.feeds.facts import REST, Bar, History, Values
from engine.feeds.provider import Dropped, Ears
from engine.feeds.schedule import Schedule
from engine.live.clock import Clock
from engine.types import DAY_NS

TIMEOUT = 10.0  # seconds of one request
WAIT = 60.0  # seconds before a refused question is put again
DIGITS = 7  # Yahoo keeps prices as float32: 189.94 comes as 189.94000244140625


class Yahoo:
    """A provider that is only asked; `session` stands in for the library's own (tests)."""

    name = "yfinance"

    def __init__(
        self,
        symbols: tuple[str, ...],
        schedule: Schedule,
        clock: Clock,
        session: Any = None,
        wait: float = WAIT,
        timeout: float = TIMEOUT,
    ) -> None:
        if schedule.step != DAY_NS:
            raise ConfigError("feed.interval: yfinance gives delayed daily bars only; say interval: 1d")
        if schedule.exchange is None:
            raise ConfigError("feed.calendar: yfinance's daily bars need an exchange's calendar such as XNYS")
        try:
            import yfinance
        except ImportError:
            raise FeedError(
                "feed: yfinance is not installed; install barcast with its extra: pip install '.[live]'"
            ) from None
        self.symbols, self.schedule, self.clock, self.session = symbols, schedule, clock, session
        self.wait, self.timeout = wait, timeout
        self._raising: dict[str, bool] = {}
        if hasattr(yfinance, "config"):
            yfinance.config.debug.hide_exceptions = False
        else:  # before 1.0
            self._raising["raise_errors"] = True
        self.labels = schedule.exchange.label.astype("datetime64[D]")
        self.closes = schedule.exchange.close
        self._one = asyncio.Lock()  # the library's session is one for all, and not made for threads

    async def listen(self, ears: Ears) -> None:
        """Nothing to hear; the line is told that it is alive."""
        ears.up("yfinance is asked after each close")
        while True:
            ears.frame()
            await asyncio.sleep(0.2)

    async def history(self, column: int, first: int, last: int) -> History:
        """Daily bars of sessions that closed from `first` to `last`; today's forming bar is dropped."""
        asked = self.clock.now()
        async with self._one:
            rows = await asyncio.to_thread(self._rows, self.symbols[column], self._label(first), self._label(last))
        bars, newest = [], 0
        for label, values in rows:
            place = int(np.searchsorted(self.labels, label))
            if place == len(self.labels) or self.labels[place] != label:
                continue
            closes = int(self.closes[place])
            newest = max(newest, closes if closes <= asked else int(self.closes[place - 1]))
            if first <= closes <= min(last, asked) and values.volume > 0:
                bars.append(Bar(column, closes, values, asked, REST))
        # a session after the newest row may only be late: it is proved empty by a later row alone
        return History(column, first, min(last, newest), tuple(bars), asked)

    async def close(self) -> None:
        """Nothing is held."""

    def _label(self, close: int) -> np.datetime64:
        return np.datetime64(self.labels[int(np.searchsorted(self.closes, close))], "D")

    def _rows(self, symbol: str, first: np.datetime64, last: np.datetime64) -> list[tuple[np.datetime64, Values]]:
        """(session date, values) as the library has them; on a worker thread."""
        import yfinance

        end = str(last + np.timedelta64(2, "D"))  # exclusive, and one more day, whose row proves the day before
        try:
            ticker = yfinance.Ticker(symbol, session=self.session)
            frame = ticker.history(
                start=str(first),
                end=end,
                interval="1d",
                auto_adjust=False,
                actions=False,
                timeout=self.timeout,
                **self._raising,
            )
        except Exception as error:
            raise self._named(symbol, error) from None
        names = ("Open", "High", "Low", "Close", "Volume")
        return [
            (
                np.datetime64(datetime.date(stamp.year, stamp.month, stamp.day)),
                Values(*(_short(row[name]) for name in names)),
            )
            for stamp, row in frame.iterrows()
        ]

    def _named(self, symbol: str, error: Exception) -> Exception:
        """A library's error as what must be done about it."""
        kind, said = type(error).__name__, first_line(error)[:200]
        if "possibly delisted" in said:
            return Dropped(f"yfinance has nothing for {symbol}: {said}", self.wait, alone=True)
        return Dropped(said, self.wait if "RateLimit" in kind else 0.0)


def _short(number: Any) -> float:
    """A float32 in a float64's clothes as the number that was meant; volumes of more digits as they are."""
    value = float(number)
    return float(f"{value:.{DIGITS}g}") if abs(value) < 1e6 else value
