"""The report in a real browser: it draws its charts, says nothing on the console, asks for nothing, and fits a telephone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.report import render, write
from tests.report.browser import Browser, find
from tests.report.runs import HOSTILE, played, small
from tests.results.book import fill

CHROMIUM = find()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
SVG = "document.querySelectorAll('#plot-curves svg.main-svg').length"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def grown(**options):
    """300 slices of two names, a forecast each, and trades enough for every picture."""
    draw = np.random.default_rng(11)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0, 0.02, (300, 6)), axis=0))
    orders = []
    for t in range(10, 290, 14):
        i = t % 6
        orders += [fill(t, 3, close[t, i], i=i), fill(t + 9, -3, close[t + 9, i], i=i)]
    config = {
        "name": "a-name-as-long-as-" + "x" * 60,
        "benchmark": "equal_weight",
        "exits": {"stop_loss": 0.1, "take_profit": 0.2},
    }
    result = played(
        close, orders, config=config | options.pop("config", {}), high=close * 1.01, low=close * 0.99, **options
    )
    result.facts.forecasts["f"] = draw.uniform(0.2, 0.8, (300, 6))
    result.manifest["units"] = {"f": "probability"}
    return result


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(grown()))
    return path


@pytest.fixture(scope="module")
def opened():
    """A function that opens a file in one browser, at some width."""
    browser = Browser(CHROMIUM)

    def open_(path: Path, width: int = 1440, dark: bool = False) -> Browser:
        browser.size(width, 900)
        browser.scheme(dark)
        browser.open(path)
        return browser

    yield open_
    browser.close()


def test_a_wrong_page_is_noticed(opened, tmp_path):
    path = tmp_path / "wrong.html"
    path.write_text("<!doctype html><div style='width:2000px'>.</div><img src='x.png'><script>missing()</script>")
    browser = opened(path, 390)
    assert any("missing is not defined" in line for line in browser.console)
    assert len(browser.requests) == 2
    assert browser.run(WIDE) > 0


@pytest.mark.parametrize("width", [1440, 390])
def test_it_draws_without_a_word_on_the_console_and_without_a_request(opened, page, width):
    browser = opened(page, width)
    assert browser.console == []
    assert browser.requests == [page.as_uri()]
    assert browser.run(SVG) > 0
    assert browser.run("document.querySelectorAll('#plot-candles .boxlayer path.box').length") > 100
    assert browser.run("document.querySelectorAll('.absent:not([hidden])').length") == 0


@pytest.mark.parametrize("width", [390, 320, 768])
def test_nothing_is_wider_than_a_telephone(opened, page, width):
    browser = opened(page, width)
    assert browser.run(WIDE) == 0
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    browser.run("document.querySelectorAll('.tip').forEach(one => { one.style.visibility = 'visible'; })")
    assert browser.run(WIDE) == 0


def test_log_scale_instruments_and_theme_can_be_turned(opened, page):
    browser = opened(page)
    axis = "document.getElementById('plot-curves')._fullLayout.yaxis.type"
    assert browser.run(axis) == "linear"
    browser.run("document.getElementById('log').click()")
    assert browser.run(axis) == "log"
    browser.run("const c = document.getElementById('choice'); c.value = '1'; c.dispatchEvent(new Event('change'))")
    shown = browser.run(
        "[...document.querySelectorAll('.choice')].filter(n => !n.hidden).map(n => n.dataset.choice).join()"
    )
    assert shown == "1"
    ground = "getComputedStyle(document.body).backgroundColor"
    light = browser.run(ground)
    browser.run("document.getElementById('theme').click(); document.getElementById('theme').click()")
    assert browser.run("document.documentElement.dataset.theme") == "dark"
    assert browser.run(ground) != light
    browser.run("document.getElementById('theme').click()")
    assert browser.run(ground) == light
    assert browser.console == []


def test_it_is_dark_where_the_reader_wants_it_dark(opened, page):
    assert opened(page, dark=True).run("getComputedStyle(document.body).backgroundColor") == "rgb(17, 21, 25)"


def test_a_definition_shows_when_its_name_is_reached_by_keyboard(opened, page):
    browser = opened(page)
    tip = "getComputedStyle(document.querySelector('#metrics .tip')).visibility"
    assert browser.run(tip) == "hidden"
    browser.run("document.querySelector('#metrics .term').focus({focusVisible: true})")
    assert browser.run(tip) == "visible"


def test_equity_and_drawdown_share_their_time_axis(opened, page):
    browser = opened(page)
    browser.run("Plotly.relayout('plot-curves', {'xaxis.range': ['2024-02-01', '2024-03-01']}).then(() => 1)")
    axes = "document.getElementById('plot-curves')._fullData.map(t => t.xaxis).join()"
    assert set(browser.run(axes).split(",")) == {"x"}


def test_a_hostile_name_is_shown_and_not_obeyed(opened, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(small(symbol=HOSTILE, benchmark=HOSTILE, closes=(100.0, 101.0, 110.0, 90.0, 95.0))))
    browser = opened(path)
    assert browser.console == []
    assert browser.requests == [path.as_uri()]
    assert browser.run("document.querySelectorAll('img').length") == 0
    # plotly shows names when one points at the curve
    browser.run("Plotly.Fx.hover('plot-curves', {xval: Date.UTC(2024, 0, 3)}, ['xy'])")
    browser.run("new Promise(done => setTimeout(() => done(1), 400))")
    label = browser.run(
        "[...document.querySelectorAll('#plot-curves .hoverlayer text')].map(t => t.textContent).join('|')"
    )
    assert "<img src=x" in label
    assert "%{y}" in label
    assert (
        browser.run("document.querySelectorAll('.hoverlayer img, .hoverlayer image, .hoverlayer script').length") == 0
    )
    assert browser.console == []


def test_a_script_that_is_not_ours_does_not_run(opened, tmp_path):
    path = tmp_path / "report.html"
    text = render(small())
    path.write_text(
        text.replace("</main>", "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'></main>")
    )
    browser = opened(path)
    assert browser.run("window.ran") is None
    assert any("Content Security Policy" in line for line in browser.console)


def test_a_shared_script_is_found_beside_the_reports_and_missed_in_peace(opened, tmp_path):
    result = small()
    path = write(result.save(tmp_path / "run"), result, shared=True)
    browser = opened(path)
    assert browser.console == []
    assert browser.run(SVG) > 0
    next(tmp_path.glob("plotly-*.js")).unlink()
    alone = opened(path)
    assert alone.run("document.querySelectorAll('.absent:not([hidden])').length") > 0
    assert alone.run("document.querySelectorAll('#metrics .row').length") > 20
