"""Alpaca's market data on loopback: the msgpack stream and the REST bars, as its documents describe them. For the real alpaca-py."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import msgpack
from aiohttp import WSMsgType, web

from engine.feeds.facts import Values
from tests.feeds.loopback import FRAMES, HandClock, Server

KEY, SECRET = "PKCANARY0123456789", "sEcRetCaNaRy/+0123456789abcdef"
ERRORS = {
    400: "invalid syntax", 401: "not authenticated", 402: "auth failed", 403: "already authenticated", 404: "auth timeout",
    405: "symbol limit exceeded", 406: "connection limit exceeded", 407: "slow client", 409: "insufficient subscription",
    410: "invalid subscribe action for this feed", 500: "internal error",
}  # fmt: skip


class Alpacas(Server):
    """`rows`: symbol -> {open ms: Values}; `refuse`: the code that login is answered with; `deaf`: symbols left out of the echo."""

    def __init__(self, clock: HandClock, symbols: tuple[str, ...]) -> None:
        self.clock = clock
        self.rows: dict[str, dict[int, Values]] = {name: {} for name in symbols}
        self.fault: str | None = None
        self.refuse, self.refuse_symbols, self.deaf = 0, 0, set()
        self.refuse_sockets = 0
        self.sockets: list[web.WebSocketResponse] = []
        self.subscribed: list[str] = []
        super().__init__()

    async def serve(self) -> None:
        app = web.Application()
        app.router.add_get("/v2/stocks/bars", self.bars)
        app.router.add_get("/v2/iex", self.socket)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self._closers.append(runner.cleanup)

    async def bars(self, request: web.Request) -> web.StreamResponse:
        self.asked["bars"] += 1
        if request.headers.get("APCA-API-SECRET-KEY") != SECRET:
            return web.json_response({"message": "forbidden."}, status=403)
        match self.fault:
            case "429":
                return web.Response(status=429, headers={"Retry-After": "1"}, text='{"message":"too many requests."}')
            case "html":
                return web.Response(text="<html>Please log in to the hotel network</html>", content_type="text/html")
            case "half":
                return web.Response(text='{"bars":{"AA', content_type="application/json")
            case "hang":
                await asyncio.sleep(3600)
            case "redirect":
                return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/steal"})
            case str(status):
                return web.Response(status=int(status), text="upstream")
        FRAMES["alpaca: documented"] += 1
        symbol, rows = request.query["symbols"], []
        start, end = (_ms(request.query[name]) for name in ("start", "end"))
        for opened, v in sorted(self.rows.get(symbol, {}).items()):
            if start <= opened <= min(end, self.clock.at // 1_000_000):
                rows.append(
                    {"t": _text(opened), "o": v[0], "h": v[1], "l": v[2], "c": v[3], "v": v[4], "n": 1, "vw": v[3]}
                )
        return web.json_response({"bars": {symbol: rows} if rows else {}, "next_page_token": None})

    async def socket(self, request: web.Request) -> web.StreamResponse:
        self.asked["socket"] += 1
        if self.refuse_sockets:
            return web.Response(status=self.refuse_sockets, text="no")
        assert request.headers["Content-Type"] == "application/msgpack"
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await self.send(socket, [{"T": "success", "msg": "connected"}])
        async for message in socket:
            if message.type is WSMsgType.BINARY and not await self.told(socket, msgpack.unpackb(message.data)):
                break
        if socket in self.sockets:
            self.sockets.remove(socket)
        return socket

    async def told(self, socket: web.WebSocketResponse, message: Any) -> bool:
        if message["action"] == "auth":
            code = self.refuse or (0 if (message["key"], message["secret"]) == (KEY, SECRET) else 402)
            if code:
                await self.send(socket, [{"T": "error", "code": code, "msg": ERRORS[code]}])
                return False
            await self.send(socket, [{"T": "success", "msg": "authenticated"}])
        if message["action"] == "subscribe":
            if self.refuse_symbols:
                code = self.refuse_symbols
                await self.send(socket, [{"T": "error", "code": code, "msg": ERRORS[code]}])
                return True
            echo = {name: [s for s in message.get(name, []) if s not in self.deaf] for name in ("bars", "updatedBars")}
            self.subscribed = echo["bars"]
            await self.send(socket, [{"T": "subscription", "trades": [], "quotes": [], **echo, "dailyBars": []}])
            self.sockets.append(socket)
        return True

    async def send(self, socket: web.WebSocketResponse, frame: list[dict[str, Any]]) -> None:
        FRAMES["alpaca: documented"] += 1
        await socket.send_bytes(msgpack.packb(frame))

    def say(self, frame: Any) -> None:
        """Send to every socket: a list of messages in msgpack, bytes as they are."""
        data = frame if isinstance(frame, bytes) else msgpack.packb(frame)
        FRAMES["alpaca: made" if isinstance(frame, bytes) else "alpaca: documented"] += 1

        async def send() -> None:
            for socket in list(self.sockets):
                await socket.send_bytes(data)

        self.do(send())

    def message(self, symbol: str, opened_ms: int, v: Values, kind: str = "b") -> dict[str, Any]:
        """A bar as the stream sends it; t is the bar's open."""
        t = msgpack.Timestamp(opened_ms // 1000, 0)
        return {
            "T": kind,
            "S": symbol,
            "o": v[0],
            "h": v[1],
            "l": v[2],
            "c": v[3],
            "v": v[4],
            "t": t,
            "n": 3,
            "vw": v[3],
        }

    def cut(self, how: str) -> None:
        """End every socket: `clean`, `reset` in the middle of a frame, or `abort`."""

        async def end() -> None:
            for socket in list(self.sockets):
                transport = socket._req.transport
                if how == "clean":
                    await socket.close(code=1000)
                else:
                    if how == "reset":
                        transport.write(b"\x82\x7e\x01\x00\x91\x8a")  # says 256 bytes, sends 2
                        await asyncio.sleep(0.01)
                    transport.abort()
            self.sockets.clear()

        self.do(end())


def _ms(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def _text(ms: int) -> str:
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
