"""Binance and Kraken on loopback: public REST and websocket, with faults on demand. For the real ccxt."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from engine.feeds.facts import Values
from tests.feeds.loopback import FRAMES, HandClock, Server

MS = 1_000_000
QUOTES = ("USDT", "BUSD", "BTC", "BRL", "EUR", "ETH")


def pair(name: str) -> tuple[str, str]:
    """(base, quote) of a symbol written in one word."""
    quote = next(quote for quote in QUOTES if name.endswith(quote))
    return name.removesuffix(quote), quote


class Exchange(Server):
    """`rows`: symbol id -> {open ms: Values}; `fault`: how REST misbehaves; sockets are spoken to by `say`."""

    kind = "binance"

    def __init__(self, clock: HandClock, symbols: tuple[str, ...], info: Any = None) -> None:
        self.clock, self.ids, self.info = clock, symbols, info
        self.rows: dict[str, dict[int, Values]] = {name: {} for name in symbols}
        self.fault: str | None = None
        self.sockets: list[web.WebSocketResponse] = []
        self.subscribed: list[Any] = []
        self.refuse_sockets = 0  # HTTP status of the handshake, 0: accept
        self.reach = 1000
        super().__init__()

    async def serve(self) -> None:
        app = web.Application()
        app.router.add_get("/{rest:api/.*|0/.*}", self.rest)
        app.router.add_get("/{stream:stream.*|v2.*}", self.socket)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self._closers.append(runner.cleanup)

    def prepare(self, client: Any) -> None:
        """Point a ccxt client here."""
        at = f"127.0.0.1:{self.port}"
        api = client.urls["api"]
        api["public"] = f"http://{at}/api/v3"
        api["ws"]["spot"] = f"ws://{at}/stream/ws"  # without /stream the library takes it for futures
        client.enableRateLimit = False

    async def rest(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rsplit("/", 1)[-1]
        self.asked[path] += 1
        if self.fault is not None and (path != "exchangeInfo" or self.fault == "451"):
            return await self.misbehave()
        FRAMES[f"{self.kind}: {'captured' if self.info and path == 'exchangeInfo' else 'made'}"] += 1
        if path == "exchangeInfo":
            return web.json_response(self.info or {"symbols": [self.market(name) for name in self.ids]})
        return web.json_response(self.klines(request.query))

    async def misbehave(self) -> web.StreamResponse:
        match self.fault:
            case "429":
                return web.Response(
                    status=429, headers={"Retry-After": "1"}, text='{"code":-1003,"msg":"Too many requests."}'
                )
            case "html":
                return web.Response(
                    text="<html><body>Please log in to the hotel network</body></html>", content_type="text/html"
                )
            case "half":
                return web.Response(text='[[1633998240000,"13.7', content_type="application/json")
            case "451":
                return web.Response(
                    status=451, text='{"code":0,"msg":"Service unavailable from a restricted location"}'
                )
            case "hang":
                await asyncio.sleep(3600)
        return web.Response(status=int(self.fault or 500), text="upstream")

    def market(self, name: str) -> dict[str, Any]:
        """One market, as exchangeInfo has them."""
        base, quote = pair(name)
        return {
            "symbol": name, "status": "TRADING", "baseAsset": base, "quoteAsset": quote, "baseAssetPrecision": 8,
            "quotePrecision": 8, "quoteAssetPrecision": 8, "orderTypes": ["LIMIT", "MARKET"], "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False, "permissions": ["SPOT"],
            "filters": [{"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"}],
        }  # fmt: skip

    def klines(self, query: Any) -> list[list[Any]]:
        rows = self.rows[query["symbol"]]
        since, limit = int(query.get("startTime", 0)), int(query.get("limit", 500))
        now = self.clock.at // MS
        chosen = [opened for opened in sorted(rows) if since <= opened <= now][: min(limit, self.reach)]
        return [self.kline(opened, rows[opened]) for opened in chosen]

    def kline(self, opened: int, v: Values) -> list[Any]:
        o, h, low, c, volume = (f"{x:.8f}" for x in v)
        return [opened, o, h, low, c, volume, opened + 59_999, "0", 1, "0", "0", "0"]

    async def socket(self, request: web.Request) -> web.StreamResponse:
        self.asked["socket"] += 1
        if self.refuse_sockets:
            return web.Response(status=self.refuse_sockets, text="no")
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self.told(socket, json.loads(message.data))
        if socket in self.sockets:
            self.sockets.remove(socket)
        return socket

    async def told(self, socket: web.WebSocketResponse, message: Any) -> None:
        if message.get("method") == "SUBSCRIBE":
            self.subscribed += message["params"]
            await socket.send_str(json.dumps({"result": None, "id": message["id"]}))

    def say(self, frame: Any, origin: str = "made") -> None:
        """Send to every socket: a dict as JSON, text as it is."""
        FRAMES[f"{self.kind}: {origin}"] += 1
        text = frame if isinstance(frame, str) else json.dumps(frame)

        async def send() -> None:
            for socket in list(self.sockets):
                await socket.send_str(text)

        self.do(send())

    def running(self, name: str, opened: int, v: Values, closed: bool = False) -> dict[str, Any]:
        """A candle as the stream sends it."""
        o, h, low, c, volume = (f"{x:.8f}" for x in v)
        k = {
            "t": opened,
            "T": opened + 59_999,
            "s": name,
            "i": "1m",
            "o": o,
            "c": c,
            "h": h,
            "l": low,
            "v": volume,
            "n": 1,
            "x": closed,
        }
        return {"e": "kline", "E": opened + 60_000, "s": name, "k": k}

    def cut(self, how: str) -> None:
        """End every socket: `clean` with a farewell, `reset` in the middle of a frame, `half` after a torn frame."""

        async def end() -> None:
            for socket in list(self.sockets):
                transport = socket._req.transport
                if how == "clean":
                    await socket.close(code=1001)
                elif how == "reset":
                    transport.write(b"\x81\x7e\x01\x00" + b'{"e":"kline"')  # says 256 bytes, sends 12
                    await asyncio.sleep(0.01)
                    transport.abort()
                else:
                    transport.abort()
            self.sockets.clear()

        self.do(end())


class Kraken(Exchange):
    """The same with Kraken's words."""

    kind = "kraken"

    def prepare(self, client: Any) -> None:
        at = f"127.0.0.1:{self.port}"
        client.urls["api"]["public"] = f"http://{at}"
        client.urls["api"]["ws"]["publicV2"] = f"ws://{at}/v2"
        client.enableRateLimit = False

    async def rest(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rsplit("/", 1)[-1]
        self.asked[path] += 1
        if self.fault is not None and (path == "OHLC" or self.fault == "451"):
            return await self.misbehave()
        FRAMES[f"{self.kind}: {'captured' if self.info and path != 'OHLC' else 'made'}"] += 1
        if path == "AssetPairs":
            return web.json_response(
                self.info or {"error": [], "result": {name: self.market(name) for name in self.ids}}
            )
        if path == "Assets":
            return web.json_response({"error": [], "result": {}})
        return web.json_response(self.ohlc(request.query))

    def market(self, name: str) -> dict[str, Any]:
        base, quote = pair(name)
        return {
            "altname": name, "wsname": f"{base}/{quote}", "base": base, "quote": quote, "lot": "unit", "pair_decimals": 2,
            "lot_decimals": 8, "lot_multiplier": 1, "leverage_buy": [], "leverage_sell": [], "fees": [[0, 0.26]],
            "fees_maker": [[0, 0.16]], "fee_volume_currency": "ZUSD", "ordermin": "0.0001", "status": "online",
        }  # fmt: skip

    def ohlc(self, query: Any) -> dict[str, Any]:
        name = query["pair"]
        now, since = self.clock.at // 1_000_000_000, int(query.get("since", 0))
        opens = [opened for opened in sorted(self.rows[name]) if since < opened // 1000 <= now][-720:]
        rows = [self.rest_row(opened // 1000, self.rows[name][opened]) for opened in opens]
        return {"error": [], "result": {name: rows, "last": rows[-2][0] if len(rows) > 1 else 0}}

    def rest_row(self, opened: int, v: Values) -> list[Any]:
        return [opened, *(f"{x:.2f}" for x in v[:4]), "0.0", f"{v.volume:.8f}", 1]

    async def told(self, socket: web.WebSocketResponse, message: Any) -> None:
        if message.get("method") == "subscribe":
            self.subscribed += message["params"]["symbol"]
            for symbol in message["params"]["symbol"]:
                result = {"channel": "ohlc", "interval": 1, "snapshot": True, "symbol": symbol}
                await socket.send_str(json.dumps({"method": "subscribe", "result": result, "success": True}))
        if message.get("method") == "ping":
            await socket.send_str('{"method":"pong"}')

    def running(self, name: str, opened: int, v: Values, closed: bool = False) -> dict[str, Any]:
        import datetime

        begins = datetime.datetime.fromtimestamp(opened / 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
        base, quote = pair(name)
        row = {"symbol": f"{base}/{quote}", "open": v.open, "high": v.high, "low": v.low, "close": v.close, "trades": 1,
               "volume": v.volume, "vwap": v.close, "interval_begin": begins, "interval": 1, "timestamp": begins}  # fmt: skip
        return {"channel": "ohlc", "type": "update", "timestamp": begins, "data": [row]}
