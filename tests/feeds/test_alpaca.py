"""Alpaca through the real alpaca-py: its numbered errors, its silent losses, and keys that nobody ever sees."""

from __future__ import annotations

import base64
import logging
import os
import pickle
from collections.abc import Iterator
from urllib.parse import quote

import msgpack
import pytest

from engine.errors import ConfigError, FeedError
from engine.feeds.facts import SECOND, Values
from engine.feeds.keys import Keys, alpaca_keys
from engine.live.feed import Arrived, Resume
from tests.feeds.alpacas import ERRORS, KEY, SECRET
from tests.feeds.loopback import FRAMES, until
from tests.feeds.rigs import AlpacaRig

ONE, TWO = Values(10.0, 11.0, 9.0, 10.5, 100.0), Values(20.0, 22.0, 19.0, 21.5, 7.0)
STOPS = (401, 402, 405, 409, 410)
RETRIES = (400, 403, 404, 406, 407, 500)


@pytest.fixture
def rig() -> Iterator[AlpacaRig]:
    made = AlpacaRig()
    yield made
    made.stop()


@pytest.mark.parametrize("code", STOPS)
def test_what_only_a_person_can_mend_stops_the_feed_in_one_line(rig, code):
    rig.server.refuse_symbols = code
    rig.start()
    rig.came = rig.feed.arrivals(Resume())
    with pytest.raises(FeedError, match=f"alpaca says {code}") as caught:
        until(lambda: next(rig.came), "an error")
    assert "\n" not in str(caught.value) and rig.server.asked["socket"] == 1


@pytest.mark.parametrize("code", RETRIES)
def test_what_time_can_mend_is_tried_again(rig, code):
    rig.server.refuse_symbols = code
    rig.start()
    rig.came = rig.feed.arrivals(Resume())
    next(rig.came)
    until(lambda: rig.feed.line.counts["drops"], "the refusal")
    next(rig.came)
    assert any(f"{code}" in str(note) for note in rig.feed.notes)
    if code == 406:
        assert rig.feed.line.waits[0] == 10.0  # the old session is being cleared away
    else:
        rig.server.refuse_symbols = 0
        rig.connected()


@pytest.mark.parametrize("code", [402, 409])
def test_a_refused_login_is_not_tried_again(rig, code):
    rig.server.refuse = code
    rig.start()
    rig.came = rig.feed.arrivals(Resume())
    with pytest.raises(FeedError, match=f"alpaca says {code}"):
        until(lambda: next(rig.came), "an error")
    assert rig.server.asked["socket"] == 1 and ERRORS[code]


def test_a_subscription_that_is_silently_incomplete_is_noticed(rig):
    rig.server.deaf = {"MSFT"}
    rig.start()
    rig.came = rig.feed.arrivals(Resume())
    with pytest.raises(FeedError, match="did not subscribe to MSFT"):
        until(lambda: next(rig.came), "an error")


def test_one_unreadable_bar_costs_no_other_bar_of_its_frame(rig):
    rig.start()
    rig.listen()
    opened = (rig.end(1) - 60 * SECOND) // 1_000_000
    good = [rig.server.message(name, opened, v) for name, v in zip(rig.ids, (ONE, TWO), strict=True)]
    rig.server.say(
        [good[0], {"T": "b", "S": "AAPL"}, {"T": "b", "S": "AAPL", "t": "soon"}, {"T": "b", "S": "TSLA"}, good[1]]
    )
    rig.heard(2)
    rig.now(1, 5)
    assert rig.slice(1).bars[3].tolist() == [10.5, 21.5] and rig.feed.line.counts["odd"] == 3


def test_torn_msgpack_is_a_broken_line_and_no_more(rig):
    rig.start()
    rig.listen()
    rig.server.say(msgpack.packb([{"T": "b"}])[:-1])
    until(lambda: rig.feed.line.counts["drops"] == 1, "the drop")


def test_bars_before_the_session_are_rejected_by_the_calendar(rig):
    rig.start()
    rig.listen()
    early = rig.schedule.opened(rig.schedule.next(rig.t0 - 3600 * SECOND).time) // 1_000_000 - 3_600_000
    rig.server.say([rig.server.message("AAPL", early, ONE)])
    rig.heard(1)
    next(rig.came)
    assert rig.feed.assembler.counts["rejected"] == 1


def test_the_library_bears_silence_only_until_the_market_has_been_open_for_a_while(rig):
    rig.start()
    provider = rig.provider()
    assert provider._timeout() == 150.0
    rig.clock.at = rig.schedule.next(rig.t0).time + 8 * 3600 * SECOND  # 23:16 UTC; the next bar closes at 14:31
    assert provider._timeout() == pytest.approx(15.25 * 3600 + 150.0, abs=60.0)


def test_a_redirect_of_rest_is_refused(rig):
    rig.server.fault = "redirect"
    rig.start()
    rig.listen()
    rig.source(1, 0, ONE)
    rig.now(1, 5)
    until(lambda: [next(rig.came), rig.feed.line.counts["unanswered"]][1], "the refusal")
    next(rig.came)
    assert any("elsewhere" in str(note) for note in rig.feed.notes)


