"""The page in a real browser under its own policy: it enters, follows, obeys, fits a telephone, and says nothing on the console."""

from __future__ import annotations

import time

import numpy as np
import pytest

import engine
from engine import journal, latch
from engine.live.clock import SystemClock
from engine.live.tape import COMMAND, JOURNAL
from engine.web.serve import opened
from tests.live.market import config
from tests.report.browser import Browser, find
from tests.web.asked import begun

CHROMIUM = find()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
EVIL = "<img src=x onerror=alert(1)>%{y}</script>"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LINK = "document.getElementById('link').textContent"


class Address:
    """What the browser's helper asks of a file, of an address."""

    def __init__(self, url):
        self.url = url

    def resolve(self):
        return self

    def as_uri(self):
        return self.url


def until(browser, code, wanted=True, patience=20.0):
    """Wait until an expression has a value; the last one it had."""
    end = time.monotonic() + patience
    while (value := browser.run(code)) != wanted and time.monotonic() < end:
        browser.run("new Promise(done => setTimeout(() => done(1), 100))")
    return value


def live(browser, played, patience=90.0):
    """Wait until the page follows; the session is looked at meanwhile, or a machine that is busy for long would find it silent."""
    end = time.monotonic() + patience
    while (said := browser.run(LINK)) != "live" and time.monotonic() < end:
        played.page.last(played.session)
        browser.run("new Promise(done => setTimeout(() => done(1), 300))")
    return said


def market(rows=120, names=("A", "B", f"Z{EVIL}")):
    draw = np.random.default_rng(3)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0.001, 0.02, (rows, len(names))), axis=0))
    times = np.datetime64("2024-01-02", "ns").astype(np.int64) + 86_400_000_000_000 * np.arange(rows)
    return engine.Panel.from_arrays(
        names, times, close * 0.998, close * 1.01, close * 0.99, close, close * 1e6, calendar="24/7"
    )


