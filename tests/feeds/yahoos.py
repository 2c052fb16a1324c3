"""Yahoo's chart answers on loopback, reached by the real yfinance over a session that sends every host here."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
from aiohttp import web
from requests import Session
from requests.adapters import HTTPAdapter

from engine.feeds.facts import Values
from tests.feeds.loopback import FRAMES, HandClock, Server


class Here(HTTPAdapter):
    """Every request goes to our port, whatever host it names."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(max_retries=0)

    def send(self, request: Any, **options: Any) -> Any:
        parts = urlsplit(request.url)
        request.url = f"http://127.0.0.1:{self.port}{parts.path}?{parts.query}"
        return super().send(request, **options)


class Yahoos(Server):
    """`rows`: symbol -> {session date: Values}, stamped at the session's open as Yahoo does."""

    def __init__(self, clock: HandClock, symbols: tuple[str, ...], opens: dict[str, int]) -> None:
        self.clock, self.opens = clock, opens
        self.rows: dict[str, dict[str, Values]] = {name: {} for name in symbols}
        self.fault: str | None = None
        self.sockets: list[Any] = []
        super().__init__()

    def session(self) -> Session:
        made = Session()
        made.trust_env = False
        for scheme in ("https://", "http://"):
            made.mount(scheme, Here(self.port))
        return made

    async def serve(self) -> None:
        app = web.Application()
        app.router.add_get("/v8/finance/chart/{symbol}", self.chart)
        app.router.add_get("/v1/test/getcrumb", self.crumb)
        app.router.add_get("/{rest:.*}", self.other)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self._closers.append(runner.cleanup)

    async def crumb(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="cRuMb")

    async def other(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="ok", headers={"Set-Cookie": "A3=d; Path=/"})

    async def chart(self, request: web.Request) -> web.StreamResponse:
        self.asked["chart"] += 1
        match self.fault:
            case "html":
                return web.Response(text="<html>Please log in to the hotel network</html>", content_type="text/html")
            case "half":
                return web.Response(text='{"chart":{"res', content_type="application/json")
            case "hang":
                await asyncio.sleep(3600)
            case str(status):
                return web.Response(status=int(status), text="Too Many Requests" if status == "429" else "upstream")
        FRAMES["yfinance: made"] += 1
        symbol = request.match_info["symbol"]
        if symbol not in self.rows:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return web.json_response({"chart": {"result": None, "error": error}}, status=404)
        first, last = (int(request.query.get(name, other)) for name, other in (("period1", 0), ("period2", 2**40)))
        rows = [(self.opens[d], v) for d, v in sorted(self.rows[symbol].items()) if first <= self.opens[d] < last]
        rows = [(at, v) for at, v in rows if at <= self.clock.at // 1_000_000_000]
        return web.json_response({"chart": {"result": [self.result(symbol, rows)], "error": None}})

    def result(self, symbol: str, rows: list[tuple[int, Values]]) -> dict[str, Any]:
        names = ("open", "high", "low", "close", "volume")
        quote = {name: [_noisy(v[k]) if k < 4 else int(v[k]) for _, v in rows] for k, name in enumerate(names)}
        meta = {
            "currency": "USD", "symbol": symbol, "exchangeName": "NYQ", "instrumentType": "EQUITY", "gmtoffset": -18000,
            "timezone": "EST", "exchangeTimezoneName": "America/New_York", "priceHint": 2, "dataGranularity": "1d", "range": "",
            "firstTradeDate": 0, "regularMarketTime": self.clock.at // 1_000_000_000, "validRanges": ["1d", "max"],
            "currentTradingPeriod": {
                name: {"timezone": "EST", "start": self.clock.at // 1_000_000_000 - 10**6, "end": self.clock.at // 1_000_000_000 - 10**5, "gmtoffset": -18000}
                for name in ("pre", "regular", "post")
            },
        }  # fmt: skip
        indicators = {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]}
        return {"meta": meta, "timestamp": [at for at, _ in rows], "indicators": indicators}


def _noisy(price: float) -> float:
    """As Yahoo has it: a float32."""
    return float(np.float32(price))


def opens_of(schedule: Any) -> dict[str, int]:
    """Session date -> seconds of its open."""
    labels = pd.DatetimeIndex(schedule.exchange.label).strftime("%Y-%m-%d")
    return {label: int(at) // 1_000_000_000 for label, at in zip(labels, schedule.exchange.open, strict=True)}