def test_a_burst_of_ten_thousand_bars_is_one_bar_each(rig):
    rig.start()
    rig.listen()
    opened = (rig.end(1) - 60 * SECOND) // 1_000_000
    message = rig.server.message("AAPL", opened, ONE)
    FRAMES["alpaca: documented"] += 9_999
    rig.server.say([message] * 10_000)
    rig.source(1, 1, TWO)
    rig.heard(10_000)
    rig.now(1, 5)
    arrived = rig.slice(1)
    assert isinstance(arrived, Arrived) and arrived.bars[3].tolist() == [10.5, 21.5]
    assert rig.feed.assembler.counts["duplicate"] == 9_999


def tail(word: str) -> str:
    """How websockets abridges a frame that ends with it."""
    return " ".join(f"{b:02x}" for b in word.encode()[-8:])


def shapes() -> list[str]:
    """Every shape in which a secret might be written."""
    found = []
    for word in (KEY, SECRET):
        raw = word.encode()
        found += [
            word,
            quote(word, safe=""),
            base64.b64encode(raw).decode(),
            raw.hex(),
            " ".join(f"{b:02x}" for b in raw),
        ]
        found.append(tail(word))
    return [*found, base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()]


def test_no_key_is_ever_seen_with_every_library_at_debug_and_everything_going_wrong(caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        for name in ("websockets", "websockets.client", "urllib3", "asyncio", "alpaca", "requests"):
            caplog.set_level(logging.DEBUG, logger=name)
        rig = AlpacaRig()
        try:
            rig.start()
            rig.listen()
            for fault in ("500", "html", "redirect"):
                rig.server.fault = fault
                rig.source(1, 0, ONE)
                rig.now(1, 5)
                before = rig.feed.line.counts["unanswered"]
                until(lambda before=before: [next(rig.came), rig.feed.line.counts["unanswered"] > before][1], fault)
            rig.server.cut("reset")
            rig.server.refuse = 402
            with pytest.raises(FeedError) as caught:
                until(lambda: next(rig.came), "the refusal")
            said = [
                str(caught.getrepr()) if hasattr(caught, "getrepr") else "",
                str(caught.value),
                repr(rig.feed.notes),
            ]
            said += [repr(rig.feed.status()), repr(vars(rig.feed.line.provider))]
        finally:
            rig.stop()
    out = capfd.readouterr()
    everything = "\n".join([*said, caplog.text, *(repr(record.args) for record in caplog.records), out.out, out.err])
    assert caplog.records, "nothing was logged, so nothing was tested"
    assert not [shape for shape in shapes() if shape in everything]


def test_the_canary_would_be_seen(caplog):
    """The wrong specimen: websockets left to log as it likes shows the login."""
    from engine.feeds import alpaca

    with caplog.at_level(logging.DEBUG):
        rig = AlpacaRig()
        try:
            alpaca.SILENT.setLevel(logging.DEBUG)
            rig.start()
            rig.listen()
        finally:
            alpaca.SILENT.setLevel(logging.WARNING)
            rig.stop()
    assert any(tail(SECRET) in record.getMessage() for record in caplog.records)


def test_keys_come_from_the_environment_or_a_file_of_ones_own(tmp_path):
    assert alpaca_keys({"APCA_API_KEY_ID": KEY, "APCA_API_SECRET_KEY": SECRET}).reveal() == (KEY, SECRET)
    file = tmp_path / "keys"
    file.write_text(f"# paper\nAPCA_API_KEY_ID={KEY}\nAPCA_API_SECRET_KEY={SECRET}\n")
    file.chmod(0o600)
    assert alpaca_keys({"BARCAST_KEYS": str(file)}).reveal() == (KEY, SECRET)
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="mode 0640; chmod 600"):
        alpaca_keys({"BARCAST_KEYS": str(file)})
    link = tmp_path / "link"
    file.chmod(0o600)
    link.symlink_to(file)
    with pytest.raises(ConfigError, match="cannot be opened"):
        alpaca_keys({"BARCAST_KEYS": str(link)})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "set APCA_API_KEY_ID"),
        ({"APCA_API_KEY_ID": KEY}, "APCA_API_SECRET_KEY is not"),
        ({"APCA_API_KEY_ID": KEY, "APCA_API_SECRET_KEY": "short"}, "does not look like a key"),
        ({"BARCAST_KEYS": os.devnull}, "must be yours alone"),
    ],
)
def test_keys_that_cannot_be_are_refused_without_being_shown(given, said):
    with pytest.raises(ConfigError, match=said) as caught:
        alpaca_keys(given)
    assert KEY not in str(caught.value) and "short" not in str(caught.value)


def test_keys_print_as_stars_and_cannot_be_stored():
    keys = Keys(KEY, SECRET)
    assert f"{keys} {keys!r}" == "Keys(***) Keys(***)"
    assert keys.hide(f"{SECRET} {quote(SECRET, safe='')} {KEY}") == "*** *** ***"
    with pytest.raises(TypeError, match="not to be stored"):
        pickle.dumps(keys)
