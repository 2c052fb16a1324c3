"""A session decides on what no model has seen, or not at all."""

from __future__ import annotations

import pytest

from engine import plugins as registry
from engine.errors import DataError
from engine.live import paper
from tests.live.market import config, messy, play

PLUGIN = """
class Knows:
    window, unit, sha256 = 2, "return", "abc"
    def __init__(self, until): self.known_through = until
    def forecast(self, bars): return bars.close[-1] / bars.close[-2] - 1.0
SIGNALS = {"knows": Knows}
"""


@pytest.fixture
def plugin(tmp_path):
    file = tmp_path / "knows.py"
    file.write_text(PLUGIN)
    yield [file]
    for group in registry._from_files.values():
        group.clear()


def test_a_session_at_what_the_model_knows_is_refused_and_one_after_it_runs(tmp_path, plugin):
    panel = messy(3, 40)
    until = int(panel.times[20])
    file = config(signals={"up": {"plugin": "knows", "until": until}})
    with pytest.raises(DataError, match=r"signals\.up: the model knows until .* Begin it later"):
        play(tmp_path / "early", file | {"feed": {"source": "replay", "warm_up": 10}}, panel, plugins=plugin)
    play(tmp_path / "late", file | {"feed": {"source": "replay", "warm_up": 21}}, panel, plugins=plugin)
    assert paper.verify_session(tmp_path / "late", plugins=plugin)


def test_the_first_row_holds_what_the_model_is(tmp_path, plugin):
    from engine import journal
    from engine.live import tape

    panel = messy(3, 40)
    file = config(signals={"up": {"plugin": "knows", "until": int(panel.times[0])}})
    play(tmp_path / "s", file, panel, plugins=plugin)
    start = next(iter(journal.read(tmp_path / "s" / tape.JOURNAL))).body
    assert start["signals"] == {"up": {"unit": "return", "window": 2, "fingerprint": "abc"}}
