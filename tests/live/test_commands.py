"""Commands, gaps and catching up act from the next slice on: literal bars, money one can check by hand."""

from __future__ import annotations

import numpy as np
import pytest

import engine
from engine import codes, journal
from engine.errors import ConfigError
from engine.live import paper, tape
from engine.live.clock import StoppedClock
from engine.live.commands import Command
from engine.live.control import CommandBox, answer, post
from engine.live.feed import Gap
from tests.live.market import config, play

DAY = 86_400_000_000_000
START = int(np.datetime64("2024-01-02", "ns").astype(np.int64))


def flat(rows=12, names=("A", "B")):
    """Bars that never move: 10 a share, so that every fill is at 10."""
    grid = np.full((rows, len(names)), 10.0)
    times = START + DAY * np.arange(rows)
    return engine.Panel.from_arrays(names, times, grid, grid, grid, grid, grid * 1e6, calendar="24/7")


class Wants:
    """Half of equity in A from the first slice on."""

    def target(self, now):
        return np.array([0.5, 0.0][: len(now.symbols)])


class Sways:
    """A: nothing on slices 0 to 2, 20 % on 3 to 5, 40 % from 6 on."""

    def target(self, now):
        return np.array([0.0 if now.t < 3 else 0.2 if now.t < 6 else 0.4, 0.0])


FILE = config(signals={}, strategy={"rule": "mine"}, exits={}, execution={}, feed={"source": "replay", "warm_up": 0})
FILE["strategy"] = {"rule": "orders", "path": "none.csv"}


def fills(folder):
    """(slice, symbol, quantity) of every fill, in order."""
    names = ("A", "B")
    out = []
    for row in journal.read(folder / "journal"):
        if row.kind == tape.FILL:
            told = zip(row.body["instrument"].tolist(), row.body["quantity"].tolist(), strict=True)
            out += [(row.body["t"], names[i], quantity) for i, quantity in told]
    return out


def told(tmp_path, script, made=Wants, panel=None, **more):
    """The fills of a session under commands; verify must agree with it."""
    session = play(tmp_path / "s", FILE, panel or flat(), script=script, strategy=made(), **more)
    found = paper.verify_session(tmp_path / "s", strategy=made)
    assert found.digest == found.backtest == session.fold.digest.hex()
    return fills(tmp_path / "s"), session


def test_without_commands_it_buys_on_the_second_slice(tmp_path):
    assert told(tmp_path, {})[0] == [(1, "A", 5000.0)]


def test_a_pause_drops_the_entry_that_waits_and_resume_lets_it_come(tmp_path):
    script = {1: [Command("pause", "1")], 5: [Command("resume", "2", reason="seen")]}
    got, session = told(tmp_path, script)
    assert got == [(6, "A", 5000.0)]
    assert session.fold.standing.words(0, 0) == []


def test_a_pause_lets_positions_shrink(tmp_path):
    class Shrinks:
        def target(self, now):
            return np.array([0.5 if now.t < 4 else 0.2, 0.0])

    assert told(tmp_path, {3: [Command("pause", "1")]}, Shrinks)[0] == [(1, "A", 5000.0), (5, "A", -3000.0)]


def test_exit_sells_once_and_the_strategy_may_buy_again(tmp_path):
    assert told(tmp_path, {4: [Command("exit", "1", "A")]})[0] == [
        (1, "A", 5000.0),
        (5, "A", -5000.0),
        (6, "A", 5000.0),
    ]


def test_exit_with_a_lock_stays_out_until_the_lock_ends(tmp_path):
    until = START + 8 * DAY
    script = {4: [Command("exit", "1", "A"), Command("lock", "2", "A", until)]}
    assert told(tmp_path, script)[0] == [(1, "A", 5000.0), (5, "A", -5000.0), (10, "A", 5000.0)]


def test_a_lock_lets_a_position_be_but_not_grow(tmp_path):
    script = {5: [Command("lock", "1", "A", START + 7 * DAY)]}
    got, session = told(tmp_path, script, Sways)
    assert got == [(4, "A", 2000.0), (9, "A", 2000.0)]
    decisions = session.fold.engine.codes[6, 0] & codes.DECISION_MASK
    assert decisions == codes.HALTED


def test_unlock_ends_a_lock(tmp_path):
    script = {2: [Command("lock", "1", "A", START + 99 * DAY)], 8: [Command("unlock", "2", "A")]}
    assert told(tmp_path, script, Sways)[0] == [(9, "A", 4000.0)]


