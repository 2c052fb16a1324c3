"""What every live feed does, said once: each source behind its real client library, against a server on loopback."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from engine.errors import FeedError
from engine.feeds.assembler import Rules
from engine.feeds.facts import SECOND, Values
from engine.live.feed import Arrived, Correction, Feed, Gap, Late, Resume
from tests.feeds.loopback import until
from tests.feeds.rigs import FAST, RIGS, Rig

ONE, TWO, THREE = (
    Values(10.0, 11.0, 9.0, 10.5, 100.0),
    Values(20.0, 22.0, 19.0, 21.5, 7.0),
    Values(30.0, 33.0, 28.0, 31.5, 3.0),
)
QUICK = Rules(window=2, patience=2 * SECOND, outage=60 * SECOND)


# what the installed yfinance still asks of pandas
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword", "ignore:.*deprecated:DeprecationWarning")
OF_A_STREAM = {  # sentences about something that a source without a stream does not have
    "test_a_minute_nobody_answers_for_is_a_gap_before_its_slice",
    "test_a_bar_that_comes_too_late_is_told_and_in_no_slice",
    "test_a_correction_after_the_close_is_told_and_not_given_again",
    "test_a_broken_line_is_dialled_again_and_what_was_missed_is_fetched",
    "test_a_mute_line_is_dialled_again",
    "test_rubbish_on_the_stream_costs_no_bar",
    "test_a_symbol_that_is_not_there_ends_the_feed_in_one_line",
    "test_a_flapping_line_leaks_nothing_and_waits_longer_and_longer",
}


@pytest.fixture(autouse=True, scope="module")
def _yahoo_remembers_nothing(tmp_path_factory) -> None:
    import yfinance

    yfinance.set_tz_cache_location(str(tmp_path_factory.mktemp("yfinance")))


@pytest.fixture(params=RIGS)
def rig(request) -> Iterator[Rig]:
    if not RIGS[request.param].streams and request.function.__name__ in OF_A_STREAM:
        pytest.skip("it has no stream")
    made = RIGS[request.param]()
    for k in range(-30, 1):
        made.source(k, 0, ONE)
        made.source(k, 1, TWO)
    yield made
    made.stop()


def both(rig: Rig, k: int) -> None:
    """Bar k of both instruments streams, and it is five seconds later."""
    rig.stream(k, 0, ONE)
    rig.stream(k, 1, TWO)
    rig.heard(2 * k)
    rig.now(k, 5)


def test_it_is_a_feed(rig):
    assert isinstance(rig.start(), Feed)


def test_history_comes_first_oldest_first_and_the_forming_bar_is_not_in_it(rig):
    rig.source(1, 0, THREE)
    slices = [each for each in rig.start().warm_up(5) if each is not None]
    assert [each.time for each in slices] == [rig.end(k) for k in range(-4, 1)]
    assert all(each.bars[3].tolist() == [10.5, 21.5] for each in slices)


def test_bars_are_named_by_their_close_and_stand_in_the_universes_order(rig):
    rig.start()
    rig.listen()
    rig.stream(1, 1, TWO)
    rig.stream(1, 0, ONE)
    rig.heard(2)
    rig.now(1, 5)
    (arrived,) = rig.told()
    assert isinstance(arrived, Arrived) and arrived.time == rig.end(1)
    assert arrived.bars.tolist() == [[10.0, 20.0], [11.0, 22.0], [9.0, 19.0], [10.5, 21.5], [100.0, 7.0]]
    assert not arrived.catch_up and arrived.empty.tolist() == [False, False]


def test_nothing_is_given_before_the_slice_is_over(rig):
    rig.start()
    rig.listen()
    rig.stream(1, 0, ONE)
    rig.now(1, 4.9)
    assert [next(rig.came) for _ in range(10)] == [None] * 10


def test_a_bar_that_only_rest_has_is_fetched(rig):
    rig.start()
    rig.listen()
    rig.source(1, 0, ONE)
    rig.stream(1, 1, TWO)
    rig.heard(1)
    rig.now(1, 5)
    assert rig.slice(1).bars[3].tolist() == [10.5, 21.5]


def test_a_minute_without_a_trade_is_empty_and_no_gap(rig):
    rig.start()
    rig.listen()
    rig.stream(1, 1, TWO)
    rig.source(2, 0, THREE)
    rig.heard(1)
    rig.now(1, 11 if rig.kind != "yfinance" else 18 * 3600)  # its proof is the row of the next day, which has begun
    (arrived,) = rig.told()
    assert (
        isinstance(arrived, Arrived) and arrived.empty.tolist() == [True, False] and np.isnan(arrived.bars[:, 0]).all()
    )


def test_a_minute_nobody_answers_for_is_a_gap_before_its_slice(rig):
    rig.start(QUICK)
    rig.listen()
    rig.server.fault = "500"
    rig.stream(1, 1, TWO)
    rig.heard(1)
    rig.now(1, 5)
    next(rig.came)
    rig.now(1, 8)
    gap, arrived = rig.told(2)
    assert isinstance(gap, Gap) and gap.instruments.tolist() == [0] and gap.after < rig.end(1) < gap.before
    assert isinstance(arrived, Arrived) and np.isnan(arrived.bars[3]).tolist() == [True, False] and not arrived.empty[0]


def test_a_bar_that_comes_too_late_is_told_and_in_no_slice(rig):
    rig.start(Rules(patience=0, outage=0))
    rig.listen()
    rig.server.fault = "500"
    rig.now(1, 5)
    assert isinstance(rig.told(2)[1], Arrived)
    rig.stream(1, 0, ONE)
    (late,) = rig.told()
    assert isinstance(late, Late) and (late.time, late.instrument, late.bar.tolist()) == (rig.end(1), 0, list(ONE))


def test_a_correction_after_the_close_is_told_and_not_given_again(rig):
    rig.start()
    rig.listen()
    both(rig, 1)
    assert isinstance(rig.told()[0], Arrived)
    rig.correct(1, 0, THREE)
    (correction,) = rig.told()
    assert isinstance(correction, Correction) and correction.bar.tolist() == list(THREE)
    assert (correction.time, correction.instrument) == (rig.end(1), 0)


def test_settled_bars_are_the_corrected_ones(rig):
    rig.start(Rules(settle=35 * SECOND))
    rig.listen()
    both(rig, 1)
    rig.now(1, 31)
    rig.correct(1, 0, THREE)
    rig.heard(3)
    rig.now(1, 35)
    assert rig.slice(1).bars[3].tolist() == [31.5, 21.5]


@pytest.mark.parametrize("how", ["clean", "reset", "abort"])
def test_a_broken_line_is_dialled_again_and_what_was_missed_is_fetched(rig, how):
    rig.start()
    rig.listen()
    both(rig, 1)
    rig.told()
    rig.server.subscribed.clear()
    rig.server.cut(how)
    rig.source(2, 0, THREE)
    rig.source(2, 1, TWO)
    rig.connected()
    rig.now(2, 5)
    assert rig.slice(2).bars[3].tolist() == [31.5, 21.5]
    rig.stream(3, 0, ONE)
    rig.stream(3, 1, TWO)
    rig.heard(4)
    rig.now(3, 5)
    assert rig.slice(3).bars[3].tolist() == [10.5, 21.5]
    assert rig.feed.line.counts["drops"] == 1


def test_a_mute_line_is_dialled_again(rig):
    rig.start()
    rig.listen()
    until(lambda: rig.feed.line.counts["drops"] >= 1, "the silence to be noticed")
    assert any("mute" in str(note) for note in rig.feed.notes) or [next(rig.came) for _ in range(5)]
    assert any("mute" in str(note) for note in rig.feed.notes)


@pytest.mark.parametrize("fault", ["429", "html", "half", "500", "502", "504", "hang"])
def test_rest_that_fails_is_asked_again(rig, fault):
    rig.start()
    rig.listen()
    rig.server.fault = fault
    rig.source(1, 0, ONE)
    rig.source(1, 1, TWO)
    rig.now(1, 5)
    until(lambda: next(rig.came) is not None or rig.feed.line.counts["unanswered"] >= 1, "a refusal")
    assert rig.feed.line.counts["unanswered"] >= 1
    rig.server.fault = None
    assert rig.slice(1).bars[3].tolist() == [10.5, 21.5]


@pytest.mark.parametrize("rubbish", ["half", "html", "unknown"])
def test_rubbish_on_the_stream_costs_no_bar(rig, rubbish):
    rig.start()
    rig.listen()
    words = {
        "half": '{"e":"kline","k":{"t":17',
        "html": "<html>",
        "unknown": '{"e":"weather","rain":true,"T":"weather"}',
    }
    rig.server.say(words[rubbish] if rig.kind != "alpaca" else words[rubbish].encode())
    rig.source(1, 0, ONE)
    rig.source(1, 1, TWO)
    rig.now(1, 5)
    assert rig.slice(1).bars[3].tolist() == [10.5, 21.5]


def test_a_symbol_that_is_not_there_ends_the_feed_in_one_line(rig):
    rig.start(symbols=("NO/THING",) if rig.kind != "alpaca" else ("NOTHING",))
    if rig.kind == "alpaca":
        rig.server.deaf = {"NOTHING"}
    rig.came = rig.feed.arrivals(Resume())
    with pytest.raises(FeedError, match="feed.symbols") as caught:
        until(lambda: next(rig.came), "an error")
    assert "\n" not in str(caught.value)


def test_a_restart_goes_on_after_the_tape_and_numbers_its_days_on(rig):
    rig.start()
    rig.listen(Resume(time=rig.end(-3), day=41, session=0, slices=9))
    slices = rig.told(3)
    assert [each.time for each in slices] == [rig.end(-2), rig.end(-1), rig.end(0)]
    days = [each.day for each in slices]
    assert days == ([42, 43, 44] if rig.kind == "yfinance" else [41, 41, 41])
    assert slices[0].catch_up


def test_a_flapping_line_leaks_nothing_and_waits_longer_and_longer(rig):
    rig.start(pace=FAST.__class__(base=0.01, cap=0.05, steady=60.0, mute=5.0, deadline=1.0, again=0.05))
    rig.listen()
    before = None
    for n in range(25):
        until(lambda: rig.server.sockets, "a connection")
        rig.server.cut("abort")
        until(lambda n=n: rig.feed.line.counts["drops"] > n, "the drop")
        if n == 4:
            before = len(os.listdir("/proc/self/fd"))
    until(lambda: rig.server.sockets, "a connection")
    assert len(os.listdir("/proc/self/fd")) <= before + 4
    waits = list(rig.feed.line.waits)
    assert waits[0] <= 0.01 and all(0.025 <= wait <= 0.05 for wait in waits[5:])


def test_closing_lets_go_of_threads_and_sockets(rig):
    threads = set(threading.enumerate())
    rig.start()
    rig.listen()
    rig.feed.close()
    until(lambda: set(threading.enumerate()) - threads <= set(), "threads to end")
    until(lambda: not rig.server.sockets, "sockets to close")
