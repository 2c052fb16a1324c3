"""What is said on the page: in words that can be checked by hand, escaped, and without a secret."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import engine
from engine.web.parts import PARTS, span
from engine.web.scrub import Scrub, shapes_of
from engine.web.words import brake, line
from tests.live.market import config, messy, play
from tests.web.asked import FILE, Asker, Sways, begun, flat, shown

EVIL = "<img src=x onerror=alert(1)>\"'&%{y}</script>\u202e\u2028$"


def text(page, name):
    """A part without its tags."""
    from html import unescape

    return unescape(re.sub(r"<[^>]+>", " ", page.showing.pump().parts[name])).strip()


def at(tmp_path, stop, **more):
    """The page of a session that stands after so many slices."""
    return shown(tmp_path / "s", panel=flat(rows=stop), **more)[1]


class Threshold:
    """A market and a file in which one name falls short of the confidence."""

    file = config(
        data={"source": "parquet", "path": "none", "prices": "as_traded", "dividends": "none"},
        signals={"up": {"plugin": "momentum", "lookback": 2, "skip": 0}},
        strategy={"rule": "threshold", "signal": "up", "confidence": 0.5, "size": "10%"},
    )


def panel(names=("A", "B")):
    close = np.array([[10.0, 10.0], [10.5, 10.2], [11.0, 10.1], [12.0, 10.3], [13.0, 10.2]])
    times = np.datetime64("2024-01-02", "ns").astype(np.int64) + 86_400_000_000_000 * np.arange(5)
    return engine.Panel.from_arrays(names, times, close, close, close, close, close * 1e6, calendar="24/7")


def running(folder, **more):
    """A page whose session has taken everything and is not closed yet."""
    from engine.live.clock import StoppedClock
    from engine.web.serve import opened

    session = begun(folder, **more)
    with opened(session, StoppedClock(1), control=True) as page:
        session._warm_up()
        for arrival in session.feed.arrivals(session.resume()):
            session.hear()
            session.take(arrival)
        page.last(session)
    return session, page


def test_nothing_to_do_says_why_and_who_came_closest(tmp_path):
    session, page = running(tmp_path / "s", file=Threshold.file, panel=panel(), strategy=None)
    # 13 / 11 - 1 = 0.1818 for A, 10.2 / 10.1 - 1 = 0.0099 for B, of 0.5
    assert (
        text(page, "doing")
        == "Nothing to do, because of 2 instruments 2 below the confidence; closest is A with 18.18% of 50.00%."
    )
    told = text(page, "decisions")
    assert (
        "It was not held, and its forecast fell short of the confidence to enter (confidence 0.5, side long)." in told
    )
    assert told.index("A ") < told.index("B ")
    session.run()


def test_a_gate_of_past_forecasts_names_nobody_as_the_closest(tmp_path):
    gate = {"rule": "threshold", "signal": "up", "confidence": "top 10% trailing 3", "size": "10%"}
    up = {"plugin": "momentum", "lookback": 1, "skip": 0}
    file = Threshold.file | {"strategy": gate, "signals": {"up": up}, "feed": {"source": "replay", "warm_up": 0}}
    session, page = running(tmp_path / "s", file=file, panel=panel(), strategy=None)
    # A rose by 8.3 % after 5, 4.8 and 9.1 %; B fell by 1.0 % after 2.0, -1.0 and 2.0 %
    assert text(page, "doing") == "Nothing to do, because of 2 instruments 2 below the confidence."
    assert "fell short of the confidence to enter (confidence top 10% trailing 3, side long)." in text(
        page, "decisions"
    )
    session.run()


def test_orders_that_wait_are_named(tmp_path):
    session, page = running(tmp_path / "s", panel=flat(rows=4))
    assert text(page, "doing") == "1 order waits for the next slice: buy 2,000 A."
    assert "buy 2,000 signal slice 4 waits" in re.sub(r"\s+", " ", text(page, "orders"))
    session.run()


def test_a_paused_and_a_killed_session_say_so(tmp_path):
    from engine.live.commands import Command

    session, page = running(tmp_path / "s", panel=flat(rows=3))
    session._obey(Command("pause", "1"))
    page.last(session)
    assert text(page, "doing").startswith("Nothing to do, because paused: nothing opens")
    assert text(page, "state").startswith("paused")
    session._obey(Command("kill", "2"))
    page.last(session)
    assert (
        text(page, "doing")
        == "Nothing to do, because the session is killed; only a resume with a reason lets it trade again."
    )
    assert "killed" in text(page, "switches")
    session.run()


def test_figures_of_the_tiles_and_positions_by_hand(tmp_path):
    session, page = running(tmp_path / "s", panel=flat(rows=8))
    told = re.sub(r"\s+", " ", text(page, "tiles"))
    assert "Equity 100,000.00 0.00% since the start" in told
    assert "Positions 1 40.0% of equity, gross" in told
    assert "Cash 60,000.00 60.0% of equity" in told
    assert "Fills 2 over 8 slices" in told
    assert re.sub(r"\s+", " ", text(page, "positions")).endswith(
        "A 4,000 10 10 40,000.00 0.00 0.0% – – 2024-01-06 exit"
    )
    session.run()
    page.last(session)
    assert 'data-command="exit"' not in page.showing.pump().parts["positions"]


def test_a_page_that_may_only_read_has_no_button(tmp_path):
    page = at(tmp_path, 8)
    assert "button" not in "".join(page.showing.pump().parts.values())


def test_before_the_first_slice_it_waits(tmp_path):
    begun(tmp_path / "s").writer.close()
    page = Asker(tmp_path / "s")
    parts = page.showing.pump().parts
    assert "Waiting for the first slice." in parts["doing"]
    assert set(parts) == set(PARTS)


def test_a_name_is_shown_and_never_obeyed(tmp_path):
    file = Threshold.file | {"name": "x"}
    symbols = tuple(sorted((f"{EVIL}1", f"{EVIL}2")))
    session, page = running(tmp_path / "s", file=file, panel=panel(symbols), strategy=None)
    page.log(f"{EVIL}\x1b[31m\n")
    html = "".join(page.showing.pump().parts.values())
    assert (
        "<img" not in html
        and "</script" not in html
        and "\u202e"
        not in re.sub(
            r"<option>.*?</option>|<th scope=\"row\">.*?</th>|\w+ wait.*?</p>|<p class=\"doing\">.*?</p>", "", html
        )
    )
    assert "&lt;img src=x onerror=alert(1)&gt;" in html and "\x1b" not in html
    candles = page.showing.candles(symbols[0])
    assert candles["symbol"] == "&lt;img src=x onerror=alert(1)&gt;\"'&amp;&#37;{y}&lt;/script&gt;  &#36;1"
    assert all("<" not in word for mark in candles["marks"] for word in map(str, mark))
    session.run()


def test_what_is_not_known_is_null_and_not_nan(tmp_path):
    market = messy(7, rows=30)
    play(tmp_path / "s", config(), market)
    page = Asker(tmp_path / "s")
    page.enter()
    for symbol in market.universe.symbols:
        told = page.ask("GET", f"/candles?symbol={symbol}")
        assert b"NaN" not in told.body and b"Infinity" not in told.body
        assert told.json["stop"] is None
    holed = [page.ask("GET", f"/candles?symbol={symbol}").json for symbol in market.universe.symbols]
    assert min(len(one["time"]) for one in holed) < 30  # a slice without a bar is left out
    json.loads(page.ask("GET", "/events").body.split(b"data: ")[1].split(b"\n\n")[0])


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.004, "4 ms"), (1.5, "1.5 s"), (90.0, "1.5 min"), (7200.0, "2 h"), (172_800.0, "2 days")]
)
def test_a_span_is_told_in_one_unit(seconds, said):
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "none"), (1, "nothing opens or grows"), (3, "everything is closed"), (500_000_000 << 8, "targets times 0.5")],
)
def test_brakes_in_words(value, said):
    assert brake(value) == said


def test_a_line_has_no_escapes_no_turns_and_an_end():
    assert line("a\x1b[0m\u202eb\u2028c") == "a [0m b c"
    assert len(line("x" * 1000)) == 300


def test_the_state_of_switches_is_read_as_the_guard_writes_it():
    from risk import switches

    assert switches.LATCHED == 0
    from engine.web.words import SWITCHES

    assert list(SWITCHES) == ["max_drawdown", "daily_loss", "sigma_loss", "rolling_sharpe", "losing_streak"]
    order = [
        switches.DRAWDOWN,
        switches.DAILY_LOSS,
        switches.SIGMA_LOSS,
        switches.ROLLING_SHARPE,
        switches.LOSING_STREAK,
    ]
    assert order == sorted(order)


def test_a_tripped_switch_is_shown_as_such(tmp_path):
    class All:
        def target(self, now):
            return np.array([1.0, 0.0])

    close = np.array([[10.0, 10.0], [10.0, 10.0], [8.0, 10.0], [8.0, 10.0]])
    times = np.datetime64("2024-01-02", "ns").astype(np.int64) + 86_400_000_000_000 * np.arange(4)
    falls = engine.Panel.from_arrays(("A", "B"), times, close, close, close, close, close * 1e6, calendar="24/7")
    file = FILE | {
        "switches": {"max_drawdown": "15%", "losing_streak": {"at": 9, "action": "halt", "resume": "next day"}}
    }
    session, page = running(tmp_path / "s", file=file, panel=falls, strategy=All)
    told = re.sub(r"\s+", " ", text(page, "switches"))
    assert "drawdown 15.0% tripped close everything, for good" in told
    assert "losing days in a row 9 armed open nothing new, until the next day" in told
    session.run()


# Secrets.
CANARY = "canary+7/Secret&<Key>"


def test_no_secret_of_the_environment_is_in_anything_served(tmp_path):
    folder = tmp_path / "s"
    shapes = [shape.decode() for shape in shapes_of(CANARY)]
    session, page = running(folder, panel=flat(names=("A", CANARY)))
    session.run()
    asker = Asker(folder, secrets={"APCA_API_SECRET_KEY": CANARY, "HOME": "/home/somebody"})
    for shape in shapes:
        asker.showing.log(f"connecting with {shape} now")
    asker.enter()
    served = b""
    for method, path in asker.guard.doors:
        more = "?span=all" if path == "/curve" else "?symbol=A" if path == "/candles" else ""
        served += asker.ask(method, path + more, {"name": CANARY, "symbol": CANARY}).body
    for shape in shapes:
        assert shape.encode() not in served, shape
    assert served.count(b"connecting with *** now") == len(shapes)
    # and the same without the scrub shows them: the check can fail
    bare = Asker(folder)
    bare.showing.log(f"connecting with {CANARY.encode().hex()} now")
    bare.enter()
    assert CANARY.encode().hex().encode() in bare.ask("GET", "/events").body


def test_only_named_and_long_values_are_secrets():
    scrub = Scrub({"API_KEY": "short", "PATH": "/usr/local/bin", "DB_PASSWORD": "longenough"})
    assert scrub(b"short /usr/local/bin longenough bG9uZ2Vub3VnaA==") == b"short /usr/local/bin *** ***"
    assert Scrub({})(b"anything") == b"anything"


def test_the_pages_own_tokens_stand_in_no_journal_log_or_file(tmp_path):
    session, page = running(tmp_path / "s")
    session.run()
    tokens = [page.passes.token, *page.passes.readers, *page.passes.readers.values()]
    page.passes.enter(page.passes.token)
    tokens += [page.passes.token, *page.passes.readers, *page.passes.readers.values()]
    assert len(tokens) == 4
    for file in (tmp_path / "s").rglob("*"):
        if file.is_file():
            assert not any(token.encode() in file.read_bytes() for token in tokens), file
    assert page.passes.token not in repr(page.passes)
    assert Sways  # the session was the ordinary one
