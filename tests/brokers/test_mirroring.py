"""A session and its mirror: the venue holds what the simulated account holds, through crashes, and no decision changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.brokers.facts import FILLED, Answer
from engine.brokers.mirroring import ANSWER, INTENT, Mirrored, slippages
from engine.brokers.sending import UncertainError
from engine.live import paper
from engine.live.clock import StoppedClock
from tests.live.market import config, messy


class Shop:
    """A venue that fills at once, 10 bps above or below 100, and sometimes loses its answer."""

    def __init__(self, loses: int = 0) -> None:
        self.orders: dict[str, Answer] = {}
        self.held: dict[str, float] = {}
        self.loses, self.sent = loses, 0

    def submit(self, intent) -> Answer:
        assert intent.id not in self.orders, "sent twice"
        self.sent += 1
        price = 100.1 if intent.quantity > 0 else 99.9
        self.orders[intent.id] = Answer(intent.id, FILLED, intent.quantity, price)
        self.held[intent.symbol] = self.held.get(intent.symbol, 0.0) + intent.quantity
        if self.loses and self.sent % self.loses == 0:
            raise UncertainError("lost")
        return self.orders[intent.id]

    def query(self, id_: str) -> Answer:
        return self.orders.get(id_, Answer(id_, "absent"))

    def positions(self) -> dict[str, float]:
        return {symbol: q for symbol, q in self.held.items() if q}

    def open_orders(self) -> tuple[str, ...]:
        return ()


class Killed(BaseException):
    """The process is gone."""


def calm():
    """Bars; the venue of these tests knows of no splits, nor does a mirror."""
    return messy(3, rows=60)


def file() -> dict:
    return config(
        data={"source": "parquet", "path": "none", "prices": "as_traded", "dividends": "none", "delisting_after": None}
    )


def session(folder: Path):
    return paper.open_session(file(), folder, panel=calm(), clock=StoppedClock(1))


@pytest.mark.parametrize("kills", [(), (4,), (3, 4, 9)])
def test_the_venue_ends_with_what_the_simulated_account_wants_and_the_digest_is_the_same(tmp_path, kills):
    alone = session(tmp_path / "alone")
    alone.run()
    shop = Shop(loses=3)
    left = list(kills)
    while True:
        running = session(tmp_path / "s")
        mirrored = Mirrored(running, shop, "s", "threshold")
        mirrored.pace = -1.0
        assert not mirrored.start()
        writing = running.writer.append

        def append(kind, body, writing=writing, running=running):
            row = writing(kind, body)
            if left and kind in (INTENT, ANSWER):
                left[0] -= 1
                if left[0] == 0:
                    left.pop(0)
                    running.writer.commit()
                    raise Killed
            return row

        running.writer.append = append
        try:
            running.run(show=lambda s, look=mirrored.look: [s.clock.sleep(60.0), look(s)])
            break
        except Killed:
            running.writer._let_go()
    assert running.fold.digest == alone.fold.digest
    assert shop.sent > 5 and not mirrored.mirror.blocked
    wanted = dict(zip(running.fold.universe.symbols, mirrored.target(running.last), strict=True))
    on_the_way = {running.fold.universe.symbols[column] for column in mirrored.mirror.working}
    assert len(on_the_way) <= 1, "only what was lost at the very end may not be known yet"
    held = shop.positions()
    assert {s: held.get(s, 0.0) for s in wanted if s not in on_the_way} == pytest.approx(
        {s: q for s, q in wanted.items() if s not in on_the_way}
    )
    assert paper.verify_session(tmp_path / "s").digest == paper.verify_session(tmp_path / "alone").digest
    told = list(slippages(tmp_path / "s"))
    assert told and len({row["id"] for row in told}) == len(told)


def test_a_kill_stops_the_mirror_too(tmp_path):
    from engine import latch

    shop, running = Shop(), session(tmp_path / "s")
    mirrored = Mirrored(running, shop, "s", "threshold")
    latch.kill(tmp_path / "s", "enough", 1)
    running.run(show=mirrored.look)
    assert shop.sent == 0
