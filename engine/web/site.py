"""The doors of the page and what answers at them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from urllib.parse import parse_qs

from engine.errors import BarcastError, ConfigError, first_line
from engine.live.clock import Clock
from engine.web.commanding import command_of, obey
from engine.web.curve import SPANS
from engine.web.guard import Door, Doors, Receive, Scope, Send, all_of, plain, whole
from engine.web.passes import Passes
from engine.web.showing import Frame, Showing, news

JSON = "application/json"
LARGEST = 4096  # bytes of what is sent to us
PATIENCE = 10.0  # seconds for a request's body, and for a reader to take one event
LOOK, SPACING, BEAT = 0.1, 0.5, 2.0  # seconds: between looks at frames, between events, at most without one
STREAMS, COMMANDS = 8, 2  # at once


class Site:
    """One session's page. Everything that takes time happens on two threads beside the server's loop."""

    def __init__(
        self, showing: Showing, passes: Passes, clock: Clock, cookie: str, statics: dict[str, tuple[bytes, str]]
    ) -> None:
        self.showing, self.passes, self.clock, self.cookie, self.statics = showing, passes, clock, cookie, statics
        self.streams, self.asking = 0, 0
        self.closing = asyncio.Event()
        self.worker, self.runner = ThreadPoolExecutor(1, "page-board"), ThreadPoolExecutor(COMMANDS, "page-command")

    def doors(self) -> Doors:
        """Every one there is."""
        out = {("GET", path): Door(self._file(body, kind), "nothing") for path, (body, kind) in self.statics.items()}
        return out | {
            ("POST", "/enter"): Door(self.enter, "nothing"),
            ("GET", "/events"): Door(self.events, "reading"),
            ("GET", "/curve"): Door(self.curve, "reading"),
            ("GET", "/candles"): Door(self.candles, "reading"),
            ("POST", "/command"): Door(self.command, "control"),
        }

    async def pumping(self) -> None:
        """Keep the board up with the session until the page closes."""
        drawn = -SPACING
        while not self.closing.is_set():
            draw = self.streams > 0 and self.clock.elapsed() >= drawn + SPACING
            drawn = self.clock.elapsed() if draw else drawn
            await self.pump(draw)
            await asyncio.sleep(LOOK)

    async def pump(self, draw: bool) -> Frame:
        """The newest frame; what goes wrong on the way to it is said on the page, and the session goes on."""
        try:
            told = await self._aside(lambda: self.showing.pump(draw))
        except Exception as error:
            self.showing.fail(first_line(error))
        else:
            return cast("Frame", told)
        return self.showing.frame

    async def _aside(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.worker, work)

    def _file(self, body: bytes, kind: str) -> Callable[[Scope, Receive, Send], Any]:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            size = (b"content-length", str(len(body)).encode())
            kept = (b"cache-control", b"no-cache" if kind.startswith("text/html") else b"private, max-age=600")
            await whole(send, 200, body, kind, (size, kept))

        return answer

    async def enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A token for a cookie and, where control was allowed, a key."""
        if self.passes.crowded():
            return await plain(send, 429, "too many wrong tokens; wait a minute")
        told = await self._json(scope, receive, send)
        if told is None:
            return None
        token = told.get("token") if isinstance(told, dict) else None
        got = self.passes.enter(token) if isinstance(token, str) else None
        if got is None:
            return await plain(
                send, 403, "this address was used already or is another session's; use the newest that barcast printed"
            )
        cookie = f"{self.cookie}={got[0]}; HttpOnly; SameSite=Strict; Path=/"
        body = json.dumps({"key": got[1]}).encode()
        return await whole(
            send, 200, body, JSON, ((b"set-cookie", cookie.encode()), (b"content-length", str(len(body)).encode()))
        )

    async def curve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Equity of a span."""
        span = self._query(scope, "span")
        if span not in SPANS:
            return await plain(send, 404, f"span: expected one of {', '.join(SPANS)}")
        return await self._tell(send, await self._aside(lambda: self.showing.curve(span)))

    async def candles(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Bars of an instrument."""
        symbol = self._query(scope, "symbol")
        if symbol not in self.showing.symbols:
            return await plain(send, 404, "symbol: not in this session")
        return await self._tell(send, await self._aside(lambda: self.showing.candles(symbol)))

    async def command(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pause, resume, exit, kill."""
        told = await self._json(scope, receive, send)
        if told is None:
            return None
        if self.asking >= COMMANDS:
            return await plain(send, 429, "other commands wait; try again")
        self.asking += 1
        try:
            command = command_of(told, self.showing.symbols, self.showing.account)
            if self.showing.ended:
                raise ConfigError("the session is closed")
            loop, folder = asyncio.get_running_loop(), self.showing.folder
            said = await loop.run_in_executor(self.runner, lambda: obey(folder, command, self.clock))
        except BarcastError as error:
            return await plain(send, 409, str(error))
        finally:
            self.asking -= 1
        return await self._tell(send, {"said": said})

    async def events(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Frames as they come, twice a second at most. A reader who is slow gets fewer of them; one who is stuck is let go."""
        if self.streams >= STREAMS:
            return await plain(send, 503, f"{STREAMS} pages are open; close one")
        self.streams += 1
        try:
            telling, leaving = asyncio.ensure_future(self._stream(send)), asyncio.ensure_future(gone(receive))
            _, left = await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)
        finally:
            self.streams -= 1
        return None

    async def _stream(self, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        seen: dict[str, str] = {}
        number, points = -1, (await self.pump(True)).points
        while not self.closing.is_set():
            waited = 0.0
            while self.showing.frame.number == number and waited < BEAT and not self.closing.is_set():
                await asyncio.sleep(LOOK)
                waited += LOOK
            frame = self.showing.frame
            await self._event(send, frame, seen, points)
            seen, number, points = dict(frame.parts), frame.number, frame.points
            await asyncio.sleep(SPACING)
        await self._event(send, await self.pump(True), seen, points)
        await send({"type": "http.response.body", "body": b"event: bye\ndata: {}\n\n"})

    async def _event(self, send: Send, frame: Frame, seen: Mapping[str, str], points: int) -> None:
        told = news(frame, seen, points, self.clock.now)
        body = f"id: {frame.number}\ndata: {dumped(told)}\n\n".encode()
        await asyncio.wait_for(send({"type": "http.response.body", "body": body, "more_body": True}), PATIENCE)

    def _query(self, scope: Scope, name: str) -> str:
        found = parse_qs(scope.get("query_string", b"").decode("latin-1")).get(name, [""])
        return found[0] if len(found) == 1 else ""

    async def _tell(self, send: Send, value: Any) -> None:
        await whole(send, 200, dumped(value).encode(), JSON)

    async def _json(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """What was sent; None, and an answer, where it is no small JSON document."""
        if all_of(scope, b"content-type") != [JSON.encode()]:
            return await plain(send, 415, "expected application/json")
        try:
            told = json.loads(await asyncio.wait_for(body_of(receive), PATIENCE))
            if told is None:
                raise ValueError("null")
            return told
        except (TimeoutError, ValueError, RecursionError):
            return await plain(send, 400, f"expected a JSON document of {LARGEST} bytes at most")


def dumped(value: Any) -> str:
    """JSON without NaN."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


async def body_of(receive: Receive) -> bytes:
    """The body of a request; ValueError where it is too large or breaks off."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ValueError("gone")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST:
            raise ValueError("too large")
        if not message.get("more_body"):
            return b"".join(parts)


async def gone(receive: Receive) -> None:
    """Returns when the reader has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
