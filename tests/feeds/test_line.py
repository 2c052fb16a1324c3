"""A line by itself: hosts that are not there, servers that say nothing, a client that stops reading, and too much at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from engine.feeds.facts import Bar, Health, History, Values, Wanted
from engine.feeds.line import Line, Pace
from engine.feeds.provider import Dropped
from engine.live.feed import Resume
from tests.feeds.loopback import HandClock, until
from tests.feeds.rigs import FAST, AlpacaRig, Binance

ONE = Values(10.0, 11.0, 9.0, 10.5, 100.0)


class Source:
    """A provider of one coroutine."""

    name = "made"

    def __init__(self, listen) -> None:
        self.heard, self.closed = listen, False

    async def listen(self, ears) -> None:
        await self.heard(ears)

    async def history(self, column: int, first: int, last: int) -> History:
        raise Dropped(f"nothing for {column}", 0.2, alone=column == 0)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    made: list[Line] = []
    yield made
    for line in made:
        line.stop()


def run(lines: list[Line], listen, pace: Pace = FAST) -> Line:
    line = Line(Source(listen), HandClock(0), lambda now: True, pace)
    lines.append(line)
    line.start()
    return line


def test_a_client_that_stops_reading_without_a_word_is_dialled_again(lines):
    async def listen(ears) -> None:
        def breaks() -> None:
            raise ValueError("torn")

        asyncio.get_running_loop().call_soon(breaks)
        await asyncio.sleep(3600)

    line = run(lines, listen)
    until(lambda: line.counts["drops"] >= 2, "drops")
    assert any("stopped reading: ValueError: torn" in str(m) for m in line.take(0.0))


def test_what_does_not_fit_is_dropped_and_counted_and_news_of_rest_is_not(lines):
    async def listen(ears) -> None:
        for k in range(50):
            ears.bar(Bar(0, k, ONE, 0))
        ears.none(History(0, 0, 0, (), 0))
        await asyncio.sleep(3600)

    line = run(lines, listen, Pace(room=10, mute=60.0))
    until(lambda: line.counts["none"], "the burst")
    found = line.take(0.0)
    assert line.counts["overflow"] >= 40 and len(found) == 11 and isinstance(found[-1], History)


def test_waits_double_up_to_their_cap_and_never_fall_under_half():
    pace = Pace(base=0.5, cap=30.0)
    waits = [pace.wait(n, "x") for n in range(1, 12)]
    assert all(min(30.0, 0.5 * 2**n) / 2 <= wait <= min(30.0, 0.5 * 2**n) for n, wait in enumerate(waits))
    assert waits == [pace.wait(n, "x") for n in range(1, 12)]


def test_a_connection_that_lasted_begins_the_count_anew(lines):
    async def listen(ears) -> None:
        await asyncio.sleep(0.03)

    line = run(lines, listen, Pace(base=0.01, cap=10.0, steady=0.02, mute=60.0))
    until(lambda: line.counts["drops"] >= 6, "drops")
    assert max(line.waits) <= 0.01


def test_one_instrument_that_is_refused_holds_up_no_other(lines):
    async def listen(ears) -> None:
        await asyncio.sleep(3600)

    line = run(lines, listen)
    loop = line._loop
    loop.call_soon_threadsafe(lambda: asyncio.ensure_future(line._question(Wanted(0, 1, 2))))
    until(lambda: line.counts["unanswered"], "the refusal")
    assert line._rest_after == 0.0 and line._not_before[0] > 0.0


@pytest.fixture(params=[Binance, AlpacaRig])
def rig(request):
    made = request.param()
    yield made
    made.stop()


def test_a_server_that_never_answers_the_handshake_is_given_up(rig):
    deaf = socket.create_server(("127.0.0.1", 0))
    try:
        rig.start()
        real, rig.server.port = rig.server.port, deaf.getsockname()[1]
        provider = rig.provider()
        if rig.kind == "binance":
            prepare = provider.prepare
            rest = f"http://127.0.0.1:{real}/api/v3"
            provider.prepare = lambda client: [prepare(client), client.urls["api"].update(public=rest)]
        rig.feed.line.provider = provider
        rig.came = rig.feed.arrivals(Resume())
        until(lambda: [next(rig.came), rig.feed.line.counts["drops"]][1], "the drop")
    finally:
        rig.server.port = real
        deaf.close()


def test_a_host_that_is_not_there_is_said_in_one_line(rig):
    rig.start()
    gone = socket.create_server(("127.0.0.1", 0))
    real, rig.server.port = rig.server.port, gone.getsockname()[1]
    gone.close()
    rig.feed.line.provider = rig.provider()
    try:
        rig.came = rig.feed.arrivals(Resume())
        until(lambda: [next(rig.came), rig.feed.line.counts["drops"] >= 2][1], "the drop")
        next(rig.came)
        downs = [note.why for note in rig.feed.notes if isinstance(note, Health) and note.state == "down"]
        assert downs and all("\n" not in why and "trying again in" in why for why in downs)
    finally:
        rig.server.port = real
