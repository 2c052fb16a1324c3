"""A command of the user's, run once per alarm with a line of JSON on its stdin. It can neither hold a session up nor stop it.

The session puts alarms down and goes on; a thread of its own runs the command, in a process group of its own, one run at a time,
with a deadline and at a limited rate. What the command says is not read. That it fails is said once in the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ConfigError, first_line
from engine.live.clock import Clock

Log = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, and how many."""

    deadline: float = 10.0  # for one run
    burst: int = 10  # runs at most ...
    stretch: float = 60.0  # ... within so long; the others wait
    room: int = 200  # alarms that wait; more are dropped
    last: float = 10.0  # at the end, for what still waits


def command_of(text: str) -> list[str]:
    """The words of a command, as a shell would split them; no shell is asked. ConfigError for one that cannot be run."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"--notify: {text!r:.80} is no command: {error}") from None
    if not words:
        raise ConfigError("--notify: expected a command, such as --notify 'notify-send barcast'; got nothing")
    if shutil.which(words[0]) is None:
        raise ConfigError(f"--notify: {words[0]!r:.80} is not there or may not be run; give the path of a program")
    return words


class Notifier:
    """Runs `words` once per alarm until it is closed."""

    def __init__(
        self,
        words: list[str],
        environment: Mapping[str, str],
        clock: Clock,
        log: Log,
        scrub: Callable[[bytes], bytes] = lambda line: line,
        pace: Pace | None = None,
    ) -> None:
        """`environment`: of the command; `scrub` takes secrets out of what it is told."""
        self.words, self.environment = list(words), dict(environment)
        self.clock, self.log, self.scrub = clock, log, scrub
        self.pace = pace or Pace()
        self.runs = self.failures = self.dropped = 0
        self._queue: queue.Queue[bytes | None] = queue.Queue(self.pace.room)
        self._ending, self._over = threading.Event(), threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._serve, name="notify", daemon=True)
        self._thread.start()

    def note(self, told: Mapping[str, Any]) -> None:
        """An alarm; never waits. What there is no room for is counted and dropped."""
        line = self.scrub(json.dumps(dict(told), ensure_ascii=False, allow_nan=False).encode()) + b"\n"
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self.dropped += 1
            if self.dropped == 1:
                self.log("WARNING", "notify: alarms come faster than the command may be run; some are dropped")

    def close(self) -> None:
        """Run what still waits, for `last` seconds at most, and leave nothing of it running."""
        self._ending.set()
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=self.pace.last)
        self._thread.join(self.pace.last)
        self._over.set()
        running = self._running
        if running is not None:
            end(running)
        self._thread.join(1.0)
        if self.failures > 1 or self.dropped:
            self.log(
                "WARNING", f"notify: {self.failures} of {self.runs} runs failed, {self.dropped} alarms were dropped"
            )

    def _serve(self) -> None:
        begun: deque[float] = deque(maxlen=self.pace.burst)
        while (line := self._queue.get()) is not None and not self._over.is_set():
            if len(begun) == self.pace.burst:
                self._ending.wait(max(0.0, begun[0] + self.pace.stretch - self.clock.elapsed()))
            begun.append(self.clock.elapsed())
            try:
                self._run(line)
            except Exception as error:
                self._failed(first_line(error))

    def _run(self, line: bytes) -> None:
        self.runs += 1
        nothing = subprocess.DEVNULL
        running = subprocess.Popen(
            self.words,
            stdin=subprocess.PIPE,
            stdout=nothing,
            stderr=nothing,
            env=self.environment,
            start_new_session=True,
        )
        self._running = running
        try:
            running.communicate(line, timeout=self.pace.deadline)
        except subprocess.TimeoutExpired:
            end(running)
            return self._failed(f"not done within {self.pace.deadline:g} s; it was ended")
        finally:
            self._running = None
        if running.returncode != 0 and not self._over.is_set():
            self._failed(f"exit status {running.returncode}")
        return None

    def _failed(self, why: str) -> None:
        self.failures += 1
        if self.failures == 1:
            self.log(
                "WARNING", f"notify: {self.words[0]}: {why}; the session goes on, and later failures are only counted"
            )


def end(running: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(5.0)
