"""The cone on the page: its bands by hand, its sentence in every state, and both in a real browser under the page's own policy."""

from __future__ import annotations

import json
import re
from html import unescape

import numpy as np
import pytest

from engine.live import cone
from engine.live.course import Course
from engine.web.coning import Coned, moments
from engine.web.parts import environment
from tests.live.test_cone import DAY, START, by_hand
from tests.report.browser import Browser, find
from tests.web.asked import Asker, begun, flat
from tests.web.test_browser import WIDE, Address, Played, live, until

HORIZON = 90


def wide(middle=1.0, **more):
    """A cone of 90 days: 0.5, 0.8, `middle`, 1.25, 2.0 on each of them."""
    lines = [[value] * HORIZON for value in (0.5, 0.8, middle, 1.25, 2.0)]
    told = {"schema_version": 1, "levels": [5.0, 25.0, 50.0, 75.0, 95.0], "growth": lines, "strayed": [0.3] * HORIZON}
    return by_hand(run="abc") | told | more


def course_of(*equity, since=None):
    course = Course()
    course.base = 100.0
    course.since = START if since is None else since
    course.times = [START + DAY * (k + 1) for k in range(len(equity))]
    course.numbers, course.equity, course.ended = list(range(len(equity))), list(equity), True
    return course


def kept(folder, told):
    folder.mkdir(exist_ok=True)
    cone.keep(folder, {key: value.tolist() if hasattr(value, "tolist") else value for key, value in told.items()}, 0)
    return Coned(folder)


def test_bands_are_the_base_times_the_quantiles_from_the_start_on_and_a_while_ahead(tmp_path):
    told = kept(tmp_path, wide()).bands(course_of(101.0, 99.0), "all", 0)
    assert told["x"] == [START + DAY * k for k in range(23)]  # the start, two days, twenty ahead
    assert (told["low"][:2], told["upper"][:2], told["high"][-1]) == ([100.0, 50.0], [100.0, 125.0], 200.0)
    assert told["more"] is True and "lower" in told and told["middle"] == [100.0] * 23


def test_a_span_has_its_own_part_of_the_cone(tmp_path):
    coned = kept(tmp_path, wide())
    told = coned.bands(course_of(*[100.0] * 60), "1M", START + DAY * 40)
    assert (told["x"][0], told["x"][-1]) == (START + DAY * 40, START + DAY * 75)
    assert coned.bands(course_of(100.0), "1D", 0) is None
    assert coned.bands(Course(), "all", 0) is None
    assert Coned(tmp_path / "none").bands(course_of(100.0), "all", 0) is None


def test_the_bands_end_where_the_cone_does(tmp_path):
    told = kept(tmp_path, wide()).bands(course_of(*[100.0] * 100), "all", 0)
    assert told["x"][-1] == START + DAY * HORIZON and told["more"] is False


def test_the_pace_of_days_to_come_is_that_of_late():
    course = course_of(100.0, 100.0)
    course.times = [START, START + 3 * DAY]
    days = course.days()
    times, day = moments(course, days, 90, 20)
    assert np.diff(times)[:3].tolist() == [3 * DAY] * 3  # the start is not known: a day's pace before the first
    assert day.tolist() == list(range(23))


def said(coned, course):
    html = coned.part(environment(), course)
    return html, re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html))).strip()


def test_the_sentence_of_the_status_stands_under_the_curve(tmp_path):
    html, words = said(kept(tmp_path / "a", wide()), course_of(101.0))
    assert words.startswith("Against the backtest: inside after 1 day; equity is at the 51st percentile")
    assert 'class="note cone"' in html
    html, words = said(kept(tmp_path / "b", wide()), course_of(49.0))
    assert words.startswith("Against the backtest: outside since 2024-01-02; after 1 day") and 'cone outside"' in html
    assert said(Coned(tmp_path / "c"), course_of(49.0))[1].startswith(
        "Against the backtest: no cone: no backtest was named"
    )
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / cone.FILE).write_text("{")
    assert "cannot be read as a cone" in said(Coned(tmp_path / "d"), course_of(49.0))[1]


def test_words_of_the_cone_are_escaped(tmp_path):
    html, words = said(kept(tmp_path, wide(source="<img src=x>")), course_of(101.0))
    assert "<img" not in html and "<img src=x>" in words


def test_the_curve_brings_the_cone_along(tmp_path):
    session = begun(tmp_path / "s", panel=flat(rows=5))
    page = Asker(tmp_path / "s")
    page.enter()
    assert page.ask("GET", "/curve?span=all").json["cone"] is None
    session.run()
    kept(tmp_path / "s", wide())
    page = Asker(tmp_path / "s")
    page.enter()
    told = page.ask("GET", "/curve?span=all").json["cone"]
    assert told["x"][:2] == ["2024-01-01 00:00:00", "2024-01-02 00:00:00"] and told["low"][1] == 50_000.0
    assert page.ask("GET", "/curve?span=1D").json["cone"] is None
    assert json.dumps(told, allow_nan=False)


# In a browser.
CHROMIUM = find()
needed = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@pytest.fixture(scope="module")
def entered(tmp_path_factory):
    """A page of sixty days in a cone, entered; and what plays it."""
    folder = tmp_path_factory.mktemp("coned")
    kept(folder / "s", wide())
    played, browser = Played(folder / "s"), Browser(CHROMIUM)
    played.on(60)
    browser.size(1440, 900)
    browser.scheme(False)
    browser.open(Address(played.page.address), settle=0.5)
    assert live(browser, played) == "live"
    assert until(browser, "(document.getElementById('plot-equity').data || []).length", 5) == 5
    yield browser, played
    played.end()
    browser.close()


@needed
def test_the_browser_draws_the_cone_and_equity_goes_on_in_it(entered):
    browser, played = entered
    trace = "document.getElementById('plot-equity').data"
    assert browser.run(f"{trace}[0].x.length") == 60 and browser.run(f"{trace}[4].x.length") == 81
    played.on(10)
    assert until(browser, f"{trace}[0].x.length", 70) == 70
    assert browser.run(f"{trace}.length") == 5
    played.on(15)  # past what was drawn ahead: the cone is asked for anew
    assert until(browser, f"{trace}[4].x.length", 91) == 91
    assert browser.run("document.getElementById('cone-key').hidden") is False
    assert browser.console == []


@needed
def test_the_cone_can_be_read_and_found_without_seeing_it(entered):
    browser, _ = entered
    place = "document.getElementById(document.getElementById('plot-equity').getAttribute('aria-describedby'))"
    assert browser.run(f"{place}.textContent").startswith("Against the backtest: inside after ")
    browser.run("document.querySelector('[data-span=\"1D\"]').click(); 1")
    assert until(browser, "document.getElementById('plot-equity').data.length", 2) == 2
    assert browser.run("document.getElementById('cone-key').hidden") is True
    browser.run("document.querySelector('[data-span=\"all\"]').click(); 1")
    assert until(browser, "document.getElementById('plot-equity').data.length", 5) == 5


@needed
def test_the_cone_fits_a_telephone_and_the_dark(entered):
    browser, _ = entered
    fill = "document.getElementById('plot-equity').data[2].fillcolor"
    light = browser.run(fill)
    browser.scheme(True)
    assert until(browser, f"{fill} !== {light!r}") is True
    browser.size(320, 900)
    browser.run("new Promise(done => setTimeout(() => done(1), 300))")
    assert browser.run(WIDE) == 0 and browser.console == []
