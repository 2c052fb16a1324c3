"""The board: a fold of rows into what the page shows. All in it is bounded, but for a few numbers a day; it decides nothing."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine import codes as c
from engine.explain import FATES
from engine.live import tape
from engine.live.course import Course
from engine.types import Codes, Floats
from engine.web.curve import Curves
from engine.web.tap import Told
from engine.web.trips import Trip, Trips
from engine.web.words import event

ORDERS, TRIPS, EVENTS = 300, 300, 300
BARS, CELLS = 300, 3_000_000  # slices of bars that are kept, and numbers at most
INTERVALS = 20  # slices from which the pace is read


@dataclass(slots=True)
class Ticket:
    """An order and what became of it. Times are ns: of bars, and where `heard` stands of the wall clock."""

    seq: int
    instrument: int
    quantity: float
    reason: int  # engine.codes.REASON_*
    kind: int  # of an explicit order; -1: a target's
    limit: float
    stop: float
    decided: int  # the slice after which it was decided
    decided_time: int
    due: int
    due_time: int | None = None
    filled: float = 0.0
    worth: float = 0.0
    fate: str = ""  # once it is over


@dataclass(frozen=True, slots=True)
class Refusal:
    """An explicit order that was not written, and the numbers that say why."""

    time: int
    instrument: int
    quantity: float
    decision: int
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth a line: when the wall clock (or the bars) said so, how grave, and the words."""

    at: int
    tone: str  # "", warn or loss
    words: str


@dataclass(slots=True)
class FillMark:
    """A fill as the candles show it."""

    time: int
    quantity: float
    price: float
    reason: int


