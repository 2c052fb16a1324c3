"""Alpaca's paper REST on loopback, as its documents describe it. For the real alpaca-py."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from tests.feeds.loopback import FRAMES, Server

KEY, SECRET = "PKCANARY0123456789", "sEcRetCaNaRy/+0123456789abcdef"


class Papers(Server):
    """`orders` by client order id; `fault`: what happens to the next order: `hang`, `504 after`, `504 before`, `reset` ..."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.held: list[dict[str, str]] = []
        self.fault: str | None = None
        self.cancelled = 0
        super().__init__()

    async def serve(self) -> None:
        app = web.Application()
        app.router.add_post("/v2/orders", self.submit)
        app.router.add_get("/v2/orders:by_client_order_id", self.query)
        app.router.add_get("/v2/orders", self.open)
        app.router.add_delete("/v2/orders", self.cancel)
        app.router.add_get("/v2/positions", self.positions)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self._closers.append(runner.cleanup)

    @property
    def at(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def order(
        self, body: dict[str, Any], status: str = "accepted", filled: str = "0", price: str | None = None
    ) -> dict:
        return {
            "id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "client_order_id": body["client_order_id"], "symbol": body["symbol"],
            "qty": body["qty"], "filled_qty": filled, "filled_avg_price": price, "side": body["side"], "type": body["type"],
            "time_in_force": body["time_in_force"], "status": status,
        }  # fmt: skip

    async def submit(self, request: web.Request) -> web.StreamResponse:
        self.asked["submit"] += 1
        FRAMES["alpaca orders: documented"] += 1
        body, fault = await request.json(), self.fault
        if request.headers.get("APCA-API-SECRET-KEY") != SECRET:
            return web.json_response({"code": 40110000, "message": "request is not authorized"}, status=401)
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "redirect":
            return web.Response(status=307, headers={"Location": "http://127.0.0.1:1/v2/orders"})
        if fault is not None and fault.isdigit():
            return web.json_response(
                {"code": int(fault) * 100_000, "message": "insufficient buying power"}, status=int(fault)
            )
        if fault == "504 before":
            return web.Response(status=504, text="<html>gateway</html>")
        if body["client_order_id"] in self.orders:
            return web.json_response({"code": 40010001, "message": "client_order_id must be unique"}, status=422)
        self.orders[body["client_order_id"]] = self.order(body)
        if fault == "504 after":
            return web.Response(status=504, text="<html>gateway</html>")
        if fault == "hang after":
            await asyncio.sleep(3600)
        if fault == "html":
            return web.Response(text="<html>ok</html>")
        if fault == "reset":
            request.transport.abort()
        return web.json_response(self.orders[body["client_order_id"]])

    async def query(self, request: web.Request) -> web.StreamResponse:
        self.asked["query"] += 1
        FRAMES["alpaca orders: documented"] += 1
        found = self.orders.get(request.query["client_order_id"])
        if self.fault == "500 query":
            return web.Response(status=500, text="no")
        if found is None:
            return web.json_response({"code": 40410000, "message": "order not found"}, status=404)
        return web.json_response(found)

    async def open(self, request: web.Request) -> web.StreamResponse:
        return web.json_response([order for order in self.orders.values() if order["status"] == "accepted"])

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        self.cancelled += 1
        return web.json_response([], status=207)

    async def positions(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.held)
