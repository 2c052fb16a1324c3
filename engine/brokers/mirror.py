"""What a mirror holds and what it waits for: a fold of intents and answers, and of nothing else.

An instrument has at most one order that is not over. An intent whose outcome is not known is neither repeated under another id
nor taken for refused: its instrument waits until the venue, asked by that very id, says what became of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from engine.brokers.facts import ABSENT, ENDED, FILLED, LIVE, Answer, Difference, Intent, order_id
from engine.types import Floats

UNKNOWN = "unknown"
REVISIONS = 3  # orders of one leg of one slice; a venue that refuses as many will refuse the next
DUST = 1e-9
ELSE = "the venue holds"


@dataclass(slots=True)
class Work:
    """An order and what is known of it."""

    intent: Intent
    state: str = UNKNOWN
    filled: float = 0.0  # signed
    price: float = float("nan")

    @property
    def over(self) -> bool:
        return self.state in (FILLED, ENDED)


class Mirror:
    """Positions that our own orders made at the venue, and the orders that are not over."""

    def __init__(self, session: str, strategy: str, symbols: tuple[str, ...], lot: Floats) -> None:
        self.session, self.strategy, self.symbols, self.lot = session, strategy, symbols, lot
        self.position = np.zeros(len(symbols))
        self.working: dict[int, Work] = {}  # column -> the order that is not over
        self.known: dict[str, Work] = {}  # every order by its id
        self.blocked: dict[int, str] = {}
        self._revisions: Counter[tuple[int, int, int]] = Counter()  # (column, slice, leg) -> orders so far

    def intend(self, slice_: int, target: Floats, reference: Floats) -> list[Intent]:
        """The orders that bring positions to `target`, of instruments that wait for nothing; a turn goes through flat."""
        found = []
        for column, symbol in enumerate(self.symbols):
            if column in self.working or column in self.blocked or not np.isfinite(target[column]):
                continue
            held, wanted = float(self.position[column]), float(target[column])
            turns = held * wanted < 0.0
            delta = self._whole(column, -held if turns else wanted - held)
            if delta == 0.0:
                continue
            leg = 0 if abs(held + delta) < abs(held) else 1
            revision = self._revisions[column, slice_, leg]
            if revision >= REVISIONS:
                continue
            name = order_id(self.session, self.strategy, symbol, slice_, leg, revision)
            found.append(Intent(name, column, symbol, slice_, leg, revision, delta, float(reference[column])))
        return found

    def intended(self, intent: Intent) -> None:
        """An intent became durable: from now on it may be at the venue."""
        work = Work(intent)
        self.working[intent.column] = work
        self.known[intent.id] = work
        self._revisions[intent.column, intent.slice, intent.leg] = intent.revision + 1

    def answered(self, answer: Answer) -> None:
        """The venue spoke of an order. Old news changes nothing; fills only ever grow; absence decides nothing."""
        work = self.known.get(answer.id)
        if work is None or answer.state == ABSENT:
            return
        column, quantity = work.intent.column, work.intent.quantity
        if answer.filled * quantity < 0.0 or abs(answer.filled) > abs(quantity) + DUST:
            self.blocked[column] = f"{answer.id} wanted {quantity:g} and filled {answer.filled:g}"
        if abs(answer.filled) > abs(work.filled):
            if work.over:
                self.blocked[column] = f"{answer.id} was over and filled {answer.filled - work.filled:g} more"
            self.position[column] += answer.filled - work.filled
            work.filled, work.price = answer.filled, answer.price
        if not work.over:
            work.state = answer.state
            if answer.state in (FILLED, ENDED):
                self.working.pop(column, None)

    def unknown(self) -> list[Work]:
        """Orders whose outcome is not known, in the universe's order."""
        return [self.working[column] for column in sorted(self.working) if self.working[column].state == UNKNOWN]

    def live(self) -> list[Work]:
        """Orders that the venue has and that are not over."""
        return [self.working[column] for column in sorted(self.working) if self.working[column].state == LIVE]

    def compare(self, held: dict[str, float], open_ids: tuple[str, ...]) -> list[Difference]:
        """Where the venue holds something else than our orders made, or has orders that are not ours. Blocks the instrument."""
        found = []
        for column, symbol in enumerate(self.symbols):
            if column in self.working:
                continue  # a fill may be on its way
            there = held.get(symbol, 0.0)
            if abs(there - self.position[column]) <= DUST:
                if self.blocked.get(column, "").startswith(ELSE):
                    del self.blocked[column]  # it was late to tell
            else:
                found.append(Difference(symbol, float(self.position[column]), there, "positions differ"))
                self.blocked[column] = f"{ELSE} {there:g}, our orders made {self.position[column]:g}"
        strangers = [(s, q) for s, q in sorted(held.items()) if s not in self.symbols and q != 0.0]
        found += [Difference(s, 0.0, q, "not of this session: one strategy per account") for s, q in strangers]
        foreign = [name for name in open_ids if name not in self.known]
        found += [Difference(name, 0.0, 0.0, "an open order that is not ours") for name in foreign]
        return found

    def adopt(self, symbol: str, held: float) -> None:
        """Somebody decided: what the venue holds is what we hold."""
        column = self.symbols.index(symbol)
        self.position[column] = held
        self.blocked.pop(column, None)

    def _whole(self, column: int, quantity: float) -> float:
        """Whole lots, towards zero; any fraction where the lot is 0."""
        lot = float(self.lot[column])
        if lot <= 0.0:
            return quantity if abs(quantity) > DUST else 0.0
        return float(np.trunc(quantity / lot + np.sign(quantity) * DUST) * lot)
