"""Alpaca's paper account through the real alpaca-py: every call ends, nothing is sent twice, and only paper is ever spoken to."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest

from engine.brokers.alpaca import PAPER, AlpacaPaper
from engine.brokers.facts import ABSENT, ENDED, FILLED, LIVE, Intent, order_id
from engine.brokers.mirror import Mirror
from engine.brokers.sending import DuplicateError, Sender, UncertainError
from engine.brokers.slippage import slippage
from engine.errors import BrokerError
from engine.feeds.keys import Keys
from tests.brokers.papers import KEY, SECRET, Papers

SLICE = 1_732_547_700_000_000_000


@pytest.fixture
def server() -> Iterator[Papers]:
    made = Papers()
    yield made
    made.stop()


def venue(server: Papers) -> AlpacaPaper:
    return AlpacaPaper(Keys(KEY, SECRET), server.at, connect=0.5, read=0.4)


def intent(quantity: float = 5.0, revision: int = 0) -> Intent:
    return Intent(order_id("s", "q", "AAPL", SLICE, 1, revision), 0, "AAPL", SLICE, 1, revision, quantity, 100.0)


def test_an_order_is_sent_once_at_the_market_under_its_own_id(server):
    answer = venue(server).submit(intent(-2.5))
    (order,) = server.orders.values()
    assert (order["side"], order["qty"], order["type"], order["time_in_force"]) == ("sell", "2.5", "market", "day")
    assert order["client_order_id"] == intent(-2.5).id and len(intent().id) == 35
    assert (answer.state, answer.filled, server.asked["submit"]) == (LIVE, 0.0, 1)


@pytest.mark.parametrize(
    ("fault", "there"),
    [("504 before", False), ("504 after", True), ("hang", False), ("hang after", True), ("reset", True), ("html", True),
     ("500", False), ("429", False), ("redirect", False)],
)  # fmt: skip
def test_an_outcome_that_is_not_known_is_said_to_be_so_and_the_library_sends_once(server, fault, there):
    paper, server.fault = venue(server), fault
    with pytest.raises(UncertainError):
        paper.submit(intent())
    assert server.asked["submit"] == 1
    server.fault = None
    assert paper.query(intent().id).state == (LIVE if there else ABSENT)


def test_an_id_that_is_taken_is_told_apart_from_a_refusal(server):
    paper = venue(server)
    paper.submit(intent())
    with pytest.raises(DuplicateError):
        paper.submit(intent())
    server.fault = "403"
    answer = paper.submit(intent(revision=1))
    assert (answer.state, answer.why) == (ENDED, "refused (403): insufficient buying power")


def test_fills_are_signed_and_carry_their_mean_price(server):
    paper = venue(server)
    paper.submit(intent(-5.0))
    server.orders[intent().id] |= {"status": "filled", "filled_qty": "5", "filled_avg_price": "99.5"}
    answer = paper.query(intent().id)
    assert (answer.state, answer.filled, answer.price) == (FILLED, -5.0, 99.5)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"status": "dreaming"}, "unknown status"), ({"client_order_id": "other"}, "another order"), ({"filled_qty": None}, "cannot be read")],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_no_answer(server, change, said):
    paper = venue(server)
    paper.submit(intent())
    server.orders[intent().id] = server.orders[intent().id] | change
    with pytest.raises(UncertainError, match=said):
        paper.query(intent().id)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.alpaca.markets", "http://paper-api.alpaca.markets", "https://paper-api.alpaca.markets.evil.com",
        "https://evil.com/paper-api.alpaca.markets", "https://paper-api.alpaca.markets@evil.com", "https://PAPER-api.alpaca.market",
        "https://127.0.0.1:1", "http://127.0.0.1.evil.com", "http://localhost:1", "http://x@127.0.0.1:1", "", "ftp://127.0.0.1",
        "https://paper-api.alpaca.markets:444", "http://[::1]:1",
    ],
)  # fmt: skip
def test_no_other_host_is_ever_spoken_to(address):
    with pytest.raises(BrokerError, match="only https://paper-api.alpaca.markets is allowed"):
        AlpacaPaper(Keys(KEY, SECRET), address)


def test_the_paper_host_is_what_it_speaks_to_unless_told():
    assert AlpacaPaper(Keys(KEY, SECRET))._client._base_url == PAPER


def test_wrong_keys_are_named_and_not_shown(server, caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(BrokerError, match="does not accept the keys") as caught:
        AlpacaPaper(Keys(KEY, SECRET + "x"), server.at).submit(intent())
    everything = caplog.text + repr(caught.value) + str(caught.value)
    assert caplog.records and KEY not in everything and SECRET not in everything


class Rows(list):
    """A journal in memory."""

    intent = list.append
    answer = list.append


def test_a_mirror_reaches_its_target_over_a_venue_that_answers_badly(server):
    mirror = Mirror("s", "q", ("AAPL",), np.ones(1))
    rows = Rows()
    sender = Sender(mirror, venue(server), rows, lambda: True, 0)
    target, price = np.array([5.0]), np.array([100.0])
    server.fault = "504 after"
    sender.pump(1, SLICE, target, price)
    assert [w.state for w in mirror.unknown()] == ["unknown"] and mirror.position[0] == 0.0
    server.fault = "500 query"
    sender.pump(2, SLICE, target, price)
    assert server.asked["submit"] == 1 and mirror.unknown()
    server.fault = None
    (order,) = server.orders.values()
    order |= {"status": "filled", "filled_qty": "5", "filled_avg_price": "100.2"}
    sender.pump(3, SLICE, target, price)
    assert mirror.position[0] == 5.0 and not mirror.working and server.asked["submit"] == 1
    assert [type(row).__name__ for row in rows] == ["Intent", "Answer"]


def test_without_a_permit_nothing_leaves(server):
    mirror, rows = Mirror("s", "q", ("AAPL",), np.ones(1)), Rows()
    Sender(mirror, venue(server), rows, lambda: False, 0).pump(1, SLICE, np.array([5.0]), np.array([100.0]))
    assert not server.asked["submit"] and not rows


def test_positions_and_orders_that_are_not_ours_are_found_and_block(server):
    mirror = Mirror("s", "q", ("AAPL", "MSFT"), np.ones(2))
    server.held = [{"symbol": "AAPL", "qty": "3"}, {"symbol": "TSLA", "qty": "-1"}]
    venue(server).submit(intent())
    found = Sender(mirror, venue(server), Rows(), lambda: True, 0).reconcile()
    assert [(d.symbol, d.held) for d in found] == [("AAPL", 3.0), ("TSLA", -1.0), (intent().id, 0.0)]
    assert mirror.intend(SLICE, np.array([5.0, 5.0]), np.array([100.0, 100.0]))[0].symbol == "MSFT"
    mirror.adopt("AAPL", 3.0)
    assert mirror.intend(SLICE, np.array([5.0, 0.0]), np.array([100.0, 100.0]))[0].quantity == 2.0


def test_an_account_that_holds_nothing_says_so(server):
    assert venue(server).positions() == {} and venue(server).open_orders() == ()


def test_a_kill_cancels_at_the_venue(server):
    venue(server).cancel_all()
    assert server.cancelled == 1


def test_a_turn_goes_through_flat_in_two_legs(server):
    mirror = Mirror("s", "q", ("AAPL",), np.ones(1))
    mirror.position[0] = 4.0
    (first,) = mirror.intend(SLICE, np.array([-3.0]), np.array([100.0]))
    assert (first.quantity, first.leg) == (-4.0, 0)
    mirror.position[0] = 0.0
    (second,) = mirror.intend(SLICE, np.array([-3.0]), np.array([100.0]))
    assert (second.quantity, second.leg) == (-3.0, 1) and first.id != second.id


def test_realised_slippage_stands_beside_the_modelled_one():
    told = slippage("AAPL", 10.0, 100.0, 100.05, 100.25)
    assert (round(told.modelled, 6), round(told.realised, 6), round(told.money, 6)) == (0.0005, 0.0025, 2.0)
    sold = slippage("AAPL", -10.0, 100.0, 99.95, 99.75)
    assert (round(sold.modelled, 6), round(sold.realised, 6)) == (0.0005, 0.0025)
