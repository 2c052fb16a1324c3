"""Intents on their way: durable, permitted, sent once under their id, and asked after until the venue says what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.brokers.facts import ABSENT, ENDED, Answer, Difference, Intent
from engine.brokers.mirror import Mirror, Work
from engine.types import Floats

SETTLE = 120_000_000_000  # ns after a send until an id that the venue does not know is taken for never arrived
SENDS = 3  # of one id


class UncertainError(Exception):
    """The request may or may not have been carried out."""


class DuplicateError(Exception):
    """The venue has an order of this id already."""


class Venue(Protocol):
    """Where orders go. Both calls end within a deadline; UncertainError is not a refusal."""

    def submit(self, intent: Intent) -> Answer:
        """Send it; DuplicateError where its id is taken."""
        ...

    def query(self, id_: str) -> Answer:
        """What became of it; state ABSENT where the venue knows no such id."""
        ...

    def positions(self) -> dict[str, float]:
        """Signed quantities by symbol."""
        ...

    def open_orders(self) -> tuple[str, ...]:
        """Client order ids of orders that are not over."""
        ...


class Records(Protocol):
    """Where intents and answers are written; `intent` returns once the row would survive a power cut."""

    def intent(self, intent: Intent) -> None: ...

    def answer(self, answer: Answer) -> None: ...


@dataclass(slots=True)
class Tries:
    """Of one id: how often it was sent by this process, and when it may last have been sent (ns)."""

    count: int
    last: int


class Sender:
    """Brings a mirror to its target. `permit` is the kill latch: looked at before every send."""

    def __init__(self, mirror: Mirror, venue: Venue, records: Records, permit: Callable[[], bool], now: int) -> None:
        self.mirror, self.venue, self.records, self.permit = mirror, venue, records, permit
        self.begun = now  # an intent found in the journal may have been sent until this process began
        self.silent = False  # it left a question unanswered since it was last reconciled
        self._tries: dict[str, Tries] = {}

    def pump(self, now: int, slice_: int, target: Floats, reference: Floats) -> None:
        """Ask after what is unknown or live, then send what is still missing."""
        for work in self.mirror.unknown():
            self._resolve(work, now, slice_)
        for work in self.mirror.live():
            self._learn(work.intent.id)
        for intent in self.mirror.intend(slice_, target, reference):
            if not self.permit():
                return
            self.records.intent(intent)
            self.mirror.intended(intent)
            self._send(intent, now)

    def reconcile(self) -> list[Difference]:
        """Hold the venue's positions and open orders against ours; UncertainError if it cannot be asked."""
        self.learn()
        found = self.mirror.compare(self.venue.positions(), self.venue.open_orders())
        self.silent = False
        return found

    def learn(self) -> None:
        """Ask after every order that is not over, and send nothing."""
        for work in [*self.mirror.unknown(), *self.mirror.live()]:
            self._learn(work.intent.id)

    def _send(self, intent: Intent, now: int) -> None:
        tries = self._tries.setdefault(intent.id, Tries(0, now))
        tries.count, tries.last = tries.count + 1, now
        try:
            self._write(self.venue.submit(intent))
        except DuplicateError:
            self._learn(intent.id)
        except UncertainError:
            self.silent = True  # and the order stays unknown

    def _resolve(self, work: Work, now: int, slice_: int) -> None:
        """An id the venue does not know is sent again while its slice is the latest; one that is too old never arrived."""
        found = self._learn(work.intent.id)
        if found is None or found.state != ABSENT:
            return
        tries = self._tries.setdefault(work.intent.id, Tries(0, self.begun))
        if work.intent.slice == slice_ and tries.count < SENDS:
            if self.permit():
                self._send(work.intent, now)
        elif now - tries.last > SETTLE:
            self._write(Answer(work.intent.id, ENDED, why="it never arrived"))

    def _learn(self, id_: str) -> Answer | None:
        """What the venue says of it, written down if it is news; None if it cannot be asked."""
        try:
            answer = self.venue.query(id_)
        except UncertainError:
            self.silent = True
            return None
        if answer.state != ABSENT:
            self._write(answer)
        return answer

    def _write(self, answer: Answer) -> None:
        work = self.mirror.known[answer.id]
        if (answer.state, answer.filled) != (work.state, work.filled):
            self.records.answer(answer)
        self.mirror.answered(answer)
