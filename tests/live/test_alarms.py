"""Alarms are notes on the tape: deterministic, raised once, gone on with after a crash, and without any say in what is decided."""

from __future__ import annotations

import json
from unittest import mock

import numpy as np
import pytest

import engine
from engine import journal
from engine import plugins as registry
from engine.inuse.watch import Watch
from engine.live import paper, tape
from engine.live.alarms import SWITCHES, alarm_of, overdue
from engine.live.clock import StoppedClock
from engine.live.commands import Command
from engine.live.feed import Gap, Late
from engine.live.status import lines_of, status_now
from engine.live.verify import Certificate
from tests.inuse.worlds import drawn, opens, told_of
from tests.live.market import backtest_digest, config, play

NAMES = tuple(f"S{i}" for i in range(8))
SLICES = 90
DAY = 86_400_000_000_000
PLUGIN = """
import hashlib, json
import numpy as np
from pathlib import Path
class Volumes:
    '''Reads its forecasts off the volumes, times `sign`, plus `shift` from slice `late` on.'''
    paths = ("model",)
    window, unit, label, horizon = 1, "return", "open_to_open", 1
    def __init__(self, model):
        text = Path(model).read_text()
        self.told = json.loads(text)
        self.known_through = self.told["known_through"]
        self.sha256 = hashlib.sha256(text.encode()).hexdigest()
    def reference(self, time): return self.told["reference"]
    def forecast(self, bars):
        late = bars.times[-1] >= self.told["late"]
        return self.told["sign"] * np.log(bars.volume[-1] / 1e6) + self.told["shift"] * late
SIGNALS = {"volumes": Volumes}
"""


def market(seed=1, slices=SLICES):
    """Volumes that foretell the return from the next open on."""
    rng = np.random.default_rng(seed)
    f, y = drawn(rng, slices, len(NAMES))
    prices = opens(y)[:slices]
    times = np.datetime64("2020-01-01", "ns").astype(np.int64) + DAY * np.arange(1, slices + 1)
    grid = [prices] * 4
    return engine.Panel.from_arrays(NAMES, times, *grid, 1e6 * np.exp(f), calendar="24/7")


PANEL = market()
TOLD = told_of(*drawn(np.random.default_rng(2), 250, len(NAMES)))


def model(folder, name, sign=1.0, shift=0.0, late=0, known=0, **reference):
    place = folder / f"{name}.json"
    told = {
        "sign": sign,
        "shift": shift,
        "late": late,
        "known_through": known,
        "reference": TOLD | {"id": name} | reference,
    }
    place.write_text(json.dumps(told))
    return place


@pytest.fixture
def world(tmp_path):
    plugin = tmp_path / "volumes.py"
    plugin.write_text(PLUGIN)

    def file(place, **more):
        signals = {"up": {"plugin": "volumes", "model": str(place)}}
        quintile = {"rule": "quintile", "signal": "up", "quantile": "25%", "side": "long"}
        return config(signals=signals, strategy=quintile, exits={}, **more)

    yield tmp_path, file, {"plugins": [plugin], "every": 20}
    for group in registry._from_files.values():
        group.clear()


def alarms(folder):
    rows = (row.body for row in journal.read(folder / tape.JOURNAL) if row.kind == tape.ALARM)
    return [(row["alarm"], row["raised"], row["t"]) for row in rows]


def test_a_sound_model_raises_no_alarm(world):
    place, file, told = world
    session = play(place / "s", file(model(place, "good")), PANEL, **told)
    assert alarms(place / "s") == [] and session.alarms.told() == []
    (one,) = session.alarms.signals()
    assert one["drift"]["state"] == "no drift seen" and one["skill"]["verdict"] in ("as promised", "too early to tell")


def test_a_broken_model_is_noted_once_and_verify_still_gives_every_row(world):
    place, file, told = world
    session = play(place / "s", file(model(place, "flipped", sign=-1.0)), PANEL, **told)
    assert [alarm[:2] for alarm in alarms(place / "s")] == [("skill up", True)]
    found: Certificate = paper.verify_session(place / "s", plugins=told["plugins"])
    assert found.digest == session.fold.digest.hex() and found.largest == 0.0 and found.complete
    assert backtest_digest(file(place / "flipped.json"), PANEL) == found.digest
    assert [row["alarm"] for row in session.alarms.told()] == ["skill up"]