class Turns:
    """A third in each name, now and then one of them out."""

    def target(self, now):
        out = np.full(len(now.symbols), 0.3)
        out[now.t // 7 % len(out)] = 0.0
        return out


class Played:
    """A session that goes on when it is told to, and its page."""

    def __init__(self, folder, control=True):
        self.session = begun(
            folder, config(signals={}, strategy={"rule": "orders", "path": "none.csv"}), market(), Turns
        )
        self.opened = opened(self.session, SystemClock(), control)
        self.page = self.opened.__enter__()
        self.session._warm_up()
        self.arrivals = self.session.feed.arrivals(self.session.resume())

    def on(self, slices):
        for _ in range(slices):
            self.session.hear()
            self.session.take(next(self.arrivals))
        self.page.last(self.session)

    def end(self):
        self.opened.__exit__(None, None, None)
        self.session.writer.close()


@pytest.fixture
def played(tmp_path):
    made = Played(tmp_path / "s")
    made.on(60)
    yield made
    made.end()


@pytest.fixture(scope="module")
def browser():
    made = Browser(CHROMIUM)
    yield made
    made.close()


@pytest.fixture
def entered(browser, played):
    browser.size(1440, 900)
    browser.scheme(False)
    browser.open(Address(played.page.address), settle=0.5)
    assert live(browser, played) == "live"
    return browser


def test_it_enters_follows_and_says_nothing_on_the_console(entered, played):
    tile = "document.querySelector('[data-part=tiles] .tile:last-child b').textContent"
    before = entered.run(tile)
    assert before == str(played.page.showing._board.counts["fills"])
    played.on(20)
    assert until(entered, "document.querySelector('[data-part=state]').textContent.includes('slice 80')") is True
    after = str(played.page.showing._board.counts["fills"])
    assert until(entered, tile, after) == after != before
    assert until(entered, "document.getElementById('plot-equity').data[0].x.length", 80) == 80
    assert until(entered, "document.querySelectorAll('#plot-candles .boxlayer path.box').length", 80) == 80
    assert entered.console == []
    origin = f"http://127.0.0.1:{played.page.port}/"
    assert entered.requests and all(url.startswith(origin) for url in entered.requests)
    assert entered.run("location.hash") == "" and entered.run("document.title").startswith("PAPER · small")
    assert entered.run("document.querySelectorAll('.absent, noscript p').length") == 0


@pytest.mark.parametrize("width", [1440, 768, 390, 320])
def test_nothing_is_wider_than_the_window(entered, width):
    entered.size(width, 900)
    entered.run("new Promise(done => setTimeout(() => done(1), 300))")
    assert entered.run(WIDE) == 0
    assert entered.console == []


def test_it_is_dark_where_the_reader_wants_it_dark_and_can_be_turned(entered):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = entered.run(ground)
    entered.scheme(True)
    assert until(entered, ground, "rgb(17, 21, 25)") == "rgb(17, 21, 25)"
    entered.run("document.getElementById('theme').click()")
    assert entered.run(ground) == light
    entered.run("localStorage.clear()")
    assert entered.console == []


def test_a_hostile_name_is_shown_and_not_obeyed(entered, played):
    symbol = f"Z{EVIL}"
    assert (
        until(
            entered,
            f"[...document.querySelectorAll('[data-part=decisions] th[scope=row]')].some(n => n.textContent === {symbol!r})",
        )
        is True
    )
    entered.run(
        f"const c = document.getElementById('choice'); c.value = {symbol!r}; c.dispatchEvent(new Event('change'))"
    )
    plot = "document.getElementById('plot-candles')"
    assert until(entered, f"{plot}.data[0].name.startsWith('Z&lt;img')") is True
    entered.run(
        "Plotly.Fx.hover('plot-candles', {curveNumber: 0, pointNumber: 5}); Plotly.Fx.hover('plot-candles', [{curveNumber: 0, pointNumber: 5}])"
    )
    entered.run("new Promise(done => setTimeout(() => done(1), 400))")
    assert entered.run("document.querySelectorAll('main img, main script, svg image, svg script').length") == 0
    assert "Z<img src" in entered.run(
        "[...document.querySelectorAll('.hoverlayer text')].map(t => t.textContent).join('|')"
    )
    assert entered.console == []


def test_a_script_that_got_in_would_not_run(entered):
    entered.run("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=\"window.ran = 1\">'); 1")
    entered.run(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 2'; document.body.append(s); 1"
    )
    entered.run("new Promise(done => setTimeout(() => done(1), 200))")
    assert entered.run("window.ran") is None
    assert any("Content Security Policy" in line for line in entered.console)


def test_a_page_of_another_address_gets_nothing(entered, played):
    url = f"http://127.0.0.1:{played.page.port}"
    entered.ask("Page.navigate", url="data:text/html,<title>other</title>")
    assert until(entered, "document.title", "other") == "other"
    for path in ("/live.js", "/curve?span=all"):
        load = f"new Promise(done => {{ const s = document.createElement('script'); s.src = '{url}{path}'; s.onload = () => done('got'); s.onerror = () => done('refused'); document.head.append(s); }})"
        assert entered.run(load) == "refused"
    fetched = f"fetch('{url}/curve?span=all', {{credentials: 'include'}}).then(a => a.text()).catch(() => 'refused')"
    assert entered.run(fetched) == "refused"


def test_a_reload_may_read_and_no_longer_command(entered, played):
    assert entered.run("document.getElementById('controls').hidden") is False
    entered.open(Address(f"http://127.0.0.1:{played.page.port}/"), settle=0.5)
    assert live(entered, played) == "live"
    assert entered.run("document.getElementById('controls').hidden") is True
    assert entered.console == []


def test_a_page_without_leave_says_where_to_get_it(browser, played):
    browser.ask("Network.clearBrowserCookies")
    browser.open(Address(f"http://127.0.0.1:{played.page.port}/"), settle=0.5)
    assert until(browser, "document.getElementById('notice').textContent.includes('printed last')") is True
    assert "small" not in browser.run("document.body.innerText")


def test_pause_exit_and_kill_from_the_keyboard(entered, played):
    said = "document.getElementById('answer').textContent"

    def press(selector):
        entered.run(f"document.querySelector({selector!r}).focus(); 1")
        for kind in ("keyDown", "keyUp"):
            entered.ask(
                "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13
            )

    def journaled(name):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            played.session.hear()
            if entered.run(said).startswith(name) and "journaled" in entered.run(said):
                return True
        return False

    press("#controls [data-command=pause]")
    assert journaled("pause")
    press("[data-part=positions] [data-command=exit]")
    assert journaled("exit")
    press("#controls [data-command=kill]")
    assert entered.run("document.querySelector('#controls [data-command=kill]').textContent") == "Press again to kill"
    assert latch.look(played.session.folder) is not None
    press("#controls [data-command=kill]")
    assert journaled("kill")
    assert latch.look(played.session.folder) is None
    names = [row.body["name"] for row in journal.read(played.session.folder / JOURNAL) if row.kind == COMMAND]
    assert names[:2] == ["pause", "exit"]
    assert set(names[2:]) == {"kill"}  # by the latch, by its command, or by both
    played.page.last(played.session)
    assert until(entered, "document.querySelector('[data-part=state] .badge').textContent", "killed") == "killed"
    assert entered.console == []


def test_focus_stays_where_it_is_while_parts_change(entered, played):
    entered.run("document.querySelector('[data-part=positions] [data-command=exit]').focus(); 1")
    mark = entered.run("document.activeElement.getAttribute('aria-label')")
    entered.run("window.old = document.activeElement; 1")
    played.on(1)
    assert until(entered, "document.body.contains(window.old)", False) is False
    assert entered.run("document.activeElement.getAttribute('aria-label')") == mark


def test_every_button_field_and_table_has_a_name(entered):
    unnamed = "[...document.querySelectorAll('button, input, select')].filter(n => !(n.textContent.trim() || n.getAttribute('aria-label') || n.labels && n.labels.length)).length"
    assert entered.run(unnamed) == 0
    assert (
        entered.run(
            "[...document.querySelectorAll('.scroll, .plot')].filter(n => !n.getAttribute('aria-label')).length"
        )
        == 0
    )
    assert (
        entered.run(
            "[...document.querySelectorAll('section')].every(n => document.getElementById(n.getAttribute('aria-labelledby')))"
        )
        is True
    )


def test_when_the_session_ends_or_is_silent_the_page_says_so(entered, played):
    from dataclasses import replace

    standing = played.page.outlet.standing
    played.page.outlet.standing = replace(standing, at=standing.at - 60_000_000_000)
    assert until(entered, f"{LINK}.startsWith('session silent for')") is True
    for _ in played.arrivals:
        pass
    played.session._close("ended")
    played.page.last(played.session)
    assert until(entered, LINK, "session closed") == "session closed"
    assert until(entered, "[...document.querySelectorAll('#controls button')].every(b => b.disabled)") is True
    played.opened.__exit__(None, None, None)
    assert until(entered, LINK, "connection lost") == "connection lost"
    assert "last word" in entered.run("document.getElementById('notice').textContent")
    played.opened = opened(begun(played.session.folder.parent / "t"), SystemClock())
    played.opened.__enter__()
