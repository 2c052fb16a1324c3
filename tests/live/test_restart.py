"""A restart goes on only with what the session was begun with; everything else is refused, or adopts its account."""

from __future__ import annotations

import numpy as np
import pytest

import engine
from engine import journal, manifest
from engine.errors import ConfigError, JournalError
from engine.live import paper, tape
from engine.live import start as starts
from engine.live.clock import StoppedClock
from tests.live.market import config, messy, play

PLUGIN = """
import numpy as np
class Up:
    window, unit = 2, "return"
    def __init__(self, k=1.0): self.k = k
    def forecast(self, bars): return self.k * (bars.close[-1] / bars.close[-2] - 1.0)
SIGNALS = {"mine_live": Up}
"""


def open_again(folder, file, panel, **more):
    session = paper.open_session(file, folder, panel=panel, clock=StoppedClock(1), **more)
    session.writer.close()


def fresh(rows=50):
    """A market at whose end something is held."""
    return messy(25, rows)


@pytest.fixture
def begun(tmp_path):
    play(tmp_path / "s", config(), fresh())
    return tmp_path / "s", fresh()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"capital": 50_000.0}, "the strategy file changed: config.capital was 100000.0, is 50000.0"),
        ({"exits": {"stop_loss": "7%"}}, "config.exits.stop_loss was 0.06, is 0.07"),
        ({"feed": {"source": "replay", "warm_up": 9}}, "config.feed.warm_up was None, is 9"),
    ],
)
def test_another_file_is_refused(begun, change, said):
    with pytest.raises(ConfigError, match=said):
        open_again(begun[0], config(**change), begun[1])


def test_another_speed_is_no_other_file(begun):
    open_again(begun[0], config(feed={"source": "replay", "speed": 1e9}), begun[1])


def test_other_code_is_refused(begun, monkeypatch):
    monkeypatch.setattr(starts, "code_hash", lambda: "f" * 64)
    with pytest.raises(ConfigError, match=f"the code changed: {manifest.code_hash()[:12]} then, ffffffffffff now"):
        open_again(begun[0], config(), begun[1])


def test_another_model_is_refused(begun, monkeypatch):
    from signals.momentum import Momentum

    monkeypatch.setattr(Momentum, "sha256", "another", raising=False)
    with pytest.raises(ConfigError, match="models changed: signals.up.fingerprint was '', is 'another'"):
        open_again(begun[0], config(), begun[1])


def test_another_plugin_is_refused(tmp_path):
    panel, file = messy(22, 30), config(signals={"up": {"plugin": "mine_live"}})
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    try:
        play(tmp_path / "s", file, panel, plugins=[plugin])
        plugin.write_text(PLUGIN.replace("k=1.0", "k=1.5"))
        with pytest.raises(ConfigError, match=r"plugins changed: plugins.mine.py was"):
            open_again(tmp_path / "s", file, panel, plugins=[plugin])
        with pytest.raises(ConfigError, match=r"begun with plugins mine.py; give the same files"):
            paper.verify_session(tmp_path / "s")
    finally:
        from engine import plugins

        for group in plugins._from_files.values():
            group.clear()


def test_other_instruments_are_refused(begun):
    with pytest.raises(ConfigError, match="the universe changed: its symbols"):
        open_again(begun[0], config(), messy(25, 50, tuple("QRSTUV")))
    one = begun[1].with_steps(0.5, None)
    with pytest.raises(ConfigError, match=r"the universe changed: lot\[0\] is 1.0 and 0.5"):
        open_again(begun[0], config(), one)


def test_a_session_goes_on_where_the_feed_has_more(tmp_path):
    panel = messy(23, 60)
    play(tmp_path / "whole", config(), panel)
    short = panel.cut(end=str(panel.dates()[39]))
    play(tmp_path / "parts", config(), short)
    last = play(tmp_path / "parts", config(), panel)
    assert last.fold.met == 60
    kinds = [row.kind for row in journal.read(tmp_path / "parts" / "journal")]
    assert kinds.count(tape.CLOSE) == 2 and kinds.count(tape.RESTART) == 1
    one, two = (paper.verify_session(tmp_path / name) for name in ("whole", "parts"))
    assert one.slices == two.slices == 60


