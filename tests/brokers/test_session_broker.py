"""`broker:` of a strategy file: the mirror runs beside the session, its end is told, and what must not leave halts it."""

from __future__ import annotations

import pytest

from engine import journal
from engine import plugins as registry
from engine.brokers.facts import LIVE, Answer, Intent
from engine.brokers.mirroring import ANSWER, DIFFERS, INTENT
from engine.brokers.outbound import Outbound
from engine.brokers.sending import UncertainError
from engine.errors import ConfigError
from engine.live import paper, tape
from engine.live.clock import StoppedClock
from engine.live.gate import GateError, Venue
from engine.live.status import lines_of, status_now
from tests.brokers.test_mirroring import Shop, calm, file


class Slow(Shop):
    """A venue that takes orders, and fills them when it is asked after them."""

    def submit(self, intent) -> Answer:
        told = super().submit(intent)
        return Answer(told.id, LIVE)


class Shut(Slow):
    """One that fills nothing while anybody looks."""

    def submit(self, intent) -> Answer:
        self.sent += 1
        self.orders[intent.id] = Answer(intent.id, LIVE)
        return self.orders[intent.id]


class Mute(Shop):
    """One that says nothing for its first calls, and then does."""

    calls = 0

    def positions(self) -> dict[str, float]:
        self.calls += 1
        if self.calls <= 3:
            raise UncertainError("HTTP 504")
        return super().positions()


@pytest.fixture
def brokers():
    """Registers venues by name."""

    def add(**venues):
        for name, venue in venues.items():
            registry._from_files["barcast.brokers"][name] = lambda config, venue=venue: venue

    yield add
    registry._from_files["barcast.brokers"].clear()


def opened(folder, venue, add, **more):
    add(shop=venue)
    session = paper.open_session(file() | {"broker": "shop"} | more, folder, panel=calm(), clock=StoppedClock(1))
    session.beside.pace = -1.0
    return session


def kinds(folder):
    return [row.kind for row in journal.read(folder / tape.JOURNAL)]


def test_a_session_with_a_broker_ends_with_the_same_positions_there(tmp_path, brokers):
    shop = Slow()
    session = opened(tmp_path / "s", shop, brokers)
    session.run()
    told = session.beside.told()
    assert told["positions"] == pytest.approx(shop.positions()) and shop.sent > 5
    assert told["open"] == told["unknown"] == [] and not told["blocked"]
    alone = paper.open_session(file(), tmp_path / "alone", panel=calm(), clock=StoppedClock(1))
    alone.run()
    assert session.fold.digest == alone.fold.digest
    assert paper.verify_session(tmp_path / "s").digest == session.fold.digest.hex()


def test_orders_of_the_last_slice_are_asked_after_before_the_session_closes(tmp_path, brokers):
    session = opened(tmp_path / "s", Slow(), brokers)
    session.beside.pace = 1e9  # nothing is asked after between slices; the end asks
    session.run()
    assert not session.beside.mirror.working
    told = kinds(tmp_path / "s")
    assert told[-1] == tape.CLOSE and told[-2] == tape.CHECKPOINT
    assert max(k for k, kind in enumerate(told) if kind == ANSWER) < len(told) - 2


def test_orders_that_the_venue_has_not_filled_are_told(tmp_path, brokers):
    session = opened(tmp_path / "s", Shut(), brokers)
    said = []
    session.log = lambda level, text: said.append(text)
    session.run()
    told = session.beside.told()
    assert told["open"] and not told["positions"]
    symbol, quantity = told["open"][0]
    assert f"broker: {symbol} {quantity:g} is live at the end" in said
    words = "\n".join(lines_of(status_now(session, session.clock)))
    assert f"shop holds nothing; open there: {symbol} {quantity:g}" in words