def test_kill_drops_what_waits_and_keeps_what_is_held(tmp_path):
    got, session = told(tmp_path, {4: [Command("kill", "1")]}, Sways)
    assert got == []  # the order decided on slice 3 would have met slice 4
    assert session.fold.standing.words(12, 0) == ["killed"]


def test_kill_with_flatten_sells_at_the_next_open_and_stays_out(tmp_path):
    script = {6: [Command("kill", "1", flatten=True)]}
    assert told(tmp_path, script, Sways)[0] == [(4, "A", 2000.0), (7, "A", -2000.0)]


def test_only_resume_undoes_a_kill(tmp_path):
    script = {
        1: [Command("kill", "1")],
        3: [Command("unlock", "2", "A")],
        6: [Command("resume", "3", reason="all clear")],
    }
    assert told(tmp_path, script)[0] == [(7, "A", 5000.0)]


def test_a_gap_blocks_its_names_until_windows_are_warm(tmp_path):
    file = FILE | {
        "signals": {"up": {"plugin": "momentum", "lookback": 2, "skip": 0}},
        "strategy": {"rule": "threshold", "signal": "up", "confidence": 0.0, "size": "50%", "max_positions": 1},
    }
    gap = {4: [Gap(START + 2 * DAY, START + 4 * DAY, np.array([0]), "no answer")]}
    only = flat(rows=14, names=("A",))
    lone = play(tmp_path / "t", file, only, disturbed=gap, script={2: [Command("lock", "1", "A", START + 3 * DAY)]})
    # the gap before slice 4 blocks slices 4, 5 and 6: the window has 3 slices
    assert fills(tmp_path / "t") == [(8, "A", 5000.0)]
    assert paper.verify_session(tmp_path / "t").digest == lone.fold.digest.hex()


def test_slices_that_come_too_late_open_nothing(tmp_path):
    got, _ = told(tmp_path, {}, catch_up=frozenset({0, 1, 2, 3}))
    assert got == [(5, "A", 5000.0)]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Command("exit", "k", "Z"), "'Z' is not in this session"),
        (Command("resume", "k"), "say why with --reason"),
        (Command("restart", "k"), "expected one of pause"),
    ],
)
def test_a_command_that_cannot_be_carried_out_is_refused(tmp_path, command, said):
    with pytest.raises(ConfigError, match=said):
        command.check(("A", "B"))
    clock = StoppedClock(5)
    key = post(tmp_path, command, clock)
    assert CommandBox(tmp_path).waiting(("A", "B")) == []
    assert said in answer(tmp_path, key, clock, 0.0)


def test_a_file_of_nonsense_is_put_aside(tmp_path):
    box = CommandBox(tmp_path)
    (box.folder / "1.json").write_text("{not json")
    (box.folder / "2.json").write_text('{"name": "pause", "surprise": 1}')
    (box.folder / ".3.new").write_text("half")
    assert box.waiting(("A",)) == []
    assert sorted(p.name for p in box.folder.glob("*.refused")) == ["1.refused", "2.refused"]


def test_a_command_heard_twice_acts_once(tmp_path):
    class Deaf(CommandBox):
        def done(self, key):
            """The crash came before the file was removed."""

    session = paper.open_session(FILE, tmp_path / "s", panel=flat(), strategy=Wants(), clock=StoppedClock(1))
    post(tmp_path / "s", Command("exit", "", "A"), StoppedClock(7))
    session.box = Deaf(tmp_path / "s")
    session.run()
    commands = [row for row in journal.read(tmp_path / "s" / "journal") if row.kind == tape.COMMAND]
    assert len(commands) == 1
    again = paper.open_session(FILE, tmp_path / "s", panel=flat(14), strategy=Wants(), clock=StoppedClock(1))
    again.run()
    commands = [row for row in journal.read(tmp_path / "s" / "journal") if row.kind == tape.COMMAND]
    assert len(commands) == 1 and not list((tmp_path / "s" / "commands").glob("*.json"))


def test_a_command_left_while_nothing_runs_is_heard_by_the_next_start(tmp_path):
    paper.open_session(FILE, tmp_path / "s", panel=flat(5), strategy=Wants(), clock=StoppedClock(1)).run()
    clock = StoppedClock(9)
    key = post(tmp_path / "s", Command("kill", "", flatten=True), clock)
    assert answer(tmp_path / "s", key, clock, 0.0) == "waits"
    paper.open_session(FILE, tmp_path / "s", panel=flat(9), strategy=Wants(), clock=StoppedClock(1)).run()
    assert answer(tmp_path / "s", key, clock, 0.0) == "journaled"
    assert fills(tmp_path / "s") == [(1, "A", 5000.0), (6, "A", -5000.0)]