def test_adopting_begins_with_the_account_of_the_other(begun, tmp_path):
    old, panel = begun
    state = [row for row in journal.read(old / "journal") if row.kind == tape.CHECKPOINT][-1].body["state"]
    changed = config(exits={"stop_loss": "50%"}, feed={"source": "replay", "warm_up": 20})
    session = play(tmp_path / "new", changed, panel, adopt=old)
    adopted = next(row for row in journal.read(tmp_path / "new" / "journal") if row.kind == tape.ADOPTED)
    assert adopted.body["head"] == list(journal.read(old / "journal"))[-1].hash
    np.testing.assert_array_equal(adopted.body["state"]["quantity"], state["account.quantity"])
    np.testing.assert_array_equal(adopted.body["state"]["money"], state["account.money"])
    assert np.any(adopted.body["state"]["quantity"] != 0.0)
    found = paper.verify_session(tmp_path / "new")
    assert found.digest == found.backtest == session.fold.digest.hex() and found.warm_up == 20
    with pytest.raises(JournalError, match="--adopt needs a new place"):
        paper.open_session(config(), old, panel=panel, adopt=tmp_path / "new", clock=StoppedClock(1))


def test_adopting_what_holds_a_name_the_new_one_lacks_is_refused(begun, tmp_path):
    old, panel = begun
    state = [row for row in journal.read(old / "journal") if row.kind == tape.CHECKPOINT][-1].body["state"]
    held = panel.universe.symbols[int(np.flatnonzero(state["account.quantity"])[0])]
    rest = [name for name in panel.universe.symbols if name != held]
    with pytest.raises(ConfigError, match=f"it holds {held}, which the new session does not have"):
        paper.open_session(config(), tmp_path / "new", panel=panel.cut(symbols=rest), adopt=old)


def test_adopting_a_session_that_was_not_closed_is_refused(tmp_path):
    panel = fresh()
    session = paper.open_session(config(), tmp_path / "s", panel=panel, clock=StoppedClock(1))
    session.writer.close()
    with pytest.raises(ConfigError, match="does not end in a close"):
        paper.open_session(config(), tmp_path / "new", panel=panel, adopt=tmp_path / "s")


def test_a_file_without_a_feed_is_told_what_is_missing(tmp_path):
    file = {key: value for key, value in config().items() if key != "feed"}
    with pytest.raises(ConfigError, match=r"a paper session needs one, such as feed: \{source: replay\}"):
        paper.open_session(file, tmp_path / "s", panel=messy(1, 20))


def test_a_backtest_does_not_look_at_the_feed():
    panel = messy(24, 40)
    one = engine.backtest(config(), panel=panel)
    other = engine.backtest({key: value for key, value in config().items() if key != "feed"}, panel=panel)
    assert one.equity.tolist() == other.equity.tolist()


@pytest.mark.parametrize("files", [1, 2])
def test_a_session_that_is_stopped_while_it_waits_for_history_leaves_at_once_and_begins_with_the_next_start(
    tmp_path, files
):
    names, panel = [config(f"small{k}") for k in range(files)], fresh()

    def opened(folder):
        if files == 1:
            return paper.open_session(names[0], folder, panel=panel, clock=StoppedClock(1))
        return paper.open_contest(names, folder, panel=panel, clock=StoppedClock(1))

    waiting = opened(tmp_path / "s")
    feed = waiting.feed if files == 1 else next(iter(waiting.sessions.values())).feed
    feed.warm_up = lambda slices: iter(lambda: None, 0)  # a source that does not answer
    asked = iter([False, False, True])
    assert waiting.run(lambda: next(asked)) == "stopped"
    again, whole = opened(tmp_path / "s"), opened(tmp_path / "whole")
    assert again.run() == whole.run() == "ended"
    digests = [[one.fold.digest for one in (run.sessions.values() if files > 1 else [run])] for run in (again, whole)]
    assert digests[0] == digests[1]
