"""Processes that run out of handles or memory, and models that are gone, damaged, slow, or know nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import journal
from engine import plugins as registry
from engine.errors import BarcastError, ConfigError
from engine.feeds.assembler import Rules
from engine.feeds.facts import SECOND
from engine.feeds.schedule import MINUTE_NS, Schedule
from engine.live import paper, tape
from engine.live.beginning import begin
from engine.live.clock import StoppedClock
from engine.panel import Panel
from engine.run import load_config, make_signals
from tests.feeds.recorded import RecordedFeed
from tests.live.killing import PLUGIN, model
from tests.live.market import ROOT, config, messy, play
from tests.promises import note

ENDS = {
    "handles": "Too many open files",
    "memory": "Unable to allocate 2.00 GiB",
    "room": "could not be written (File too large)",
}


@pytest.fixture
def kept(tmp_path):
    """The plugin whose model is a file, and the file of a session that uses it."""
    plugin = tmp_path / "kept.py"
    plugin.write_text(PLUGIN)
    path = model(tmp_path, "model", 2, 1.0)
    yield plugin, path, config(signals={"up": {"plugin": "kept", "model": str(path)}})
    for group in registry._from_files.values():
        group.clear()


def test_a_session_that_runs_out_of_handles_memory_or_room_goes_on_after_a_restart_with_the_same_digest(tmp_path):
    command = [sys.executable, "-m", "tests.live.ending", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    code, digest = told["whole"]
    assert code == 0 and len(digest) == 64
    for name, said in ENDS.items():
        first, second = told[name]
        assert first[0] == 1 and said in first[1], first
        assert second == [0, digest] and told[f"{name} verified"] == digest
    note("disk", real_disks_full_or_limited=1)
    differ = sum(told[name][1][1] != digest for name in ENDS)
    note("same tape", sessions_that_crashed=len(ENDS), crashes=len(ENDS), digests_that_differ=differ)


def test_a_model_that_is_gone_or_damaged_is_refused_in_one_line_and_one_that_gives_nan_has_no_view(tmp_path, kept):
    plugin, path, file = kept
    play(tmp_path / "s", file, messy(5, 30), plugins=[plugin])
    good = path.read_text()
    for damage in (good.replace("1.0", "1.5"), None, "{", ""):
        path.unlink() if damage is None else path.write_text(damage)
        with pytest.raises((BarcastError, OSError, ValueError)) as told:
            paper.open_session(file, tmp_path / "s", panel=messy(5, 40), plugins=[plugin], clock=StoppedClock(1))
        assert "\n" not in str(told.value), damage
        path.write_text(good)
    path.write_text(good.replace("1.0", "1.5"))
    with pytest.raises(ConfigError, match="models changed: signals.up.fingerprint"):
        paper.open_session(file, tmp_path / "s", panel=messy(5, 40), plugins=[plugin], clock=StoppedClock(1))
    path.write_text(good)
    play(tmp_path / "s", file, messy(5, 40), plugins=[plugin])  # with its model back it goes on
    nothing = model(tmp_path, "nan", 2, "NaN")
    session = play(
        tmp_path / "n",
        config(signals={"up": {"plugin": "kept", "model": str(nothing)}}),
        messy(5, 30),
        plugins=[plugin],
    )
    rows = list(journal.read(session.folder / tape.JOURNAL))
    assert all(np.isnan(row.body["values"]).all() for row in rows if row.kind == tape.FORECASTS)
    assert not [row for row in rows if row.kind in (tape.INTENT, tape.FILL)]


class Slow:
    """A signal whose tenth forecast takes five minutes of the feed's time."""

    window, unit = 2, "return"

    def __init__(self, feed: RecordedFeed, seconds: int) -> None:
        self.feed, self.seconds, self.asked = feed, seconds, 0

    def forecast(self, bars):
        self.asked += 1
        if self.asked == 10:
            self.feed.clock.at += self.seconds * SECOND
        return bars.close[-1] / bars.close[-2] - 1.0


@pytest.mark.parametrize(("seconds", "late"), [(0, 0), (300, 4)])
def test_slices_that_came_while_a_forecast_took_minutes_open_nothing(tmp_path: Path, seconds, late):
    close = np.repeat((100.0 * 1.01 ** np.arange(30))[:, None], 2, axis=1)
    times = np.datetime64("2024-01-01", "ns").astype(np.int64) + MINUTE_NS * np.arange(1, 31)
    panel = Panel.from_arrays(("A", "B"), times, close, close, close, close, close * 1e4, calendar="24/7")
    file = load_config(config(signals={"up": {"plugin": "momentum", "lookback": 1, "skip": 0}}))
    feed = RecordedFeed(panel, Schedule(MINUTE_NS, None), 1, Rules(window=2))
    session = begin(tmp_path / "s", file, feed, make_signals(file) | {"up": Slow(feed, seconds)}, clock=StoppedClock(1))
    session.run()
    flags = [row.body["flags"][3] for row in journal.read(tmp_path / "s" / tape.JOURNAL) if row.kind == tape.SLICE]
    assert sum(flags) == late and not flags[-1] and len(flags) == 29
