"""The page's server in a thread of its own: begun beside a session, and taken down with it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError
from engine.live.clock import Clock
from engine.web.guard import Guard
from engine.web.passes import Passes
from engine.web.scrub import Scrub
from engine.web.showing import Showing
from engine.web.site import Site
from engine.web.statics import statics
from engine.web.tap import Looker, Outlet, Tap, standing_of

if TYPE_CHECKING:
    from engine.live.session import Session

ADDRESS = "127.0.0.1"  # and no other
PATIENCE = 5.0  # seconds for the server to come up, and to go


class Page:
    """The page of one session. `show` is called after every arrival, on the session's thread; it never waits."""

    def __init__(
        self, session: Session, clock: Clock, showing: Showing, outlet: Outlet, port: int, passes: Passes
    ) -> None:
        self.showing, self.outlet, self.port, self.passes = showing, outlet, port, passes
        self.clock = clock
        self._look = Looker(outlet, clock)

    def show(self, session: Session) -> None:
        """Look at the session, if it is time to."""
        self._look(session)

    def last(self, session: Session) -> None:
        """Look at it for good."""
        self.outlet.standing = standing_of(session, self.clock)

    def log(self, message: Any) -> None:
        """A line of the log, as a sink of the logger."""
        self.showing.log(str(message))

    @property
    def address(self) -> str:
        """Where the page is; good for one entry."""
        return address(self.port, self.passes.token)


def address(port: int, token: str) -> str:
    """The token is a fragment: browsers send it to nobody, and the page forgets it once it has entered."""
    return f"http://{ADDRESS}:{port}/#{token}"


def check_installed() -> None:
    """Nothing; ConfigError where the server is not installed."""
    if find_spec("uvicorn") is None:
        raise ConfigError(
            "--web: needs uvicorn, which is not installed. Install the extra `web`: pip install -e '.[web]'"
        )


@contextmanager
def opened(
    session: Session,
    clock: Clock,
    control: bool = False,
    port: int = 0,
    say: Callable[[str], None] = lambda address: None,
) -> Iterator[Page]:
    """The page of a session that has not begun to run; `say` is told its address, and each later one: one entry uses one up."""
    check_installed()
    bound = bind(port)
    at = bound.getsockname()[1]
    passes = Passes(control, clock.elapsed, lambda token: say(address(at, token)))
    outlet = Outlet()
    scrub = Scrub(os.environ)
    showing = Showing(session.folder, outlet, control, scrub, session.account)
    session.writer = Tap(session, session.writer, outlet.note)
    page = Page(session, clock, showing, outlet, at, passes)
    page.last(session)
    thread, stop = start(showing, passes, clock, bound, at)
    say(page.address)
    try:
        yield page
    finally:
        stop()
        thread.join(PATIENCE)
        bound.close()


def bind(port: int) -> socket.socket:
    """A socket on this machine's own address; ConfigError if the port is taken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((ADDRESS, port))
        bound.listen(64)
    except (OSError, OverflowError) as error:
        bound.close()
        raise ConfigError(
            f"--port {port}: cannot be had ({error}). Take another, or leave it out for any that is free"
        ) from None
    return bound


def start(
    showing: Showing, passes: Passes, clock: Clock, bound: socket.socket, port: int
) -> tuple[threading.Thread, Callable[[], None]]:
    """The running server's thread, and what stops it."""
    import uvicorn

    up = threading.Event()
    made: dict[str, Any] = {}

    async def main() -> None:
        site = Site(showing, passes, clock, f"barcast-{port}", statics(showing.start))
        guard = Guard(site.doors(), port, passes, showing.scrub)
        config = uvicorn.Config(
            guard, http="h11", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            date_header=False, proxy_headers=False, limit_concurrency=64, timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=16384,
        )  # fmt: skip
        server = uvicorn.Server(config)
        made.update(loop=asyncio.get_running_loop(), site=site, server=server)
        up.set()
        pump = asyncio.ensure_future(site.pumping())
        await server.serve(sockets=[bound])
        site.closing.set()
        await pump
        site.worker.shutdown(wait=False)
        site.runner.shutdown(wait=False, cancel_futures=True)

    def stop() -> None:
        def told() -> None:
            made["site"].closing.set()
            made["server"].should_exit = True

        if up.wait(PATIENCE) and thread.is_alive():
            made["loop"].call_soon_threadsafe(told)

    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    thread = threading.Thread(target=lambda: asyncio.run(main()), name="page", daemon=True)
    thread.start()
    return thread, stop