def test_a_drift_is_noted_at_a_look_after_it_set_in(world):
    place, file, told = world
    late = model(place, "moved", shift=1.5, late=int(PANEL.times[30]))
    play(place / "s", file(late), PANEL, **told)
    ((name, raised, t),) = alarms(place / "s")
    assert (name, raised) == ("drift up", True) and t + 1 in (40, 49, 62, 77)  # a look after slice 30


def test_nothing_that_is_decided_knows_of_alarms(world):
    place, file, told = world
    bad = file(model(place, "flipped", sign=-1.0))
    with_, without = place / "with", place / "without"
    one = play(with_, bad, PANEL, **told)
    with mock.patch.object(Watch, "conditions", return_value={}):
        two = play(without, bad, PANEL, **told)
    assert alarms(with_) and not alarms(without)
    assert one.fold.digest == two.fold.digest and one.writer.head != two.writer.head
    decided = [[row.body for row in journal.read(f / "journal") if row.kind == tape.DECISION] for f in (with_, without)]
    assert decided[0] == decided[1]


def test_the_same_tape_gives_the_same_head_alarms_and_all(world):
    place, file, told = world
    bad = file(model(place, "flipped", sign=-1.0))
    heads = {play(place / name, bad, PANEL, **told).writer.head for name in ("one", "two")}
    assert len(heads) == 1


@pytest.mark.parametrize("kept", [False, True])
def test_an_alarm_that_a_crash_cut_off_is_raised_by_the_next_start(world, kept):
    place, file, told = world
    bad = file(model(place, "flipped", sign=-1.0))
    whole = play(place / "whole", bad, PANEL, **told)
    rows = [row.kind for row in journal.read(place / "whole" / tape.JOURNAL)]
    at = rows.index(tape.ALARM) - 1  # appends before the alarm's own, the start row left out
    for k in (at - 2, at - 1, at, at + 1):
        again = play(place / f"s{k}", bad, PANEL, crashes=[(k, kept)], **told)
        assert alarms(place / f"s{k}") == alarms(place / "whole")
        assert again.fold.digest == whole.fold.digest and again.alarms.crashed
        assert paper.verify_session(place / f"s{k}", plugins=told["plugins"]).complete


def test_a_new_model_is_counted_anew_and_its_alarms_are_over(world):
    place, file, told = world
    bad, good = model(place, "flipped", sign=-1.0), model(place, "good", known=int(PANEL.times[49]))
    script = {50: [Command("hand-over", "h", signal="up", model=str(good))]}
    session = play(place / "s", file(bad), PANEL, script=script, **told)
    noted = alarms(place / "s")
    assert [alarm[:2] for alarm in noted] == [("skill up", True), ("skill up", False)] and noted[1][2] == 50
    (one,) = session.alarms.signals()
    assert one["model"] == "good" and one["slices"] == SLICES - 50 and session.alarms.told() == []
    restarted = play(place / "s2", file(bad), PANEL, script=script, crashes=[(400, True)], **told)
    assert restarted.alarms.signals() == session.alarms.signals()


def test_a_switch_that_trips_is_an_alarm_until_it_lets_go(world):
    place, file, told = world
    falls = PANEL.close.copy()
    falls[60:70] *= np.linspace(0.97, 0.7, 10)[:, None]
    falls[70:] *= 0.7
    panel = engine.Panel.from_arrays(NAMES, PANEL.times, falls, falls, falls, falls, PANEL.volume, calendar="24/7")
    switches = {"daily_loss": {"at": "2%", "action": "halt", "resume": "5 bars"}}
    session = play(place / "s", file(model(place, "good"), switches=switches), panel, **told)
    noted = [alarm for alarm in alarms(place / "s") if alarm[0] == "switch daily_loss"]
    assert noted[0][1:] in ((True, t) for t in range(58, 66)) and noted[1][1] is False
    assert paper.verify_session(place / "s", plugins=told["plugins"]).digest == session.fold.digest.hex()


