"""What every loopback test needs: a clock moved by hand, a server on its own thread, captured frames, and who made which frame."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

FRAMES: Counter[str] = Counter()  # "binance: captured" and the like, sent to real clients in this run
PATIENCE = 6.0  # seconds of real time a test waits for what must happen


class HandClock:
    """Bar time moves when the test says so; waits are real."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def elapsed(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def until(true: Callable[[], Any], what: str) -> Any:
    """What `true` gives once it is true; AssertionError after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited {PATIENCE:g} s for {what}")


def fixture_lines(name: str) -> list[str]:
    """Lines of a captured file; skips where the fixtures are not."""
    data = os.environ.get("BARCAST_DATA")
    path = Path(data or "/nowhere").parent / "fixtures" / name
    if not path.is_file():
        pytest.skip("captured frames need BARCAST_DATA")
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def captured(name: str) -> list[tuple[float, dict[str, Any]]]:
    """(receive time in seconds, frame) of a websocket capture, its klines only."""
    found = []
    for line in fixture_lines(name)[1:]:
        stamp, _, frame = line.partition(": ")
        if '"kline"' in frame:
            found.append((float(stamp), json.loads(frame)))
    return found


class Server:
    """A server on a thread of its own; `serve` makes it and gives its port."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.port = 0
        self.asked: Counter[str] = Counter()
        self._closers: list[Callable[[], Coroutine[Any, Any, Any]]] = []
        ready = threading.Event()

        def run() -> None:
            asyncio.set_event_loop(self.loop)
            self.loop.run_until_complete(self.serve())
            ready.set()
            self.loop.run_forever()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        ready.wait()

    async def serve(self) -> None:
        raise NotImplementedError

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run it on the server's loop and wait."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def stop(self) -> None:
        for closer in reversed(self._closers):
            self.do(closer())

        async def quiet() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self.loop.shutdown_asyncgens()
            # A connection that was accepted meanwhile, or has something left to send to a client that reads no more, ends too.
            for transport in list(getattr(self.loop, "_transports", {}).values()):
                transport.abort()
            for _ in range(3):  # it is closed in the loop's next turns
                await asyncio.sleep(0)

        self.do(quiet())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.close()
