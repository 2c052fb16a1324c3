"""What readers get: the latest frame of parts, and the points that came since they last looked. The server's side alone."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from engine.codes import REASONS
from engine.live import accounts
from engine.report.script import plotly_text, rounded
from engine.web import words
from engine.web.beside import Besides
from engine.web.board import Board, FillMark
from engine.web.coning import Coned
from engine.web.curve import SPANS, Point
from engine.web.parts import environment, render
from engine.web.tap import UNSHOWN, Outlet, Standing, Told

POINTS = 400  # that a reader may have missed before it must ask for the whole curve
LINES = 200  # of the log
AT_ONCE = 2000  # rows between two looks at who waits


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything that changes, at one moment; `points` counts those ever added."""

    number: int = 0
    parts: Mapping[str, str] = field(default_factory=dict)
    points: int = 0
    recent: tuple[Point, ...] = ()
    heard: int = 0  # ns of the wall clock when the session last was
    t: int = -1
    ended: str = ""
    said: str = ""
    failed: str = ""  # why the page itself no longer follows


class Showing:
    """The board, kept up with the outlet. `pump` and the questions may be asked on any thread, one at a time."""

    def __init__(
        self,
        folder: Path,
        outlet: Outlet,
        control: bool,
        scrub: Callable[[bytes], bytes] = lambda body: body,
        account: str = "",
    ) -> None:
        self.account = account
        self.others: Mapping[str, Showing] = {}  # the pages of all accounts by name, this one among them
        self.folder, self.outlet, self.control, self.scrub = folder, outlet, control, scrub
        self.lines: deque[str] = deque(maxlen=LINES)
        self.frame = Frame()
        self.coned, self._besides = Coned(folder, account), Besides()
        self._made = environment()
        self._lock = Lock()
        self._taken = 0
        self._points, self._recent = 0, deque[Point](maxlen=POINTS)
        self._logged = 0
        self._shown: tuple[Any, ...] = ()
        self._stood: Standing | None = None
        self._board = self._read()

    def log(self, text: str) -> None:
        """A line of the session's log."""
        self.lines.append(words.line(self.scrub(text.rstrip("\n").encode()).decode()))
        self._logged += 1

    def fail(self, why: str) -> None:
        """The page could not keep up: say so once, where the last frame stands."""
        if self.frame.failed != why:
            self.frame = replace(self.frame, number=self.frame.number + 1, failed=words.line(why))

    def _read(self) -> Board:
        """The board of the journal as it lies there."""
        rows = accounts.rows(self.folder, self.account)
        board = Board(next(rows).body)
        board.take(Told(row.seq, row.kind, row.body) for row in rows if row.kind not in UNSHOWN)
        self.days = board.course.days()
        return board

    def pump(self, draw: bool = True) -> Frame:
        """Take up what has been put down; the new frame, where something changed and somebody looks."""
        with self._lock:
            self._take_up()
            standing = self.outlet.standing
            now = (self._board.seq, self._logged, standing is None)
            if draw and (now != self._shown or standing is not self._stood):
                self._shown, self._stood = now, standing
                self._draw()
            return self.frame

    def _take_up(self) -> None:
        rows, most = self.outlet.rows, AT_ONCE
        while rows and most:
            number, told = rows.popleft()
            if number > self._taken + 1:  # more came than there was room for
                self._board = self._read()
                self._points += POINTS + 1
                self._recent.clear()
            self._taken, most = number, most - 1
            before = self._board.curves.last
            self._board.take((told,))
            if (after := self._board.curves.last) is not None and after is not before:
                self._points += 1
                self._recent.append(after)

        if self.others:
            self.days = self._board.course.days()

    def _draw(self) -> None:
        board, standing = self._board, self.outlet.standing
        parts = render(self._made, board, standing, list(self.lines), self.control)
        parts["cone"] = self.coned.part(self._made, board.course)
        if self.others:
            days = {name: other.days for name, other in self.others.items()}
            parts["beside"] = self._besides.part(self._made, self.account, days)
        heard = 0 if standing is None else standing.at
        said = (
            f"{words.money(board.curves.last.equity)} equity, {board.counts['fills']:,} fills"
            if board.curves.last
            else ""
        )
        self.frame = Frame(
            self.frame.number + 1, parts, self._points, tuple(self._recent), heard, board.t, board.ended, said
        )

    # What is asked for apart.
    def curve(self, span: str) -> dict[str, Any]:
        """One span of equity and drawdown, how many points have gone into it, and the cone around it."""
        with self._lock:
            points = self._board.curves.by_span[span].points()
            bands = self.coned.bands(self._board.course, span, points[0].time if points and SPANS[span] else 0)
            if bands is not None:
                bands["x"] = [stamped(time) for time in bands["x"]]
            return {"points": [plain_point(point) for point in points], "count": self._points, "cone": bands}

    def candles(self, symbol: str) -> dict[str, Any]:
        """The latest bars of an instrument, its fills on them, and the levels of its position."""
        with self._lock:
            board, standing = self._board, self.outlet.standing
            i = board.symbols.index(symbol)
            bars = [(time, grid[:4, i]) for time, grid in board.bars if math.isfinite(grid[3, i])]
            first = bars[0][0] if bars else 0
            marks = [mark for mark in board.marks.get(i, ()) if mark.time >= first]
            columns = np.array([row for _, row in bars]).reshape(-1, 4)
            held = standing is not None and standing.quantity[i] != 0.0
            levels = {
                name: rounded(getattr(standing, name)[i : i + 1], 8)[0] if held else None
                for name in ("entry", "stop", "take_profit")
            }
            return {
                "symbol": plotly_text(symbol),
                "ranges": bool(np.isfinite(columns[:, :3]).any()),
                "time": [stamped(time) for time, _ in bars],
                **{name: rounded(columns[:, k], 8) for k, name in enumerate(("open", "high", "low", "close"))},
                "marks": [mark_of(mark) for mark in marks],
                **levels,
                "since": stamped(max(first, board.trips.held[i].since)) if held and i in board.trips.held else None,
            }  # fmt: skip

    @property
    def ended(self) -> str:
        """Why the session is closed; empty while it is not."""
        return self._board.ended

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._board.symbols

    @property
    def start(self) -> Mapping[str, Any]:
        return self._board.start


