"""A venue that loses, delays, repeats and half-answers, a process that is killed anywhere, and a mirror that must not care."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from engine.brokers.facts import ABSENT, ENDED, FILLED, LIVE, Answer, Intent
from engine.brokers.mirror import Mirror
from engine.brokers.sending import DuplicateError, Sender, UncertainError

SECOND = 1_000_000_000
SYMBOLS = ("A", "B", "C")
SLICES = 8


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Order:
    intent: Intent
    state: str = LIVE
    filled: float = 0.0


@dataclass
class Shop:
    """The venue: accepts an id once, fills when it likes."""

    draw: random.Random
    bad: float
    now: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    held: Counter = field(default_factory=Counter)
    on_the_way: list[tuple[int, Intent]] = field(default_factory=list)
    past: dict[str, list[Answer]] = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)

    def pass_time(self, now: int) -> None:
        self.now = now
        for when, intent in list(self.on_the_way):
            if when <= now:
                self.on_the_way.remove((when, intent))
                self.counts["arrived late"] += 1
                self.accept(intent)
        for order in self.orders.values():
            if order.state == LIVE and self.draw.random() < 0.5:
                self.work(order)

    def work(self, order: Order) -> None:
        """Fill some or all, or give up."""
        rest = order.intent.quantity - order.filled
        how = self.draw.random()
        if how < 0.1 and self.bad:
            order.state = ENDED
            return
        part = rest if how > 0.4 else np.trunc(rest * self.draw.random())
        order.filled += part
        self.held[order.intent.symbol] += part
        if order.filled == order.intent.quantity:
            order.state = FILLED

    def accept(self, intent: Intent) -> bool:
        """Whether it is new; the promise is kept here: one live order for an intent, and for an instrument."""
        if intent.id in self.orders:
            self.counts["id taken"] += 1
            return False
        same = [o for o in self.orders.values() if o.state == LIVE and o.intent.symbol == intent.symbol]
        assert not same, f"two live orders: {same[0].intent} and {intent}"
        self.orders[intent.id] = Order(intent)
        return True

    def told(self, id_: str) -> Answer:
        order = self.orders[id_]
        answer = Answer(id_, order.state, order.filled, 100.0)
        self.past.setdefault(id_, []).append(answer)
        return answer

    def submit(self, intent: Intent) -> Answer:
        assert 0 < len(intent.id) <= 36
        how = self.draw.random() if self.bad else 1.0
        bad = self.bad
        if how < bad * 0.2:
            self.counts["lost"] += 1
            raise UncertainError("the request was lost")
        if how < bad * 0.4:
            self.counts["delayed"] += 1
            self.on_the_way.append((self.now + self.draw.randint(1, 100) * SECOND, intent))
            raise UncertainError("timed out; it is still on its way")
        if how < bad * 0.5:
            self.counts["refused"] += 1
            if intent.id not in self.orders:
                self.orders[intent.id] = Order(intent, ENDED)
                return self.told(intent.id)
        fresh = self.accept(intent)
        if how < bad * 0.7:
            self.counts["answer lost"] += 1
            raise UncertainError("504, but it arrived")
        if not fresh or how < bad * 0.8:
            self.accept(intent)  # a library or proxy that repeats on 504
            raise DuplicateError(intent.id)
        return self.told(intent.id)

    def query(self, id_: str) -> Answer:
        if self.draw.random() < self.bad * 0.3:
            raise UncertainError("no answer")
        if id_ not in self.orders:
            return Answer(id_, ABSENT)
        if self.bad and self.past.get(id_) and self.draw.random() < 0.2:
            self.counts["old answer"] += 1
            return self.draw.choice(self.past[id_])
        return self.told(id_)

    def positions(self) -> dict[str, float]:
        return {symbol: held for symbol, held in self.held.items() if held}

    def open_orders(self) -> tuple[str, ...]:
        return tuple(id_ for id_, order in self.orders.items() if order.state == LIVE)


@dataclass
class Book:
    """The journal: durable rows, and a process that may die before or after each."""

    draw: random.Random
    deadly: float
    rows: list[Intent | Answer] = field(default_factory=list)

    def intent(self, intent: Intent) -> None:
        self.die()
        self.rows.append(intent)
        self.die()

    def answer(self, answer: Answer) -> None:
        self.die()
        self.rows.append(answer)
        self.die()

    def die(self) -> None:
        if self.draw.random() < self.deadly:
            raise Killed


def folded(rows: list[Intent | Answer]) -> Mirror:
    """The mirror that the journal makes."""
    mirror = Mirror("s", "q", SYMBOLS, np.ones(len(SYMBOLS)))
    for row in rows:
        if isinstance(row, Intent):
            mirror.intended(row)
        else:
            mirror.answered(row)
    return mirror


def run(seed: int, make=Sender, book_of=Book) -> Counter:
    """One session; AssertionError where the promise is broken. What happened is counted."""
    draw = random.Random(seed)
    shop = Shop(draw, draw.choice((0.0, 0.3, 1.0)))
    book = book_of(draw, draw.choice((0.0, 0.02, 0.1)))
    mirror = folded(book.rows)
    sender, kills, now = make(mirror, shop, book, lambda: True, 0), 0, 0
    target = np.zeros(len(SYMBOLS))
    for slice_ in range(1, SLICES + 1):
        target = np.array([float(draw.randint(-5, 5)) for _ in SYMBOLS])
        for _ in range(8):
            now += draw.choice((1, 10, 40)) * SECOND
            shop.pass_time(now)
            try:
                sender.pump(now, slice_, target, np.full(len(SYMBOLS), 100.0))
            except Killed:
                kills += 1
                mirror = folded(book.rows)
                sender = make(mirror, shop, book, lambda: True, now)
    book.deadly = shop.bad = 0.0
    for k in range(40):
        now += 60 * SECOND
        shop.pass_time(now)
        sender.pump(now, SLICES + 1 + k, target, np.full(len(SYMBOLS), 100.0))
        if not mirror.working and np.array_equal(mirror.position, target):
            break
    settle(shop, mirror, folded(book.rows), target)
    assert not sender.reconcile()
    shop.counts.update(kills=kills, orders=len(shop.orders), fills=sum(o.filled != 0 for o in shop.orders.values()))
    return shop.counts


def settle(shop: Shop, mirror: Mirror, again: Mirror, target: np.ndarray) -> None:
    """In the end venue, mirror and journal say the same, and it is what was wanted."""
    there = [float(shop.held[symbol]) for symbol in SYMBOLS]
    assert not mirror.blocked, mirror.blocked
    assert mirror.position.tolist() == there == target.tolist(), (mirror.position, there, target)
    assert again.position.tolist() == there, "the journal does not make what the mirror holds"
