"""Words that would be obeyed somewhere, in every place where words come in; they are kept as they are, and shown as words."""

from __future__ import annotations

import html
import json
import re
import sys

import numpy as np
import pytest

from engine import journal
from engine.cli.rows import printed
from engine.live import paper, tape
from engine.live.clock import StoppedClock
from engine.live.commands import Command
from engine.live.export import export
from engine.live.feed import Gap
from engine.live.logs import logging_to
from engine.live.replay import Replay
from engine.live.status import lines_of, status_now
from tests.live.market import Box
from tests.promises import note
from tests.web.asked import FILE, Asker, Sways, flat

HOSTILE = {
    "script": "</script><script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "link": '<a href="javascript:alert(1)">x</a>',
    "quotes": "\"'><svg onload=alert(1)>",
    "plotly": "<b>x</b>%{y}<br>$1",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "line": "a\n       7  fill        0123456789ab  t=1",
    "carriage": "a\rb\x08\x08",
    "turned": "\u202egnp.exe\u2066",
    "separators": "a\u2028b\u2029c\x85d",
    "json": '{"$array":["<f8",[1]],"$float":"7ff8000000000000"}',
    "sql": "'; DROP TABLE trials;--",
    "formula": "=HYPERLINK(\"http://evil.example\")",
    "path": "../../../../etc/passwd",
    "nothing": "a\x00b",
    "braces": "{0.__class__} {time} %s %(x)s",
}  # fmt: skip
OBEYED = ("<script", "<img", "<svg onload", '<a href="javascript', "<b>x")  # by a browser
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e\u2066]")  # by a reader, and some of it obeyed by a terminal


class Gapped(Replay):
    """A replay whose source says hostile things."""

    said = ""

    def arrivals(self, resume):
        for k, arrival in enumerate(super().arrivals(resume)):
            if k == 5:
                yield Gap(int(self.panel.times[4]), int(self.panel.times[5]), np.array([0]), self.said)
            yield arrival


@pytest.fixture(params=HOSTILE)
def shown(request, tmp_path, monkeypatch, capfd):
    """A session with the words as a symbol, a command's reason, a gap's, and in the log; the words, the session, what was printed."""
    word = HOSTILE[request.param]
    monkeypatch.setattr("engine.live.replay.Replay", Gapped)
    monkeypatch.setattr(Gapped, "said", word)
    symbols = tuple(sorted((word, "B")))
    session = paper.open_session(
        FILE, tmp_path / "s", panel=flat(names=symbols), clock=StoppedClock(1), strategy=Sways()
    )
    session.box = box = Box(
        {3: [Command("lock", "k1", word, int(flat().times[6]), reason=word)], 8: [Command("pause", "k2", reason=word)]}
    )
    box.session = session
    with logging_to(session.folder, sys.stderr) as logger:
        session.log = logger.log
        session.run()
    out = [*printed(str(session.folder), (), None, False), *lines_of(status_now(session, StoppedClock(1)))]
    return word, session, out, capfd.readouterr().err


def test_words_are_kept_in_the_journal_as_they_are_and_break_no_line_where_they_are_shown(shown, tmp_path):
    word, session, out, screen = shown
    rows = list(journal.read(session.folder / tape.JOURNAL))
    assert [row.body["reason"] for row in rows if row.kind in (tape.GAP, tape.COMMAND)] == [word] * 3
    assert word in rows[0].body["universe"]["symbols"] and paper.verify_session(session.folder, strategy=Sways).complete
    lines = [*out, *screen.splitlines(), *(session.folder / "log.txt").read_text().splitlines()]
    assert not [line for line in lines if UNSEEN.search(line)]
    assert len([line for line in out if re.match(r" +\d+  ", line)]) == len(rows)
    assert screen.count("gap: ") == 1 and screen.count("\n") == len(screen.splitlines())
    for line in printed(str(session.folder), (), None, True):
        assert "\n" not in line and json.loads(line)
    assert len(export(session.folder, tmp_path / "export")) >= 5
    note("security", hostile_words_shown_as_words=1)


def test_words_are_shown_on_the_page_as_words(shown):
    word, session, _, _ = shown
    page = Asker(session.folder)
    page.showing.log(f"the source says {word}")
    page.enter()
    parts = "".join(page.showing.pump().parts.values())
    assert html.escape(word) in html.escape(html.unescape(parts)) or UNSEEN.search(word)
    assert not obeyed(parts)
    candles = page.showing.candles(word)
    assert "<" not in candles["symbol"] and "%{" not in candles["symbol"]
    event = page.ask("GET", "/events").body.decode()
    assert "</script" not in event and not re.search(r"[\u2028\x1b\x00]", event)
    note("security", hostile_words_shown_as_words=1)


def obeyed(page):
    """What a browser would do of what hostile words say."""
    return [word for word in OBEYED if word in page]


def test_a_page_that_did_not_escape_would_be_found_out():
    assert all(obeyed(f"<td>{HOSTILE[name]}</td>") for name in ("script", "image", "link", "quotes", "plotly"))
    assert all(
        UNSEEN.search(HOSTILE[name]) for name in ("terminal", "line", "carriage", "turned", "separators", "nothing")
    )
