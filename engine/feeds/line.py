"""A provider on a thread of its own: kept connected, asked for history, heard. What comes waits in a bounded queue.

Nothing here touches a slice. Waits between attempts grow from `base` to `cap` seconds and are spread by a fixed draw, so that
nothing depends on chance; an attempt counts as a success only after `steady` seconds.
"""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.errors import FeedError, first_line
from engine.feeds.facts import Bar, Health, History, Wanted
from engine.feeds.provider import Dropped, Open, Provider
from engine.live.clock import Clock

Message = Bar | History | Health | FeedError


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, but for the last two."""

    base: float = 0.5  # before the second attempt
    cap: float = 30.0
    steady: float = 60.0  # a connection that lasted this long begins the count anew
    mute: float = 90.0  # without any frame while the market is open
    deadline: float = 20.0  # of one question
    again: float = 2.0  # before the same instrument is asked about again
    together: int = 4  # questions at once
    room: int = 200_000  # messages that may wait

    def wait(self, attempt: int, name: str) -> float:
        """Seconds before attempt number `attempt` (1: the first repetition): doubled each time, spread over its upper half."""
        whole = min(self.cap, self.base * 2.0 ** min(attempt - 1, 30))
        return whole * (0.5 + 0.5 * (zlib.crc32(f"{name}:{attempt}".encode()) % 1000) / 1000)


class Line:
    """See the module; `start` it, `ask` it, `take` from it, `stop` it."""

    def __init__(self, provider: Provider, clock: Clock, open_at: Open, pace: Pace) -> None:
        self.provider, self.clock, self.open_at, self.pace = provider, clock, open_at, pace
        self.counts: Counter[str] = Counter()
        self.waits: deque[float] = deque(maxlen=100)  # seconds between the latest attempts
        self._queue: deque[Message] = deque()
        self._news = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._busy: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_before: dict[int, float] = {}
        self._rest_after, self._rest_failures = 0.0, 0
        self._heard = 0.0
        self._broken = ""

    def start(self) -> None:
        """Dial. Once."""
        self._thread = threading.Thread(target=self._run, name=f"feed-{self.provider.name}", daemon=True)
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Hang up and wait for the thread."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        if loop.is_running():
            loop.call_soon_threadsafe(self._main.cancel)
        thread.join(timeout=10.0)
        self._thread = None

    def ask(self, wanted: Iterable[Wanted]) -> None:
        """Questions for REST; those already on their way or asked a moment ago are left alone."""
        questions = tuple(wanted)
        if questions and self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._take_questions, questions)

    def take(self, seconds: float) -> list[Message]:
        """All that waits; if nothing does, whatever comes first within `seconds`."""
        with self._news:
            if not self._queue:
                self._news.wait(timeout=seconds)
            found = list(self._queue)
            self._queue.clear()
            return found

    def bar(self, bar: Bar) -> None:
        self.counts["bars"] += 1
        self._put(bar)

    def none(self, history: History) -> None:
        self.counts["none"] += 1
        self._put(history)

    def frame(self) -> None:
        self.counts["frames"] += 1
        self._heard = asyncio.get_running_loop().time()

    def up(self, why: str) -> None:
        self.counts["connections"] += 1
        self._tell("up", why)

    def odd(self, why: str) -> None:
        self.counts["odd"] += 1
        self._tell("odd", why)

    def _put(self, message: Message) -> None:
        with self._news:
            if len(self._queue) >= self.pace.room and isinstance(message, Bar | Health):
                self.counts["overflow"] += 1  # the assembler will ask REST for what is missing
                return
            self._queue.append(message)
            self._news.notify()

    def _tell(self, state: str, why: str) -> None:
        self._put(Health(self.clock.now(), state, why))

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._loop.set_exception_handler(self._stray)
            self._main = self._loop.create_task(self._serve())
            self._loop.call_soon(self._ready.set)
            try:
                self._loop.run_until_complete(self._main)
            except asyncio.CancelledError:
                pass
            finally:
                self._loop.run_until_complete(self._hang_up())

    def _stray(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error inside a library's own callback ends its reading without a word: the connection is as good as gone."""
        if "never retrieved" in str(context.get("message")):
            self.counts["stray"] += 1  # of a connection that is over
            return
        error = context.get("exception")
        self._broken = first_line(error) if error is not None else str(context.get("message", "an error"))

    async def _hang_up(self) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.wait_for(self.provider.close(), timeout=5.0)
        except Exception as error:
            self.odd(f"the client did not close: {first_line(error)}")
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if others:
            await asyncio.wait(others, timeout=0.5)  # a library closes its sockets in tasks of its own
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self) -> None:
        """Connections, one after another, until somebody must help or nobody listens any more."""
        self._gate = asyncio.Semaphore(self.pace.together)
        loop, attempt = asyncio.get_running_loop(), 0
        while True:
            begun, wait = loop.time(), 0.0
            self._tell("connecting", self.provider.name)
            try:
                await self._one_connection()
                why = "the stream ended"
            except FeedError as error:
                self._put(error)
                await asyncio.Event().wait()
            except Dropped as dropped:
                why, wait = dropped.why, dropped.wait
            except Exception as error:
                why = first_line(error)
            self.counts["drops"] += 1
            attempt = 1 if loop.time() - begun > self.pace.steady else attempt + 1
            wait = max(wait, self.pace.wait(attempt, self.provider.name))
            self.waits.append(wait)
            self._tell("down", f"{why}; trying again in {wait:.1f} s")
            await asyncio.sleep(wait)

    async def _one_connection(self) -> None:
        loop = asyncio.get_running_loop()
        self._heard, self._broken = loop.time(), ""
        task = asyncio.create_task(self.provider.listen(self))
        try:
            while True:
                done, _ = await asyncio.wait({task}, timeout=min(0.5, self.pace.mute / 4))
                if done:
                    task.result()
                    return
                if self._broken:
                    raise Dropped(f"the client stopped reading: {self._broken}")
                if not self.open_at(self.clock.now()):
                    self._heard = loop.time()
                if loop.time() - self._heard > self.pace.mute:
                    raise Dropped(f"mute: nothing came for {self.pace.mute:g} s while the market is open")
        finally:
            if not task.done():
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _take_questions(self, questions: tuple[Wanted, ...]) -> None:
        now = asyncio.get_running_loop().time()
        for want in questions:
            if now >= max(self._rest_after, self._not_before.get(want.column, 0.0)) and want.column not in self._busy:
                self._busy.add(want.column)
                task = asyncio.create_task(self._question(want))
                self._tasks.add(task)
                task.add_done_callback(partial(self._answered, want.column))

    def _answered(self, column: int, task: asyncio.Task[None]) -> None:
        self._busy.discard(column)
        self._tasks.discard(task)

    def _put_off(self, column: int, error: Exception) -> float:
        """Seconds to wait before the next question: of this instrument, or of any."""
        now = asyncio.get_running_loop().time()
        wait = error.wait if isinstance(error, Dropped) else 0.0
        if isinstance(error, Dropped) and error.alone:
            self._not_before[column] = now + wait
            return wait
        self._rest_failures += 1
        wait = max(wait, self.pace.wait(self._rest_failures, f"{self.provider.name} history"))
        self._rest_after = max(self._rest_after, now + wait)
        return wait

    async def _question(self, want: Wanted) -> None:
        """Ask once; a refusal or silence makes all questions wait."""
        loop = asyncio.get_running_loop()
        try:
            async with self._gate:
                if loop.time() < self._rest_after:
                    return
                self.counts["questions"] += 1
                answer = await asyncio.wait_for(
                    self.provider.history(want.column, want.first, want.last), self.pace.deadline
                )
        except FeedError as error:
            self._put(error)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.counts["unanswered"] += 1
            wait = self._put_off(want.column, error)
            why = f"no answer within {self.pace.deadline:g} s" if isinstance(error, TimeoutError) else first_line(error)
            self._tell("rest", f"{why}; asking again in {wait:.1f} s")
        else:
            self._rest_failures = 0
            self._not_before[want.column] = loop.time() + self.pace.again
            self._put(answer)
