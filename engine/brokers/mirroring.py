"""A mirror beside a paper session: its rows lie in the session's journal, its target is what the simulated account will hold.

`Session.beside` holds it. A row of an order is durable and witnessed before the order is sent; after a crash the
rows make the same mirror again. No row of it can change a decision: the simulated account stays the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import journal, latch
from engine.brokers.facts import ENDED, FILLED, Answer, Difference, Intent
from engine.brokers.mirror import Mirror
from engine.brokers.outbound import Outbound
from engine.brokers.sending import Sender, UncertainError, Venue
from engine.brokers.slippage import Slippage, slippage
from engine.live import tape
from engine.live.gate import GateError
from engine.live.gate import Venue as VenueLimits
from engine.live.tape import JOURNAL
from engine.types import Fills, Floats

if TYPE_CHECKING:
    from engine.live.fold import Outcome
    from engine.live.session import Session

INTENT, ANSWER, SLIPPAGE, DIFFERS = "mirror-intent", "mirror-answer", "mirror-slippage", "mirror-differs"
REMEMBERED = 50  # slices for which simulated fills wait to be compared
PLAIN = -1  # Waiting.kind of a target's order, which meets the open


class Mirrored:
    """A venue held to the positions of a session."""

    def __init__(self, session: Session, venue: Venue, name: str, strategy: str, broker: str = "broker") -> None:
        """`name`: of the session, a part of every order's id; the mirror is folded from the session's journal."""
        self.session, self.venue, self.broker = session, venue, broker
        universe = session.fold.universe
        self.mirror = Mirror(name, strategy, universe.symbols, universe.lot)
        self.compared: list[Slippage] = []
        self._pending: set[str] = set()  # orders whose cost was not compared yet
        self._fills: dict[tuple[int, int], tuple[float, float]] = {}  # (column, slice) -> simulated (reference, price)
        self._times: dict[int, int] = {}  # close -> number of the slice
        self._seen, self._due, self._asked = -1, False, 0.0
        self._said: set[Difference] = set()
        self._stopped = False  # whether orders were cancelled since the latch was closed
        self.outbound = Outbound(VenueLimits(), "")
        for row in journal.read(session.folder / JOURNAL):
            fold_row(self.mirror, self._pending, row.kind, row.body)
            if row.kind == tape.START:
                self.outbound = Outbound(VenueLimits.of(row.body["config"]), row.body["code"])
            elif row.kind == tape.SLICE:
                self.outbound.met(row.body["day"], row.body["time"])
            elif row.kind == INTENT:
                self.outbound.count(Intent(**row.body))
        clock = session.clock
        self.sender = Sender(self.mirror, venue, self, self._permit, clock.now())
        self.pace = 5.0  # seconds between looks at the venue while something is on its way
        self.patience = 10.0  # seconds at the end that orders are waited for

    def start(self) -> list[Difference]:
        """Hold the venue against the mirror before the first order; what differs is blocked. UncertainError if it is silent."""
        return self.sender.reconcile()

    def begin(self) -> None:
        """Nothing is sent before the venue has told what it holds."""
        self.sender.silent, self._asked = True, self.session.clock.elapsed()
        self._heard()

    def _heard(self) -> bool:
        """Whether the venue answers; after a silence it is held against the mirror again first."""
        if self.sender.silent:
            try:
                found = self.sender.reconcile()
            except UncertainError as error:
                self.session.log(
                    "WARNING", f"broker: {self.broker} does not answer: {error}. Nothing is sent until it does"
                )
                return False
            for told in found:
                if told not in self._said:
                    text = (
                        f"{told.symbol}: the venue holds {told.held:g}, our orders made {told.mirrored:g}: {told.why}"
                    )
                    self.session.log("WARNING", f"broker: {text}")
                    self.session.writer.append(DIFFERS, asdict(told))
            self._said = set(found)
            self.session.writer.commit()
        return True

    def _cancel(self) -> None:
        """Once the latch is closed, cancel what is open: also an order that left while it was being closed."""
        if latch.look(self.session.folder) is not None:
            self._stopped = False
            return
        cancel = getattr(self.venue, "cancel_all", None)
        if not self._stopped and cancel is not None:
            try:
                cancel()
                self._stopped = True
            except UncertainError:
                self.sender.silent = True

    def finish(self) -> None:
        """Ask after the orders on their way for a few seconds; those that are not over are asked after by the next start."""
        clock = self.session.clock
        until = clock.elapsed() + self.patience
        while self.mirror.working:
            self.sender.learn()
            self._compare()
            if not self.mirror.working or clock.elapsed() >= until:
                break
            clock.sleep(max(0.1, min(self.pace, until - clock.elapsed())))
        for work in (*self.mirror.unknown(), *self.mirror.live()):
            self.session.log(
                "WARNING", f"broker: {work.intent.symbol} {work.intent.quantity:g} is {work.state} at the end"
            )

    def told(self) -> dict[str, Any]:
        """How it stands, as plain data."""
        mirror, named = self.mirror, self.mirror.symbols
        return {
            "name": self.broker,
            "positions": {named[i]: float(mirror.position[i]) for i in np.flatnonzero(mirror.position)},
            "open": [[work.intent.symbol, work.intent.quantity] for work in mirror.live()],
            "unknown": [[work.intent.symbol, work.intent.quantity] for work in mirror.unknown()],
            "blocked": {named[i]: why for i, why in sorted(mirror.blocked.items())},
            "silent": self.sender.silent,
        }

    def look(self, session: Session) -> None:
        """After a slice at once, and every few seconds while an order is not over."""
        outcome, now = session.last, session.clock.elapsed()
        if outcome is not None and outcome.t != self._seen:
            self._seen, self._due = outcome.t, True
            self.outbound.met(session.gate.day, outcome.time)
            self._remember(outcome)
        waits = bool(self.mirror.working) or self.sender.silent
        if session.last is None or not (self._due or (waits and now - self._asked >= self.pace)):
            return
        self._due, self._asked = False, now
        last = session.last
        if not self._heard():
            return
        self._cancel()
        self.sender.pump(
            session.clock.now(), last.time, self.target(last), session.fold.engine.book.account.mark.copy()
        )
        self._compare()

    def target(self, outcome: Outcome) -> Floats:
        """(N,) what the account holds and will have bought and sold at the next open, as far as that is decided."""
        held = self.session.fold.engine.book.account.quantity.copy()
        waiting = outcome.waiting
        for k in range(len(waiting)):
            if waiting.kind[k] != PLAIN or waiting.due[k] != outcome.t + 1:
                continue
            column, quantity = int(waiting.instrument[k]), float(waiting.quantity[k])
            if waiting.reduce_only[k]:
                room = -held[column]
                quantity = 0.0 if quantity * room <= 0.0 else float(np.sign(quantity)) * min(abs(quantity), abs(room))
            held[column] += quantity
        return held

    def intent(self, intent: Intent) -> None:
        """Records: durable and witnessed on return. GateError if it must not leave."""
        self._judge(lambda: self.outbound.check(intent, float(self.session.fold.universe.multiplier[intent.column])))
        self.outbound.count(intent)
        self._pending.add(intent.id)
        self.session.writer.append(INTENT, asdict(intent))
        self.session.writer.witness()

    def answer(self, answer: Answer) -> None:
        """Records."""
        self.session.writer.append(ANSWER, asdict(answer))
        self.session.writer.commit()

    def _permit(self) -> bool:
        """Before every send: the code is what the session was begun with, and the latch is open."""
        self._judge(self.outbound.unchanged)
        return latch.look(self.session.folder) is not None

    def _judge(self, check: Callable[[], None]) -> None:
        """What the gate refuses halts the session."""
        try:
            check()
        except GateError as error:
            self.session.log("ERROR", str(error))
            self.session.writer.append(tape.HALT, {"t": self._seen, "why": str(error)})
            self.session.writer.witness()
            raise

    def _remember(self, outcome: Outcome) -> None:
        """The simulated fills of this slice belong to orders decided at the slice before."""
        fills: Fills = outcome.fills
        for k in range(len(fills)):
            self._fills[int(fills.instrument[k]), outcome.t] = float(fills.reference[k]), float(fills.price[k])
        self._times[outcome.time] = outcome.t
        while len(self._times) > REMEMBERED:
            del self._times[next(iter(self._times))]
        for key in [key for key in self._fills if key[1] < outcome.t - REMEMBERED]:
            del self._fills[key]

    def _compare(self) -> None:
        """Realised beside modelled slippage, once per order that is filled and simulated, as a row."""
        for id_ in list(self._pending):
            work = self.mirror.known[id_]
            at = self._times.get(work.intent.slice)
            if work.state == ENDED or (at is None and work.over):
                self._pending.discard(id_)  # nothing to compare, or its slice is forgotten
            if work.state != FILLED or at is None:
                continue
            simulated = self._fills.get((work.intent.column, at + 1), self._fills.get((work.intent.column, at)))
            if simulated is None or not np.isfinite(work.price):
                continue
            told = slippage(work.intent.symbol, work.filled, simulated[0], simulated[1], work.price)
            self._pending.discard(id_)
            self.compared.append(told)
            self.session.writer.append(SLIPPAGE, {"id": id_, **asdict(told)})
            self.session.writer.commit()


def fold_row(mirror: Mirror, pending: set[str], kind: str, body: Any) -> None:
    """One row of a journal into the mirror; rows of other kinds say nothing."""
    if kind == INTENT:
        mirror.intended(Intent(**body))
        pending.add(body["id"])
    elif kind == ANSWER:
        mirror.answered(Answer(**body))
    elif kind == SLIPPAGE:
        pending.discard(body["id"])


def slippages(folder: str | Path) -> Iterator[dict[str, Any]]:
    """What every mirrored fill of a session cost beside what was modelled, from its journal."""
    for row in journal.read(Path(folder) / JOURNAL):
        if row.kind == SLIPPAGE:
            yield dict(row.body)