def test_switches_are_in_the_order_of_their_state():
    from engine.web import words

    assert tuple(words.SWITCHES) == SWITCHES


def test_a_watch_that_fails_is_said_once_and_the_session_goes_on(world):
    place, file, told = world
    good, said = file(model(place, "good")), []

    def broken(self, *rest):
        raise ZeroDivisionError("no luck")

    with mock.patch.object(Watch, "_forecast", broken):
        session = paper.open_session(good, place / "s", panel=PANEL, clock=StoppedClock(1), plugins=told["plugins"])
        session.log = lambda level, text: said.append((level, text))
        session.run()
    warnings = [text for level, text in said if level == "WARNING"]
    assert warnings == ["the watch over the signals has failed and is off: ZeroDivisionError: no luck"]
    assert session.alarms.signals() == [] and backtest_digest(good, PANEL) == session.fold.digest.hex()


def test_a_reference_that_raises_stops_nothing(world):
    place, file, told = world
    wrong = model(place, "wrong")
    wrong.write_text(wrong.read_text().replace('"reference"', '"referenced"'))
    session = play(place / "s", file(wrong), PANEL, **told)
    assert session.alarms.failed.endswith("KeyError: 'reference'") and session.fold.met == SLICES


def test_status_says_all_of_it_in_words_and_as_json(world):
    place, file, told = world
    session = play(place / "s", file(model(place, "flipped", sign=-1.0)), PANEL, **told)
    status = status_now(session, StoppedClock(1))
    plain = json.loads(json.dumps(status, allow_nan=False))
    assert (
        plain["signals"][0]["skill"]["verdict"] == "worse than promised" and plain["alarms"][0]["alarm"] == "skill up"
    )
    text = "\n".join(lines_of(plain))
    assert "signal        up: 720 forecasts of 90 slices" in text
    assert "worse than promised; validation promised 0.2" in text and "ALARM         up: rank IC -0.3" in text


def test_which_rows_somebody_who_does_not_watch_should_hear_of():
    symbols = ("A", "B")
    gap = tape.gap_row(Gap(0, DAY, np.array([1]), "no answer"), 1)
    late = tape.bar_row(Late(DAY, 1, np.ones(5)), 1)
    raised, over = (tape.alarm_row("drift x", up, "x drifts", 3, DAY, 1) for up in (True, False))
    seal = {"alive": False}
    kill, pause = (tape.command_row(Command(name, "k", reason="enough"), 1) for name in ("kill", "pause"))
    told = {
        (tape.GAP, "gap"): gap, (tape.LATE, "late"): late, (tape.ALARM, "drift x"): raised, (tape.COMMAND, "kill"): kill,
        (tape.HALT, "halt"): {"t": 1, "why": "diverged"}, (tape.DECISION, "ruin"): seal,
        ("mirror-differs", "broker"): {"symbol": "A", "held": 3.0, "mirrored": 1.0, "why": "positions differ"},
    }  # fmt: skip
    for (kind, name), body in told.items():
        assert alarm_of(kind, body, symbols)[0] == name
    assert alarm_of(tape.LATE, late, symbols)[1] == "B: the bar of 1970-01-02 00:00:00 came after its slice had closed"
    for kind, body in ((tape.ALARM, over), (tape.COMMAND, pause), (tape.DECISION, {"alive": True}), (tape.SLICE, {})):
        assert alarm_of(kind, body, symbols) is None


class Due:
    def __init__(self, at, patience=0):
        self.at, self.patience = at, patience

    def due(self):
        return self.at


def test_what_is_late_by_the_clock():
    assert (
        overdue(Due(100), None, 150, 60) == {}
        and overdue(Due(None), None, 150, 60) == {}
        and overdue(3, None, 9, 1) == {}
    )
    assert overdue(Due(DAY), None, DAY + 61, 60) == {
        "feed": "the slice that was due at 1970-01-02 00:00:00 UTC has not come"
    }
    assert overdue(Due(DAY, patience=10), None, DAY + 70, 60) == {}
    assert "feed" in overdue(Due(DAY, patience=10), None, DAY + 71, 60)
    assert overdue(3, {"silent": True, "name": "alpaca"}, 0, 60) == {"broker silent": "alpaca does not answer"}