@dataclass(slots=True)
class Board:
    """What rows have come to. `seq` is the last of them."""

    start: Mapping[str, Any]
    symbols: tuple[str, ...] = field(init=False)
    curves: Curves = field(init=False)
    trips: Trips = field(init=False)
    course: Course = field(default_factory=Course)
    seq: int = -1
    t: int = -1
    time: int = 0
    received: int = 0
    bars: deque[tuple[int, Floats]] = field(init=False)
    received_at: deque[int] = field(default_factory=lambda: deque(maxlen=INTERVALS + 1))
    lags: deque[int] = field(default_factory=lambda: deque(maxlen=INTERVALS))
    counts: Counter[str] = field(default_factory=Counter)
    waiting: list[Ticket] = field(default_factory=list)
    orders: deque[Ticket] = field(default_factory=lambda: deque(maxlen=ORDERS))
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=ORDERS))
    closed_trips: deque[Trip] = field(default_factory=lambda: deque(maxlen=TRIPS))
    won: int = 0
    realised: float = 0.0
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS))
    marks: dict[int, deque[FillMark]] = field(default_factory=dict)
    acts: list[Mapping[str, Any]] = field(default_factory=list)
    ended: str = ""

    def __post_init__(self) -> None:
        universe = self.start["universe"]
        self.symbols = tuple(universe["symbols"])
        self.course.take(tape.START, self.start)
        self.curves = Curves(float(self.start["config"]["capital"]))
        self.trips = Trips([float(m) for m in universe["multiplier"]])
        self.bars = deque(maxlen=max(2, min(BARS, CELLS // (5 * max(1, len(self.symbols))))))

    def take(self, rows: Iterable[Told]) -> None:
        """Rows in their order; those that are known already are passed over."""
        for told in rows:
            if told.seq > self.seq:
                self.seq = told.seq
                self.counts[told.kind] += 1
                self._take(told.kind, told.body, told.codes)

    def _take(self, kind: str, body: Mapping[str, Any], codes: Codes | None) -> None:
        self.course.take(kind, body)
        if kind in (tape.SLICE, tape.WARM_UP):
            self._slice(kind, body)
        elif kind == tape.ACTION:
            self.acts.append(body)
        elif kind == tape.FILL:
            self._fills(body)
        elif kind == tape.INTENT:
            self._intents(body)
        elif kind == tape.REFUSED:
            self._refused(body)
        elif kind == tape.DECISION:
            self._decided(body, codes)
        elif kind == tape.ADOPTED:
            self._adopted(body)
        else:
            self._event(kind, body)

    def _slice(self, kind: str, body: Mapping[str, Any]) -> None:
        self.t, self.time, self.received = body["t"], body["time"], body["received"]
        self.bars.append((self.time, np.asarray(body["bars"])))
        if kind == tape.SLICE:
            self.received_at.append(self.received)
            self.lags.append(self.received - self.time)
        for act in self.acts:
            for i, split, dividend in zip(
                *(act[key].tolist() for key in ("instrument", "split", "dividend")), strict=True
            ):
                self.trips.act(i, split, dividend)
        self.acts.clear()
        for ticket in self.waiting:
            if ticket.due == self.t:
                ticket.due_time = self.time

    def _fills(self, body: Mapping[str, Any]) -> None:
        names = ("instrument", "quantity", "price", "fee", "reason")
        due: dict[tuple[int, int], list[Ticket]] = defaultdict(list)
        for ticket in self.waiting:
            if ticket.due == self.t:
                due[ticket.instrument, ticket.reason].append(ticket)
        for i, quantity, price, fee, reason in zip(*(body[name].tolist() for name in names), strict=True):
            trip = self.trips.fill(i, quantity, price, fee, reason, self.time)
            if trip is not None:
                self.closed_trips.append(trip)
                self.won, self.realised = self.won + (trip.pnl > 0.0), self.realised + trip.pnl
                self.counts["trips"] += 1
            marks = self.marks.setdefault(i, deque(maxlen=BARS))
            marks.append(FillMark(self.time, quantity, price, reason))
            while marks[0].time < self.bars[0][0]:
                marks.popleft()
            self.counts["fills"] += 1
            mine = next((k for k in due[i, reason] if abs(k.filled) < abs(k.quantity)), None)
            if mine is not None:
                mine.filled, mine.worth = mine.filled + quantity, mine.worth + quantity * price

    def _intents(self, body: Mapping[str, Any]) -> None:
        """The orders that wait: those for the farthest slice are new."""
        new = self.t + 1 + int(self.start["config"]["execution"]["delay"])
        columns = ("due", "instrument", "quantity", "reason", "kind", "limit", "stop")
        for due, i, quantity, reason, kind, limit, stop in zip(*(body[name].tolist() for name in columns), strict=True):
            if due == new:
                ticket = Ticket(self.seq, i, quantity, reason, kind, limit, stop, self.t, self.time, due)
                self.waiting.append(ticket)
                self.orders.append(ticket)
                self.counts["orders"] += 1

    def _refused(self, body: Mapping[str, Any]) -> None:
        columns = ("instrument", "quantity", "decision", "value", "limit")
        for told in zip(*(body[name].tolist() for name in columns), strict=True):
            self.refusals.append(Refusal(self.time, *told))
            self.counts["refusals"] += 1

    def _decided(self, body: Mapping[str, Any], codes: Codes | None) -> None:
        """The slice is over: so are the orders that met it."""
        self.curves.add(int(body["time"]), float(body["money"][0]))
        for ticket in self.waiting:
            if ticket.due <= self.t:
                ticket.fate = fate_of(ticket, None if codes is None else int(codes[ticket.instrument]))
        self.waiting = [ticket for ticket in self.waiting if ticket.due > self.t]
        if not body["alive"]:
            self._say(self.received, "loss", "the account is ruined")

    def _adopted(self, body: Mapping[str, Any]) -> None:
        state = body["state"]
        for i in np.flatnonzero(state["quantity"]).tolist():
            self.trips.take_over(i, float(state["quantity"][i]), float(state["entry"][i]), self.time)
        self._say(self.received, "", f"took over the account of {body['session']}")

    def _event(self, kind: str, body: Mapping[str, Any]) -> None:
        if (told := event(kind, body, self)) is not None:
            self._say(*told)
        if kind in (tape.CLOSE, tape.RESTART):
            self.ended = str(body.get("why", "")) if kind == tape.CLOSE else ""

    def _say(self, at: int, tone: str, words: str) -> None:
        self.events.append(Event(at, tone, words))

    def pace(self) -> float | None:
        """Seconds from one slice to the next of late, by the wall clock: the median; None while nobody knows."""
        if len(self.received_at) < 3:
            return None
        return float(np.median(np.diff(np.array(self.received_at)))) / 1e9


def fate_of(ticket: Ticket, code: int | None) -> str:
    """What became of an order whose slice is over."""
    if ticket.filled and abs(ticket.filled) >= abs(ticket.quantity) * (1.0 - 1e-9):
        return "filled"
    why = [
        text for bit, text in FATES.items() if code is not None and code & bit and bit not in (c.ACTION, c.AMBIGUOUS)
    ]
    if ticket.filled:
        return "; ".join(["filled in part", *why])
    return "; ".join(["not filled", *why])
