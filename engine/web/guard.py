"""The first to be asked: who is addressed, from where, for which door, and with what right. What is not allowed is refused.

A page of another site can make a browser send requests here, under our name (rebinding) or its own. So Host must be exactly
ours on every request; Origin, where one is sent, exactly ours, and it must be sent with everything but GET; and where the
browser says how a request came about, it is not another site's doing. Cookies ignore ports, hence alone they only read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.web.passes import Passes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; "
    "style-src-attr 'unsafe-inline'"
)  # the hash is of an empty style element, which plotly makes and fills by script
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
KEY_HEADER = b"x-barcast-key"
Needs = Literal["nothing", "reading", "control"]


@dataclass(frozen=True, slots=True)
class Door:
    """What answers at a path, and the right it asks for."""

    answer: App
    needs: Needs


Doors = Mapping[tuple[str, str], Door]  # (method, path)


class Guard:
    """The application that is served: a table of doors, and nothing beside it."""

    def __init__(self, doors: Doors, port: int, passes: Passes, scrub: Callable[[bytes], bytes]) -> None:
        self.doors, self.passes, self.scrub = doors, passes, scrub
        self.host, self.cookie = f"127.0.0.1:{port}".encode(), f"barcast-{port}"
        self.origin = b"http://" + self.host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        told = self.dressed(send)
        status, why = self.refusal(scope)
        if status:
            await plain(told, status, why)
        else:
            await self.doors[(scope["method"], scope["path"])].answer(scope, receive, told)

    def refusal(self, scope: Scope) -> tuple[int, str]:
        """(status, why) where a request is refused, (0, "") where it may pass."""
        method, path = scope["method"], scope["path"]
        if all_of(scope, b"host") != [self.host]:
            return 403, "this page answers only to the address that barcast printed"
        origins, sites = all_of(scope, b"origin"), all_of(scope, b"sec-fetch-site")
        if origins not in ([], [self.origin]) or (method != "GET" and not origins):
            return 403, "another origin"
        if sites and sites not in ([b"same-origin"], [b"none"]):
            return 403, "another site; type or paste the address yourself"
        door = self.doors.get((method, path))
        exact = scope.get("raw_path", path.encode()) == path.encode()
        if door is not None and exact and door.needs == "nothing":
            return 0, ""
        cookies = cookies_of(scope, self.cookie)
        if not self.passes.reads(cookies):
            return 401, "enter by the address that barcast printed"
        if door is None or not exact:
            elsewhere = any(place == path for _, place in self.doors)
            return (405, "not by this method") if elsewhere else (404, "nothing here")
        if door.needs == "control":
            keys = all_of(scope, KEY_HEADER)
            if not self.passes.control:
                return 403, "read-only: start the session with --allow-control"
            if len(keys) != 1 or not self.passes.commands(cookies, keys[0].decode("latin-1")):
                return 403, "this page may only read; open the newest address that barcast printed"
        return 0, ""

    def dressed(self, send: Send) -> Send:
        """`send` with the headers of every answer, and without secrets in what is not a file of ours."""
        ours = {"as_it_is": False}

        async def told(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                ours["as_it_is"] = any(name == b"content-length" for name, _ in given)
                names = {name for name, _ in given}
                kept = [] if b"cache-control" in names else [(b"cache-control", b"no-store")]
                message = {
                    **message,
                    "headers": [*given, *kept, *((k.encode(), v.encode()) for k, v in HEADERS.items())],
                }
            elif message["type"] == "http.response.body" and not ours["as_it_is"]:
                message = {**message, "body": self.scrub(message.get("body", b""))}
            await send(message)

        return told


def all_of(scope: Scope, name: bytes) -> list[bytes]:
    """Every value of a header."""
    return [value for key, value in scope["headers"] if key == name]


def cookies_of(scope: Scope, name: str) -> list[str]:
    """Every value of a cookie."""
    pairs = [pair.strip() for line in all_of(scope, b"cookie") for pair in line.decode("latin-1").split(";")]
    return [pair[len(name) + 1 :] for pair in pairs if pair.startswith(f"{name}=")]


async def plain(send: Send, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
    """An answer in one piece."""
    await whole(send, status, text.encode() + b"\n", kind)


async def whole(send: Send, status: int, body: bytes, kind: str, more: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """An answer in one piece, of some type."""
    headers = [(b"content-type", kind.encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
