"""What the commands of paper sessions do and print: running with a status line, status, attach, commands, certificates."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import DataError
from engine.live.clock import Clock, SystemClock

if TYPE_CHECKING:
    from engine.live.session import Session
    from engine.live.verify import Certificate
    from engine.web.serve import Page

EVERY = 0.25  # seconds between looks at the status
ENDINGS = {
    "ended": "the feed has ended",
    "stopped": "stopped; the same command goes on with it",
    "ruin": "the account is ruined",
}


class PageOptions(NamedTuple):
    """The page that was asked for."""

    control: bool = False
    port: int = 0


def run_session(
    config: str,
    folder: str | None,
    sets: Sequence[str],
    plugins: Sequence[str],
    adopt: str | None,
    quiet: bool,
    page: PageOptions | None = None,
    backtest: str | None = None,
    notify: str | None = None,
) -> str:
    """Run a session to its end; what to print then. With a page, it stays open until somebody says stop."""
    from engine.cli.alarming import alarming, told_to
    from engine.cli.show import talking
    from engine.live.logs import logging_to
    from engine.live.outlook import outlook
    from engine.live.paper import open_session
    from engine.live.status import Reporter, lines_of

    clock = SystemClock()
    if page is not None:
        from engine.web.serve import check_installed

        check_installed()
    words = told_to(notify)
    with talking(quiet) as say:
        session = open_session(
            config, folder, sets=sets, plugins=plugins, adopt=adopt, backtest=backtest, clock=clock, say=say
        )
    with ExitStack() as around:
        logger = around.enter_context(logging_to(session.folder, sys.stderr if not quiet else None))
        stop, show = around.enter_context(stopping()), around.enter_context(lit(quiet))
        session.log = logger.log
        reporter = Reporter(session, clock, EVERY, show)
        shown = None if page is None else around.enter_context(showing(session, clock, page, logger))
        looker = around.enter_context(alarming(session, clock, words))
        each = (looker, reporter) if shown is None else (looker, reporter, shown.show)
        why = session.run(stop, all_of(*each))
        status = reporter.write() | outlook(session.folder)
        if shown is not None:
            shown.last(session)
            linger(why, stop, clock)
    return "\n".join([*lines_of(status), f"closed        {ENDINGS[why]}", ""])


@contextmanager
def showing(session: Session, clock: Clock, options: PageOptions, logger: Any) -> Iterator[Page]:
    """The session's page, its address printed, and again whenever it was used up."""
    from engine.web.serve import opened

    def say(address: str) -> None:
        print(f"page          {address}", file=sys.stderr, flush=True)

    with opened(session, clock, options.control, options.port, say) as page:
        sink = logger.add(page.log, format="{time:MM-DD HH:mm:ss} {level} {message}", diagnose=False, backtrace=False)
        try:
            yield page
        finally:
            logger.remove(sink)


def all_of(*parts: Callable[[Session], None]) -> Callable[[Session], None]:
    """One after the other."""

    def each(session: Session) -> None:
        for part in parts:
            part(session)

    return each


def linger(why: str, stop: Callable[[], bool], clock: Clock) -> None:
    """Leave the page of a session that has ended by itself open until somebody says stop."""
    if why != "stopped":
        print(f"closed        {ENDINGS[why]}; the page stays until Ctrl-C", file=sys.stderr, flush=True)
        while not stop():
            clock.sleep(EVERY)


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether somebody has asked to stop, by Ctrl-C, SIGTERM or a terminal that was closed; a second Ctrl-C interrupts as usual.

    Under nohup a closed terminal stays without effect.
    """
    asked: list[int] = []

    def note(number: int, frame: Any) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(number)

    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard.append(signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in heard}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def lit(quiet: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that shows a session's status on the terminal; silent where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda status: None
        return
    from rich.console import Console
    from rich.live import Live

    from engine.live.status import panel_of

    with Live(console=Console(stderr=True), refresh_per_second=4, transient=True) as live:
        yield lambda status: live.update(panel_of(status))


def status_of(folder: str, as_json: bool) -> str:
    """How a session stood when it last said so, and whether a process runs it."""
    from engine.live.outlook import outlook
    from engine.live.several import merged
    from engine.live.status import lines_of, read_status

    place = Path(folder)
    status = merged(read_status(place), outlook(place))
    return json.dumps(status) + "\n" if as_json else "\n".join([*lines_of(status), ""])


def watch(folder: str) -> None:
    """Show a session's status until it is closed or Ctrl-C is pressed."""
    from rich.console import Console
    from rich.live import Live

    from engine.live.status import panel_of, read_status

    clock, place = SystemClock(), Path(folder)
    with Live(console=Console(), refresh_per_second=4) as live:
        while True:
            status = read_status(place)
            live.update(panel_of(status))
            if not status["running"]:
                return
            clock.sleep(EVERY)


def tell(folder: str, wait: float, name: str, said: Mapping[str, Any]) -> str:
    """Leave a command for a session, and say what has become of it."""
    from engine.live import status
    from engine.live.accounts import names_in
    from engine.live.commands import HAND_OVER, Command
    from engine.live.instructing import JOURNALED, LATCHED, instruct

    place = Path(folder)
    wanted = Command(name=name, key="", **said)
    wanted.check(status.symbols_of(place), names_in(place))
    told = instruct(place, wanted, SystemClock(), wait)
    if told.state == LATCHED:
        return f"{name}: the latch is closed, so nothing is sent{told.broker}; but {told.error}"
    if told.state == JOURNALED:
        return f"{name}: journaled; it acts from the next slice on{told.broker}"
    left = f"{name}: left in {place / 'commands'}"
    if name == HAND_OVER and status.is_held(place):
        return f"{left}; it is judged and acts when the next slice comes"
    return f"{left}; nothing has read it within {wait:g} s. It acts once the session runs{told.broker}"


def bar_time(text: str) -> int:
    """ns UTC of a date's end, or of a date and time; DataError for anything else."""
    import numpy as np

    try:
        if len(text.strip()) == 10:
            return int((np.datetime64(text.strip(), "D") + 1).astype("datetime64[ns]").astype(np.int64))
        return int(np.datetime64(text.strip().replace(" ", "T"), "ns").astype(np.int64))
    except ValueError:
        raise DataError(f"--until: expected 2024-03-28 or 2024-03-28T15:30, got {text!r}") from None


def certificate(found: Certificate) -> str:
    """A certificate for people."""
    again = "not asked again (they were made elsewhere)"
    if found.asked_again:
        again = "asked again: every bit the same"
        if found.largest > 0.0:
            again = f"asked again: largest difference {found.largest:.3g}, {found.flips:,} codes would change"
    rows = (
        (
            "rows",
            f"{found.rows:,}, {found.restarts} restarts, {found.commands} commands, {found.hand_overs} hand-overs",
        ),
        ("slices", f"{found.slices:,}, of which warm-up {found.warm_up:,}"),
        ("checkpoints", f"{found.checkpoints:,}, each equal to the fold at its row"),
        ("forecasts", again),
        ("code", "the same" if found.same_code else "another than the session was run with, and the same results"),
        ("head", found.head),
        ("digest", found.digest),
        ("backtest", f"{found.backtest}, the same" if found.backtest == found.digest else found.backtest),
    )
    last = [] if found.complete else ["The last slice was being decided when the journal ended; it is not counted."]
    lines = [f"{found.name}: the tape, run again as a backtest, gives every row of the journal", ""]
    return "\n".join([*lines, *(f"{label:<14}{value}" for label, value in rows), *last, ""])
