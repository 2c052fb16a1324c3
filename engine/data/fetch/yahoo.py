"""Daily bars with dividends and splits from Yahoo, through yfinance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.fetch.asking import (
    Page,
    Request,
    TryAgainError,
    UnknownSymbolError,
    status_error,
    waited,
)
from engine.data.fetch.vendors import FETCHED
from engine.errors import PluginError

if TYPE_CHECKING:
    import pandas as pd

HOST = "Yahoo"
TIMEOUT = 30.0
COLUMNS = {
    "Open": "open", "High": "high", "Low": "low", "Close": "close", "Adj Close": "adj_close", "Volume": "volume",
    "Dividends": "dividend", "Stock Splits": "split",
}  # fmt: skip


class Yahoo:
    """A Vendor. `options` go to the session of curl_cffi: proxies, verify."""

    name = "yfinance"
    pause = 0.5
    declared = FETCHED["yfinance"]

    def __init__(self, cache: Path, **options: Any) -> None:
        try:
            import curl_cffi.requests
            import yfinance
        except ImportError as error:
            raise PluginError(
                "--source yfinance: yfinance is not installed; it is part of the extra live: scripts/setup live"
            ) from error
        self.version = str(yfinance.__version__)
        self._yahoo = yfinance
        self._answers: list[tuple[int, dict[str, str]]] = []
        self._session = _watched(curl_cffi.requests.Session)(self._answers, **options)
        cache.mkdir(parents=True, exist_ok=True)
        yfinance.set_tz_cache_location(str(cache))

    def page(self, request: Request, since: int | None, now: float) -> Page:
        """All bars of the request: Yahoo gives them at once."""
        from yfinance.data import YfData
        from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

        self._answers.clear()
        YfData.cache_get.cache_clear()  # it keeps answers that were errors
        hidden, self._yahoo.config.debug.hide_exceptions = self._yahoo.config.debug.hide_exceptions, False
        after = request.end + np.timedelta64(1, "D")
        try:
            ticker = self._yahoo.Ticker(request.symbol, session=self._session)
            frame = ticker.history(
                start=str(request.start),
                end=str(after),
                interval="1d",
                auto_adjust=False,
                actions=True,
                timeout=TIMEOUT,
            )
        except YFRateLimitError as error:
            raise TryAgainError(f"{HOST} limits the rate (HTTP 429)", self._wait(now)) from error
        except (YFPricesMissingError, YFTzMissingError) as error:
            self._judged(now)
            if _without_bars(str(error)):
                return Page(long(None, now), None)
            raise UnknownSymbolError(str(error)) from error
        except Exception as error:
            self._judged(now)
            raise TryAgainError(f"{HOST} gives no answer that can be read ({type(error).__name__})") from error
        finally:
            self._yahoo.config.debug.hide_exceptions = hidden
        self._judged(now, worst=False)
        return Page(long(frame, now), None)

    def _judged(self, now: float, worst: bool = True) -> None:
        """Raise what the last answer's status means, or the worst of all where bars are missing."""
        for status, _ in self._answers[::-1] if worst else self._answers[-1:]:
            error = status_error(status, HOST, self._wait(now))
            if error is not None:
                raise error

    def _wait(self, now: float) -> float | None:
        told = [waited(headers.get("retry-after"), now) for _, headers in self._answers]
        return max((seconds for seconds in told if seconds is not None), default=None)


def _watched(base: Any) -> Any:
    """A session class of curl_cffi that notes the status and headers of every answer: yfinance hides them."""

    class Watched(base):  # type: ignore[misc]
        def __init__(self, answers: list[tuple[int, dict[str, str]]], **options: Any) -> None:
            super().__init__(impersonate="chrome", **options)
            self._noted = answers

        def request(self, *args: Any, **words: Any) -> Any:
            answer = super().request(*args, **words)
            headers = {str(key).lower(): str(value) for key, value in answer.headers.items()}
            self._noted.append((int(answer.status_code), headers))
            return answer

    return Watched


def _without_bars(text: str) -> bool:
    """Whether an error only says that the range holds nothing, of an instrument that is known."""
    return "Data doesn't exist for startDate" in text or "no price data found (" in text


def long(frame: pd.DataFrame | None, now: float) -> pd.DataFrame:
    """yfinance's frame as a table of this engine, without its symbol: dates of the exchange, split 1 where there is none.

    The exchange's today, by `now`, is left out: its bar is not finished. So are rows without a close that tell of no action.
    """
    import pandas as pd

    if frame is None or not len(frame):
        return pd.DataFrame({"date": pd.Series([], dtype="datetime64[ns]")} | {name: [] for name in COLUMNS.values()})
    out = frame.rename(columns=COLUMNS)[list(COLUMNS.values())].astype(np.float64)
    index = pd.DatetimeIndex(frame.index)
    today = pd.Timestamp(now, unit="s", tz="UTC").tz_convert(index.tz).tz_localize(None).normalize()
    out.insert(0, "date", index.tz_localize(None).normalize().as_unit("ns"))
    out["split"] = out["split"].where(out["split"] > 0.0, 1.0)
    busy = (out["dividend"] > 0.0) | (out["split"] != 1.0)
    return out[(out["date"] < today) & (out["close"].notna() | busy)].reset_index(drop=True)