def test_nothing_is_sent_before_the_venue_has_answered(tmp_path, brokers):
    shop, said = Mute(), []
    session = opened(tmp_path / "s", shop, brokers)
    session.log = lambda level, text: said.append(text)
    session.beside.begin()
    session.run(show=lambda s: said.append((shop.calls, shop.sent)))
    looks = [told for told in said if isinstance(told, tuple)]
    assert all(sent == 0 for calls, sent in looks if calls <= 3) and shop.sent > 5
    assert "broker: shop does not answer: HTTP 504. Nothing is sent until it does" in said


def test_what_the_venue_holds_beside_is_blocked_and_told_once(tmp_path, brokers):
    shop = Shop()
    shop.held["S0"], shop.held["XYZ"] = 7.0, 2.0
    session = opened(tmp_path / "s", shop, brokers)
    session.run()
    told = [row.body for row in journal.read(tmp_path / "s" / tape.JOURNAL) if row.kind == DIFFERS]
    assert [(row["symbol"], row["held"]) for row in told] == [("S0", 7.0), ("XYZ", 2.0)]
    assert "S0" in session.beside.told()["blocked"]
    assert not [b for b in shop.orders if b and shop.held["S0"] != 7.0]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"orders_per_slice": 1}, r"orders in a slice, 1 are allowed; the file's limits forbid it"),
        ({"orders_per_day": 1}, r"orders in a day, 1 are allowed"),
        ({"max_order_value": 100.0}, r"max_order_value 100\.00"),
    ],
)
def test_limits_of_the_file_halt_the_session(tmp_path, brokers, limits, said):
    shop = Shop()
    session = opened(tmp_path / "s", shop, brokers, limits=limits)
    with pytest.raises(GateError, match=said):
        session.run()
    session.writer._let_go()
    assert kinds(tmp_path / "s")[-1] == tape.HALT


def test_code_that_changes_while_it_runs_halts_before_the_next_order(tmp_path, brokers):
    shop = Shop()
    session = opened(tmp_path / "s", shop, brokers)
    outbound = session.beside.outbound
    outbound.code_now = lambda: outbound.code if shop.sent < 2 else "f" * 64
    with pytest.raises(GateError, match="the code changed while the session runs: .* ffffffffffff now"):
        session.run()
    session.writer._let_go()
    assert shop.sent == 2 and kinds(tmp_path / "s")[-1] == tape.HALT


def intent(quantity=5.0, leg=1, reference=100.0):
    return Intent("i", 0, "A", 1, leg, 0, quantity, reference)


LIMITS = Venue(orders_per_slice=2, orders_per_day=3, max_order_value=500.0)


@pytest.mark.parametrize(
    ("sent", "order", "said"),
    [
        ([(0, 1), (0, 1)], intent(), "3 orders in a slice, 2 are allowed"),
        ([(0, 1), (0, 2), (0, 3)], intent(), "4 orders in a day, 3 are allowed"),
        ([], intent(5.1), "worth 510.00, max_order_value 500.00"),
        ([], intent(-5.1), "worth 510.00"),
        ([], intent(reference=float("nan")), "worth nan"),
    ],
)
def test_the_outbound_gate_refuses(sent, order, said):
    gate = Outbound(LIMITS, "")
    for day, slice_ in sent:
        if slice_ != gate.slice:
            gate.met(day, slice_)
        gate.count(order)
    with pytest.raises(GateError, match=said):
        gate.check(order, 1.0)


def test_the_outbound_gate_lets_the_rest_leave():
    gate = Outbound(LIMITS, "")
    for day, slice_ in [(0, 1), (0, 2), (0, 3), (1, 4)]:
        gate.met(day, slice_)
        gate.check(intent(5.0), 1.0)
        gate.count(intent())
    gate.check(intent(-50.0, leg=0), 1.0)  # what reduces is not held back by its worth
    assert (gate.today, gate.here) == (1, 1)


