"""A page without a network: sessions to show, and requests put to the guard as the server would put them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import engine
from engine.live import paper
from engine.live.clock import StoppedClock
from engine.web.guard import Guard
from engine.web.passes import Passes
from engine.web.scrub import Scrub
from engine.web.serve import opened
from engine.web.showing import Showing
from engine.web.site import Site
from engine.web.statics import statics
from engine.web.tap import Outlet
from tests.live.market import config

PORT = 8765
HOST, ORIGIN = f"127.0.0.1:{PORT}", f"http://127.0.0.1:{PORT}"
DAY = 86_400_000_000_000
START = int(np.datetime64("2024-01-02", "ns").astype(np.int64))
FILE = config(
    signals={}, strategy={"rule": "orders", "path": "none.csv"}, exits={}, execution={}, feed={"source": "replay", "warm_up": 0}
)  # fmt: skip


def flat(rows: int = 12, names: tuple[str, ...] = ("A", "B")) -> engine.Panel:
    """Bars that never move: 10 a share."""
    grid = np.full((rows, len(names)), 10.0)
    times = START + DAY * np.arange(rows)
    return engine.Panel.from_arrays(names, times, grid, grid, grid, grid, grid * 1e6, calendar="24/7")


class Sways:
    """The first name: nothing on slices 0 to 2, 20 % on 3 to 5, 40 % on 6 to 8, then nothing."""

    def target(self, now: Any) -> Any:
        return np.array([[0.0, 0.2, 0.4, 0.0][min(now.t // 3, 3)], *[0.0] * (len(now.symbols) - 1)])


def begun(folder: Path, file: dict[str, Any] | None = None, panel: Any = None, strategy: Any = Sways) -> Any:
    """A session that has not run yet."""
    made = None if strategy is None else strategy()
    return paper.open_session(file or FILE, folder, panel=panel or flat(), clock=StoppedClock(1), strategy=made)


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Asker:
    """A browser's side of one page."""

    def __init__(self, folder: Path, control: bool = True, secrets: dict[str, str] | None = None) -> None:
        scrub = Scrub(secrets or {})
        self.showing = Showing(folder, Outlet(), control, scrub)
        self.passes = Passes(control, lambda: 0.0)
        self.site = Site(self.showing, self.passes, StoppedClock(1), f"barcast-{PORT}", statics(self.showing.start))
        self.guard = Guard(self.site.doors(), PORT, self.passes, scrub)
        self.cookie = self.key = ""

    def enter(self) -> Answer:
        """Spend the token, and keep what it gave."""
        told = self.ask("POST", "/enter", {"token": self.passes.token})
        if told.status == 200:
            self.cookie, self.key = told.headers["set-cookie"].split(";")[0], told.json["key"]
        return told

    def headers(self, method: str, **more: str | None) -> list[tuple[bytes, bytes]]:
        """Those of an honest browser on this page; `more` replaces some, None takes one away."""
        given: dict[str, str | None] = {"host": HOST}
        if method != "GET":
            given |= {"origin": ORIGIN, "content-type": "application/json", "x-barcast-key": self.key or None}
        given |= {"cookie": self.cookie or None} | {name.replace("_", "-"): value for name, value in more.items()}
        return [(name.encode(), value.encode("latin-1")) for name, value in given.items() if value is not None]

    def ask(self, method: str, path: str, body: Any = None, raw: bytes | None = None, **more: str | None) -> Answer:
        """The answer to one request."""
        return self.put(
            method, path, self.headers(method, **more), raw if raw is not None else json.dumps(body).encode()
        )

    def put(self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], body: bytes = b"") -> Answer:
        """The same, headers as they are."""
        place, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": place, "raw_path": place.encode(), "query_string": query.encode(),
            "headers": list(headers),
        }  # fmt: skip
        sent: list[Any] = []

        async def main() -> None:
            given = [{"type": "http.request", "body": body, "more_body": False}]

            async def receive() -> Any:
                if given:
                    return given.pop()
                await asyncio.Event().wait()
                return None

            async def send(message: Any) -> None:
                sent.append(message)
                if message.get("more_body"):
                    self.site.closing.set()

            self.site.closing = asyncio.Event()
            await self.guard(scope, receive, send)

        asyncio.run(main())
        told = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], told, b"".join(m.get("body", b"") for m in sent[1:]))


def shown(folder: Path, *args: Any, **more: Any) -> Any:
    """A session run to its end with its page open; the page's own server is left alone."""
    session = begun(folder, *args, **more)
    with opened(session, StoppedClock(1)) as page:
        session.run(show=page.show)
        page.last(session)
        page.showing.pump()
    return session, page