def mark_of(mark: FillMark) -> list[Any]:
    """[time, price, whether it bought, words] of a fill."""
    said = f"{words.quantity(mark.quantity)} {REASONS.get(mark.reason, 'order')}"
    return [stamped(mark.time), rounded(np.array([mark.price]), 8)[0], mark.quantity > 0, plotly_text(said)]


def stamped(ns: int) -> str:
    """A bar's time as plotly reads it, to the second."""
    return str(np.datetime64(ns, "ns").astype("datetime64[s]")).replace("T", " ")


def plain_point(point: Point) -> list[Any]:
    """(time, equity, drawdown) as JSON has it: what is not known is null."""
    return [stamped(point.time), *(float(f"{v:.9g}") if math.isfinite(v) else None for v in point[1:])]


def news(frame: Frame, seen: Mapping[str, str], points: int, now: Callable[[], int]) -> dict[str, Any]:
    """What a reader who has `seen` some parts, and so many points, is told."""
    missed = frame.points - points
    stale = missed > len(frame.recent)
    recent = () if stale or missed <= 0 else frame.recent[-missed:]
    return {
        "now": words.milliseconds(now()),
        "heard": words.milliseconds(frame.heard),
        "slice": frame.t,
        "ended": frame.ended,
        "said": frame.said,
        "failed": frame.failed,
        "parts": {name: html for name, html in frame.parts.items() if seen.get(name) != html},
        "points": [plain_point(point) for point in recent],
        "stale": stale,
        "count": frame.points,
    }
