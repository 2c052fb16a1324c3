"""Hand-over: a new model from the next slice on, on the tape, through crashes; and the models that are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine import journal
from engine import plugins as registry
from engine.errors import ConfigError
from engine.live import paper, tape
from engine.live.commands import Command
from tests.live.market import Box, config, messy, play

PLUGIN = """
import hashlib, json
from pathlib import Path
class Kept:
    paths = ("model",)
    def __init__(self, model):
        text = Path(model).read_text()
        told = json.loads(text)
        self.unit, self.window, self.k = told.get("unit", "return"), told.get("window", 2), told["k"]
        self.label, self.known_through = told.get("label", "open_to_open"), told.get("known_through")
        self.sha256 = "" if told.get("anonymous") else hashlib.sha256(text.encode()).hexdigest()
    def forecast(self, bars): return self.k * (bars.close[-1] / bars.close[-2] - 1.0)
class Bare:
    window, unit = 2, "return"
    def forecast(self, bars): return bars.close[-1] / bars.close[-2] - 1.0
SIGNALS = {"kept": Kept, "bare": Bare}
"""
PANEL = messy(3, 40)
AT = 20  # the slice from which the new model speaks


@pytest.fixture
def world(tmp_path):
    """A plugin that reads its model from a file, and the file of a session that uses it."""
    plugin = tmp_path / "kept.py"
    plugin.write_text(PLUGIN)
    old = model(tmp_path, "old", k=1.0, known_through=0)
    file = config(signals={"up": {"plugin": "kept", "model": str(old)}}, feed={"source": "replay", "warm_up": 5})
    yield tmp_path, file, {"plugins": [plugin], "every": 7}
    for group in registry._from_files.values():
        group.clear()


def model(folder, name, **told):
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"known_through": int(PANEL.times[AT - 1])} | told))
    return path


def handing(path, at=AT, key="h1", signal="up"):
    return {at: [Command("hand-over", key, signal=signal, model=str(path), reason="newer")]}


def rows(folder, kind=None):
    return [row for row in journal.read(folder / tape.JOURNAL) if kind is None or row.kind == kind]


def test_the_new_model_speaks_from_the_next_slice_on_and_its_row_names_both(world):
    place, file, told = world
    new = model(place, "new", k=-2.0)
    play(place / "s", file, PANEL, script=handing(new), **told)
    play(place / "alone", file, PANEL, **told)
    (row,) = rows(place / "s", tape.HAND_OVER)
    first = rows(place / "s", tape.START)[0].body["signals"]["up"]["fingerprint"]
    assert (row.body["t"], row.body["signal"], row.body["model"]) == (AT, "up", str(new))
    assert (row.body["was_model"], row.body["was"]) == (str(place / "old.json"), first)
    assert row.body["fingerprint"] != first and row.body["known_through"] == int(PANEL.times[AT - 1])
    mine, theirs = (np.array([r.body["values"] for r in rows(place / f, tape.FORECASTS)]) for f in ("s", "alone"))
    assert np.array_equal(mine[:AT], theirs[:AT], equal_nan=True)
    assert np.allclose(mine[AT:], -2.0 * theirs[AT:], equal_nan=True) and np.nanmax(np.abs(theirs[AT:])) > 0.0
    found = paper.verify_session(place / "s", plugins=told["plugins"])
    assert (found.hand_overs, found.asked_again, found.largest, found.flips) == (1, True, 0.0, 0)


@pytest.mark.parametrize("kept", [False, True], ids=["the group is lost", "the disk had part of it"])
def test_a_crash_before_any_row_around_the_hand_over_changes_nothing(world, kept):
    place, file, told = world
    script = handing(model(place, "new", k=-2.0))
    whole = play(place / "whole", file, PANEL, script=script, **told)
    at = next(row.seq for row in rows(place / "whole") if row.kind == tape.HAND_OVER)
    for k in range(at - 6, at + 8):
        session = play(place / f"at{k}", file, PANEL, script=script, crashes=[(k, kept)], **told)
        assert session.fold.digest == whole.fold.digest, k
        assert len(rows(place / f"at{k}", tape.RESTART)) == len(rows(place / f"at{k}", tape.HAND_OVER)) == 1, k


def test_several_crashes_around_two_hand_overs_change_nothing_and_verify_agrees(world):
    place, file, told = world
    script = handing(model(place, "new", k=-2.0)) | handing(model(place, "third", k=0.5), 27, "h2")
    whole = play(place / "whole", file, PANEL, script=script, **told)
    at = next(row.seq for row in rows(place / "whole") if row.kind == tape.HAND_OVER)
    falls = [(at, False), (0, True), (1, True), (2, False), (9, True), (20, False), (14, True)]
    session = play(place / "s", file, PANEL, script=script, crashes=falls, **told)
    assert len(rows(place / "s", tape.RESTART)) >= 5 and len(rows(place / "s", tape.HAND_OVER)) == 2
    assert session.fold.digest == whole.fold.digest
    found = paper.verify_session(place / "s", plugins=told["plugins"])
    assert (found.digest, found.hand_overs, found.largest) == (whole.fold.digest.hex(), 2, 0.0)


def refused(world, path, signal="up"):
    """Why a hand-over was refused; the session goes on as if nobody had asked."""
    place, file, told = world
    whole = play(place / "alone", file, PANEL, **told)
    said = []
    before = Box.refuse if hasattr(Box, "refuse") else None
    Box.refuse = lambda self, key, why: (said.append(why), self.done(key))
    try:
        session = play(place / "s", file, PANEL, script=handing(path, signal=signal), **told)
    finally:
        if before is None:
            del Box.refuse
    assert session.fold.digest == whole.fold.digest and not rows(place / "s", tape.HAND_OVER)
    (why,) = said
    return why


WRONG = {
    "the next slice itself": ({"known_through": int(PANEL.times[AT])}, "the model knows until .* the next slice is of"),
    "what comes after it": ({"known_through": int(PANEL.times[AT + 5])}, "the model knows until"),
    "nobody knows what": ({"known_through": None}, "does not say what it knows"),
    "another unit": ({"unit": "score"}, "its unit is 'score', that of the model in use 'return'; another unit needs"),
    "another window": ({"window": 3}, "its window is 3, that of the model in use 2"),
    "another label": ({"label": "close_to_close"}, "its label is 'close_to_close'"),
    "no fingerprint": ({"anonymous": True}, "has no fingerprint"),
    "the model in use": ({"k": 1.0, "known_through": 0}, "is the model in use"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_model_that_may_not_take_over_is_refused(world, case):
    change, said = WRONG[case]
    path = world[0] / "old.json" if case == "the model in use" else model(world[0], "new", **{"k": 2.0} | change)
    why = refused(world, path)
    import re

    assert re.search(said, why), why


def test_an_unknown_signal_and_a_model_that_is_not_there_are_refused(world):
    assert "no signal is called 'down'; expected one of up" in refused(world, model(world[0], "new", k=2.0), "down")


def test_a_model_that_is_not_there_is_refused(world):
    assert "gone is not there; give the new model's folder" in refused(world, world[0] / "gone")


def test_a_signal_without_a_model_has_none_to_hand_over(world):
    world[1]["signals"] = {"up": {"plugin": "bare"}}
    assert "bare reads no model folder" in refused(world, model(world[0], "new", k=2.0))


def test_a_model_that_was_replaced_after_its_hand_over_is_refused_by_restart_and_verify(world):
    place, file, told = world
    new = model(place, "new", k=-2.0)
    play(place / "s", file, PANEL, script=handing(new), **told)
    model(place, "new", k=-3.0)
    with pytest.raises(ConfigError, match="was handed over; put that model back"):
        play(place / "s", file, PANEL, **told)
    with pytest.raises(ConfigError, match="was handed over; put that model back"):
        paper.verify_session(place / "s", plugins=told["plugins"])


def test_the_command_waits_for_a_session_that_does_not_run_and_acts_on_its_next_slice(world):
    from typer.testing import CliRunner

    from engine.cli import app
    from engine.live import paper as papers
    from engine.live.clock import StoppedClock

    place, file, told = world
    new = model(place, "new", k=-2.0)
    first = papers.open_session(file, place / "s", panel=PANEL, clock=StoppedClock(1), plugins=told["plugins"])
    first.run(stop=lambda: first.fold.met >= AT)
    words = ["hand-over", str(place / "s"), "up", str(new), "--reason", "newer", "--wait", "0"]
    said = CliRunner().invoke(app, words, catch_exceptions=False)
    assert said.exit_code == 0 and "It acts once the session runs" in said.output
    again = papers.open_session(file, place / "s", panel=PANEL, clock=StoppedClock(1), plugins=told["plugins"])
    again.run()
    (row,) = rows(place / "s", tape.HAND_OVER)
    assert (row.body["t"], row.body["model"], row.body["reason"]) == (AT, str(new), "newer")
    assert papers.verify_session(place / "s", plugins=told["plugins"]).largest == 0.0


def test_a_hand_over_without_its_words_is_refused():
    with pytest.raises(ConfigError, match="say which signal, and the folder of its new model"):
        Command("hand-over", "k", signal="up").check(("A",))


def test_a_hand_over_row_that_stands_before_another_slice_is_caught(world):
    from engine.live.refold import DivergedError, Refold
    from engine.live.verify import TapeOf

    place, file, told = world
    session = play(place / "s", file, PANEL, script=handing(model(place, "new", k=-2.0)), **told)
    (row,) = rows(place / "s", tape.HAND_OVER)
    assert list(TapeOf(place / "s").handed) == [AT]
    with pytest.raises(DivergedError, match=f"a hand-over for slice {AT} stands before slice {session.fold.met}"):
        Refold(session.fold).run([row])
