"""The panel of the models in use: what it says, that nothing in it is obeyed, and that it fits every window."""

from __future__ import annotations

import re

import numpy as np
import pytest

from engine import plugins as registry
from engine.live import paper
from engine.live.clock import StoppedClock, SystemClock
from engine.web.parts import environment
from engine.web.serve import opened
from tests.live.market import config
from tests.live.test_alarms import PANEL, PLUGIN, model
from tests.report.browser import Browser, find
from tests.web.test_browser import LINK, WIDE, Address, until
from tests.web.test_parts import EVIL, text

ODDS = """
class Odds(Volumes):
    unit = "probability"
    def forecast(self, bars): return 1 / (1 + np.exp(-Volumes.forecast(self, bars)))
SIGNALS["odds"] = Odds
"""


@pytest.fixture
def begun(tmp_path):
    """A session of a signal whose sign is flipped; its probabilities boast, and its model is old and has an odd name."""
    plugin = tmp_path / "odds.py"
    plugin.write_text(PLUGIN + ODDS)
    reference = {"id": EVIL, "target": "up", "brier": [0.243, 0.25], "forecast": None, "since": 0, "cadence": 1}
    place = model(tmp_path, "odds", sign=-1.0, **reference)
    file = config(
        signals={"up": {"plugin": "odds", "model": str(place)}},
        strategy={"rule": "threshold", "signal": "up", "confidence": 0.6, "size": "10%"},
    )
    yield paper.open_session(file, tmp_path / "s", panel=PANEL, clock=StoppedClock(1), plugins=[plugin])
    for group in registry._from_files.values():
        group.clear()


def test_it_says_what_was_promised_what_came_and_what_stands(begun):
    with opened(begun, StoppedClock(1)) as page:
        begun.run(show=page.show)
        page.last(begun)
        told = re.sub(r"\s+", " ", text(page, "models"))
        html = page.showing.pump().parts["models"]
    assert re.search(r"up: rank IC −0\.\d+ since its model began, 0\.2449 was promised", told)
    assert "up: its probabilities do worse than always saying how often it happens" in told
    assert "none was tried for longer than 0" in told
    assert "no reference: the passport keeps no reference" in told and "probability · <img src=x" in told
    assert re.search(r"Rank IC −0\.\d+ \(−0\.\d+ to −0\.\d+\): worse than promised; validation promised 0\.2449", told)
    assert "promised 0.2430 against 0.2500" in told and "Probabilities and how often it happened" in told
    assert "How forecasts are spread Of Mean Deviation 5% 25% 50% 75% 95% since it began" in told
    assert "<img" not in html and "nan" not in told.lower()
    assert "alarm: up: rank IC" in text(page, "log")


def test_without_alarms_or_signals_it_says_so():
    module = environment().get_template("parts.html").module
    assert "no alarm stands" in str(module.models({"alarms": [], "signals": []}))
    assert "no signal is in use" in str(module.models({"alarms": [], "signals": []}))


@pytest.mark.skipif(find() is None, reason="no Chromium here: apt-get install chromium")
def test_it_fits_every_window_and_has_names_and_the_console_stays_empty(begun):
    browser = Browser(find())
    try:
        with opened(begun, SystemClock()) as page:
            begun._warm_up()
            for arrival in begun.feed.arrivals(begun.resume()):
                begun.take(arrival)
            page.last(begun)
            browser.open(Address(page.address), settle=0.5)
            rows = "document.querySelectorAll('[data-part=models] .alarms li').length"
            assert until(browser, rows, 3) == 3
            for width in (1440, 390, 320):
                browser.size(width, 900)
                browser.run("new Promise(done => setTimeout(() => done(1), 200))")
                assert browser.run(WIDE) == 0
            assert browser.run("document.querySelector('#models-title').textContent") == "Models in use"
            assert browser.run("document.querySelectorAll('[data-part=models] ul:not([aria-label])').length") == 0
            assert browser.run("document.querySelectorAll('[data-part=models] .scroll:not([aria-label])').length") == 0
            assert browser.console == []
            assert browser.run(LINK) != "not connected"
        begun.writer.close()
    finally:
        browser.close()


def test_the_deviation_of_what_is_shown_is_that_of_the_forecasts(begun):
    begun.run()
    (one,) = begun.alarms.signals()
    said = 1.0 / (1.0 + np.exp(np.log(PANEL.volume / 1e6)))
    assert one["forecasts"]["sd"] == pytest.approx(said.std()) and one["forecasts"]["mean"] == pytest.approx(
        said.mean()
    )
