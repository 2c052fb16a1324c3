"""A session that crashes anywhere, however often, ends with the digest of the one that never did; verify says so of both."""

from __future__ import annotations

import random

import pytest

from engine import journal
from engine.live import paper, tape
from tests.live.market import commands, config, messy, noise, play
from tests.promises import note, size

FILE = config(
    signals={"up": {"plugin": "momentum", "lookback": 3, "skip": 0}},
    switches={"max_drawdown": {"at": "2%", "action": "halt", "resume": "4 bars"}},
    exits={"stop_loss": {"atr": 1.5, "window": 4}, "trailing_stop": "5%"},
)


def world(seed, rows=44):
    """A messy market with commands, gaps, late bars, corrections, and slices that come too late to open anything."""
    panel = messy(seed, rows)
    late = frozenset(random.Random(seed).sample(range(10, rows), 3))
    return panel, {"script": commands(seed, panel), "disturbed": noise(seed, panel), "catch_up": late, "every": 9}


def kinds(folder):
    return [row.kind for row in journal.read(folder / "journal")]


@pytest.mark.parametrize("kept", [False, True], ids=["the group is lost", "the disk had part of it"])
def test_a_crash_before_any_row_changes_nothing(tmp_path, kept):
    panel, told = world(1, rows=18)
    whole = play(tmp_path / "whole", FILE, panel, **told)
    count = len(kinds(tmp_path / "whole")) - 1
    assert {tape.COMMAND, tape.GAP, tape.LATE, tape.CORRECTION, tape.ACTION, tape.FILL, tape.INTENT} <= set(
        kinds(tmp_path / "whole")
    )
    for k in range(count):
        folder = tmp_path / f"at{k}"
        session = play(folder, FILE, panel, crashes=[(k, kept)], **told)
        assert session.fold.digest == whole.fold.digest, k
        assert kinds(folder).count(tape.RESTART) == 1, k
        differs = session.fold.digest != whole.fold.digest
        note("same tape", sessions_that_crashed=1, crashes=1, digests_that_differ=differs)


@pytest.mark.parametrize("seed", range(2, 2 + size(6, 100)))
def test_many_crashes_change_nothing_and_verify_agrees(tmp_path, seed):
    panel, told = world(seed)
    whole = play(tmp_path / "whole", FILE, panel, **told)
    rng = random.Random(seed)
    falls = [(rng.randrange(1, 40), rng.random() < 0.5) for _ in range(10)]
    session = play(tmp_path / "broken", FILE, panel, crashes=falls, **told)
    assert session.fold.digest == whole.fold.digest
    restarts = kinds(tmp_path / "broken").count(tape.RESTART)
    assert restarts >= 5
    for folder in ("whole", "broken"):
        found = paper.verify_session(tmp_path / folder)
        assert found.digest == found.backtest == whole.fold.digest.hex()
    assert found.restarts == restarts and found.commands == 8
    differs = found.digest != whole.fold.digest.hex()
    note("same tape", sessions_that_crashed=1, crashes=restarts, digests_that_differ=differs)


class Remembers:
    """A Python strategy with memory: how often it has been asked."""

    def __init__(self):
        self.asked = 0

    def target(self, now):
        self.asked += 1
        import numpy as np

        return np.where((np.arange(len(now.symbols)) + self.asked // 4) % 3 == 0, 0.2, 0.0)


class RemembersAloud(Remembers):
    """The same, with state() and restore()."""

    def state(self):
        return {"asked": self.asked}

    def restore(self, state):
        self.asked = state["asked"]


class Forgets(Remembers):
    """A wrong one: its state leaves out what it remembers."""

    def state(self):
        return {}

    def restore(self, state):
        self.asked = 0


@pytest.mark.parametrize("made", [Remembers, RemembersAloud])
def test_a_python_strategy_s_memory_survives(tmp_path, made):
    panel, told = world(9)
    file = FILE | {"exits": {}}
    whole = play(tmp_path / "whole", file, panel, strategy=made(), **told)
    folder, left = tmp_path / "broken", [(20, False), (30, True), (50, False)]
    while True:
        from tests.live.market import Crash

        try:
            session = one_try(folder, file, panel, left, made(), told)
            break
        except Crash:
            left.pop(0)
    assert session.fold.digest == whole.fold.digest
    assert paper.verify_session(folder, strategy=made).digest == whole.fold.digest.hex()


def one_try(folder, file, panel, left, strategy, told):
    """One process: a fresh strategy object, a crash if any is left."""
    from tests.live.market import Box, Disturbed, open_with

    feed = Disturbed
    feed.noise, feed.catch_up = told["disturbed"], told["catch_up"]
    session = open_with(folder, file, panel, feed, left, Box(told["script"]), told["every"], {"strategy": strategy})
    session.run()
    return session


def test_a_strategy_whose_state_forgets_is_caught(tmp_path):
    from engine.live.refold import DivergedError
    from tests.live.market import Crash

    panel, told = world(9)
    with pytest.raises(Crash):
        one_try(tmp_path / "s", FILE | {"exits": {}}, panel, [(100, True)], Forgets(), told)
    with pytest.raises(DivergedError, match="replay and journal differ"):
        one_try(tmp_path / "s", FILE | {"exits": {}}, panel, [], Forgets(), told)