def test_counts_of_the_day_survive_a_restart(tmp_path, brokers):
    session = opened(tmp_path / "s", Shop(), brokers)
    session.run()
    again = paper.open_session(file() | {"broker": "shop"}, tmp_path / "s", panel=calm(), clock=StoppedClock(1))
    assert (again.beside.outbound.day, again.beside.outbound.today) == (
        session.beside.outbound.day, session.beside.outbound.today,
    )  # fmt: skip
    assert again.beside.mirror.position.tolist() == session.beside.mirror.position.tolist()
    assert (again.gate.earlier, again.gate.latest) == (session.gate.earlier, session.gate.latest)
    again.writer.close()
    assert kinds(tmp_path / "s").count(INTENT) > 5


ALPACA = {"broker": "alpaca-paper"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (ALPACA | {"execution": {"fill": "close"}}, "execution.fill: close is a price that has passed when alpaca-paper is told"),
        (ALPACA, "alpaca-paper trades today, and feed: replay plays bars of the past"),
        (ALPACA | {"feed": {"source": "alpaca", "symbols": ["AAPL"]}}, "keys: set APCA_API_KEY_ID and APCA_API_SECRET_KEY"),
    ],
)  # fmt: skip
def test_what_the_mirror_cannot_do_is_said_before_there_is_a_session(tmp_path, monkeypatch, change, said):
    for name in ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY", "BARCAST_KEYS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=said) as caught:
        paper.open_session(file() | change, tmp_path / "s", panel=calm(), clock=StoppedClock(1))
    assert "\n" not in str(caught.value) and not (tmp_path / "s").exists()


def test_a_broker_that_nobody_registered_is_named(tmp_path):
    from engine.errors import PluginError

    with pytest.raises(PluginError, match="nothing is registered as 'alpaca-papr'; did you mean 'alpaca-paper'"):
        paper.open_session(file() | {"broker": "alpaca-papr"}, tmp_path / "s", panel=calm(), clock=StoppedClock(1))


class Cancels(Shop):
    """A venue that can cancel."""

    cancelled = 0

    def cancel_all(self) -> None:
        self.cancelled += 1


class CannotSay(Cancels):
    """One that does not answer."""

    def cancel_all(self) -> None:
        raise UncertainError("HTTP 504")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Cancels, "Open orders at the broker are cancelled"),
        (CannotSay, "or did not answer: HTTP 504"),
        (Shop, "The broker was not asked to cancel: it cannot be"),
    ],
)
def test_a_kill_cancels_at_the_broker_though_no_session_runs(tmp_path, brokers, made, said):
    from engine import latch
    from engine.cli.watching import tell

    shop = made()
    opened(tmp_path / "s", shop, brokers).run()
    assert said in tell(str(tmp_path / "s"), 0.0, "kill", {})
    assert latch.look(tmp_path / "s") is None and getattr(shop, "cancelled", 0) == (made is Cancels)


def test_a_kill_from_the_page_cancels_at_the_broker_as_one_from_the_shell_does(tmp_path, brokers):
    from engine import latch
    from engine.live.clock import StoppedClock
    from engine.live.commands import Command
    from engine.web.commanding import obey

    shop = Cancels()
    opened(tmp_path / "s", shop, brokers).run()
    said = obey(tmp_path / "s", Command("kill", "", reason="from the page"), StoppedClock(1), 0.0)
    assert "Open orders at the broker are cancelled" in said and shop.cancelled == 1
    assert latch.look(tmp_path / "s") is None


def test_a_session_whose_latch_closes_cancels_once_and_sends_nothing_more(tmp_path, brokers):
    from engine import latch

    shop = Cancels()
    session = opened(tmp_path / "s", shop, brokers)
    counts = []

    def show(running):
        counts.append(shop.sent)
        if running.fold.met == 30:
            latch.kill(tmp_path / "s", "enough", 1)

    session.run(show=show)
    assert shop.cancelled == 1
    assert 0 < counts[-1] == shop.sent and counts[-1] == next(sent for k, sent in enumerate(counts) if k >= 30)
