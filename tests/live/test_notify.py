"""--notify: once per alarm, a line of JSON, no shell, no secrets; and nothing a command does can hold up or stop a session."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import pytest

from engine import journal, latch
from engine.cli.alarming import Looker, alarming, harmless
from engine.errors import ConfigError
from engine.live import paper, tape
from engine.live.clock import StoppedClock, SystemClock
from engine.live.gate import Gate, GateError
from engine.live.notify import Notifier, Pace, command_of
from tests.live.market import config, messy
from tests.live.test_alarms import PANEL, model, world  # noqa: F401

WAIT = 20.0


def program(folder, body="", name="hook.py"):
    """A command that appends what it is told, and its environment's names, to files of its own; then `body`."""
    script = folder / name
    script.write_text(
        "import os, sys, time\n"
        f"open({str(folder / 'got')!r}, 'a').write(sys.stdin.read())\n"
        f"open({str(folder / 'names')!r}, 'w').write(repr(dict(os.environ)))\n{body}\n"
    )
    return [sys.executable, "-I", str(script)]


def got(folder):
    place = folder / "got"
    return [json.loads(line) for line in place.read_text().splitlines()] if place.exists() else []


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def notifier(words, said=None, clock=None, **pace):
    log = (lambda level, text: None) if said is None else lambda level, text: said.append(text)
    return Notifier(words, dict(os.environ), clock or SystemClock(), log, pace=Pace(**pace))


def ran(folder, words, file, panel=None, clock=None, pace=None, **more):
    """A session run to its end as the command line runs it."""
    time = clock or StoppedClock(1)
    session = paper.open_session(file, folder, panel=panel or PANEL, clock=time, **more)
    said = []
    session.log = lambda level, text: said.append((level, text))
    with alarming(session, time, words, pace) as looker:
        session.run(show=looker)
    return session, said


def test_an_alarm_is_one_run_with_one_line(tmp_path):
    made = notifier(program(tmp_path))
    made.note({"alarm": "gap", "words": "no bars, $(touch x); \"'`\n"})
    made.note({"alarm": "late", "words": "ü"})
    made.close()
    assert [one["alarm"] for one in got(tmp_path)] == ["gap", "late"]
    assert got(tmp_path)[0]["words"] == "no bars, $(touch x); \"'`\n" and got(tmp_path)[1]["words"] == "ü"
    assert (made.runs, made.failures) == (2, 0) and not (tmp_path / "x").exists()


def test_words_are_split_as_a_shell_would_and_no_shell_is_asked(tmp_path):
    assert command_of(f"{sys.executable} -c 'a b' \"c d\" $HOME ; rm") == [
        sys.executable,
        "-c",
        "a b",
        "c d",
        "$HOME",
        ";",
        "rm",
    ]
    with pytest.raises(ConfigError, match="is no command: No closing quotation"):
        command_of("echo 'open")
    with pytest.raises(ConfigError, match="got nothing"):
        command_of("  ")
    with pytest.raises(ConfigError, match="'/nowhere/hook' is not there or may not be run"):
        command_of("/nowhere/hook x")


def test_a_command_that_hangs_is_ended_with_all_it_has_started(tmp_path):
    pid, said = tmp_path / "child", []
    hang = "import subprocess\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    hang += f"open({str(pid)!r}, 'w').write(str(child.pid))\ntime.sleep(600)"
    made = notifier(program(tmp_path, hang), said, deadline=3.0)
    made.note({"alarm": "one"})
    made.close()
    assert said == [
        f"notify: {sys.executable}: not done within 3 s; it was ended; the session goes on, and later failures are only counted"
    ]
    child = int(pid.read_text())
    end = time.monotonic() + WAIT
    while alive(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(child)


def test_failures_are_said_once_and_counted(tmp_path):
    said = []
    made = notifier(program(tmp_path, "sys.exit(3)"), said)
    for k in range(3):
        made.note({"alarm": str(k)})
    made.close()
    assert said[0].endswith("exit status 3; the session goes on, and later failures are only counted")
    assert said[1:] == ["notify: 3 of 3 runs failed, 0 alarms were dropped"] and len(got(tmp_path)) == 3


def test_a_program_that_is_gone_by_then_is_a_failure_like_others(tmp_path):
    said = []
    made = notifier([str(tmp_path / "gone")], said)
    made.note({"alarm": "one"})
    made.close()
    assert len(said) == 1 and "FileNotFoundError" in said[0]


def test_no_more_runs_than_the_pace_allows_and_what_has_no_room_is_dropped(tmp_path):
    said, begun, clock = [], [], StoppedClock(0)
    held = threading.Event()

    def run(self, line):
        begun.append(clock.elapsed())
        held.wait(WAIT)

    with mock.patch.object(Notifier, "_run", run):
        made = notifier(["x"], said, clock, burst=2, stretch=60.0, room=3, last=WAIT)
        waits = []
        made._ending.wait = lambda seconds: (waits.append(seconds), clock.sleep(seconds))
        for k in range(10):
            made.note({"alarm": str(k)})
        assert said == ["notify: alarms come faster than the command may be run; some are dropped"]
        held.set()
        made.close()
    assert made.dropped in (6, 7)  # three or four are taken: one may be running already
    assert begun == [0.0, 0.0, *[60.0] * 2][: len(begun)] and waits[:2] == [60.0, 60.0][: len(waits[:2])]


def test_putting_an_alarm_down_never_waits_for_the_command(tmp_path):
    inside, held = threading.Event(), threading.Event()

    def run(self, line):
        inside.set()
        held.wait(WAIT)

    with mock.patch.object(Notifier, "_run", run):
        made = notifier(["x"], last=WAIT)
        made.note({"alarm": "one"})
        assert inside.wait(WAIT)
        for k in range(100):
            made.note({"alarm": str(k)})  # while it runs
        assert not held.is_set()
        held.set()
        made.close()


def test_a_session_with_a_command_has_the_head_and_digest_of_one_without(world, tmp_path):  # noqa: F811
    place, file, told = world
    bad = file(model(place, "flipped", sign=-1.0))
    plain, _ = ran(place / "plain", None, bad, plugins=told["plugins"])
    loud, _ = ran(place / "loud", program(tmp_path), bad, plugins=told["plugins"])
    assert loud.writer.head == plain.writer.head and loud.fold.digest == plain.fold.digest
    (one,) = got(tmp_path)
    assert one["alarm"] == "skill up" and one["schema_version"] == 1 and one["session"] == str(place / "loud")
    assert one["words"].startswith("up: rank IC -0.") and one["time"].endswith(" UTC")
    assert paper.verify_session(place / "loud", plugins=told["plugins"]).digest == plain.fold.digest.hex()


def test_a_command_that_fails_or_hangs_changes_nothing(world, tmp_path):  # noqa: F811
    place, file, told = world
    bad = file(model(place, "flipped", sign=-1.0))
    plain, _ = ran(place / "plain", None, bad, plugins=told["plugins"])
    for k, body in enumerate(("sys.exit(1)", "time.sleep(600)")):
        pace = Pace(deadline=1.0, last=WAIT)
        session, said = ran(place / f"s{k}", program(tmp_path, body), bad, pace=pace, plugins=told["plugins"])
        assert session.writer.head == plain.writer.head
        assert len([text for level, text in said if level == "WARNING" and text.startswith("notify:")]) == 1


def test_a_latch_that_is_closed_is_told(tmp_path):
    session = paper.open_session(config(), tmp_path / "s", panel=messy(1), clock=StoppedClock(1))
    with alarming(session, StoppedClock(1), program(tmp_path)):
        session.run(
            stop=lambda: (
                session.fold.met >= 10 and latch.kill(tmp_path / "s") is not None and session.fold.standing.killed
            )
        )
    assert [one["alarm"] for one in got(tmp_path)] == ["kill"]
    assert got(tmp_path)[0]["words"] == "killed: the latch is closed"


def test_going_on_after_a_crash_is_told_and_after_a_stop_is_not(tmp_path):
    session = paper.open_session(config(), tmp_path / "s", panel=messy(1), clock=StoppedClock(1))
    session.run(stop=lambda: session.fold.met >= 10)
    again = paper.open_session(config(), tmp_path / "s", panel=messy(1), clock=StoppedClock(1))
    assert not again.alarms.crashed
    for k, arrival in enumerate(again.feed.arrivals(again.resume())):
        again.take(arrival)
        if k == 5:
            break
    again.writer._let_go()  # no closing row
    with alarming(
        third := paper.open_session(config(), tmp_path / "s", panel=messy(1), clock=StoppedClock(1)),
        StoppedClock(1),
        program(tmp_path),
    ):
        third.run()
    assert [one["alarm"] for one in got(tmp_path)] == ["restart"]
    assert paper.verify_session(tmp_path / "s").restarts == 2


def test_a_halt_and_the_end_of_the_session_by_it_are_told(tmp_path, monkeypatch):
    def refuse(self, *rest):
        raise GateError("slice 3: the gate says no")

    monkeypatch.setattr(Gate, "check", refuse)
    with pytest.raises(GateError):
        ran(tmp_path / "s", program(tmp_path), config(), messy(1))
    assert [one["alarm"] for one in got(tmp_path)] == ["halt", "stopped"]
    assert "the gate says no" in got(tmp_path)[1]["words"]
    assert [row.kind for row in journal.read(tmp_path / "s" / "journal")][-1] == tape.HALT


def test_what_is_late_by_the_clock_is_said_once_and_is_no_row(tmp_path):
    clock = StoppedClock(10**18)
    session = paper.open_session(config(), tmp_path / "s", panel=messy(1), clock=clock)
    said = []
    session.log = lambda level, text: said.append((level, text))
    session.feed.due = lambda: 10**18 - 60 * 10**9
    looker = Looker(session, clock, None)
    looker(session)
    assert not session.alarms.waiting
    for _ in range(3):
        clock.sleep(100.0)
        looker(session)
    assert [level for level, text in said if "has not come" in text] == ["WARNING"]
    assert session.alarms.told() == [{"alarm": "feed", "words": said[0][1].removeprefix("alarm: "), "time": None}]
    session.feed.due = lambda: None
    clock.sleep(2.0)
    looker(session)
    assert session.alarms.told() == []
    session.writer.close()


CANARY = "canary-0123456789-secret"


def test_no_secret_reaches_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("APCA_API_SECRET_KEY", CANARY)
    monkeypatch.setenv("SOME_TOKEN", CANARY[::-1])
    monkeypatch.setenv("HARMLESS", "seen")
    session = paper.open_session(config(), tmp_path / "s", panel=messy(1), clock=StoppedClock(1))
    with alarming(session, StoppedClock(1), program(tmp_path)) as looker:
        looker.tell("broker", f"it said {CANARY} and {CANARY[::-1]}")
        session.writer.close()
    assert got(tmp_path)[0]["words"] == "it said *** and ***"
    names = (tmp_path / "names").read_text()
    assert CANARY not in names and CANARY[::-1] not in names and "'HARMLESS': 'seen'" in names
    assert harmless({"A_KEY": "1", "PATH": "2", "db_password": "3"}) == {"PATH": "2"}


def test_a_row_that_cannot_be_told_stops_nothing(tmp_path):
    session, said = ran(tmp_path / "s", None, config(), messy(1))
    session.log = lambda level, text: said.append((level, text))
    looker = Looker(session, StoppedClock(1), None)

    class Odd:
        seq, kind, body = 7, tape.GAP, {}

    looker.note(Odd())
    assert said[-1] == ("WARNING", "notify: row 7 could not be told: KeyError: 'after'")


def test_the_command_line_takes_it_and_refuses_one_that_is_not_there(tmp_path):
    from typer.testing import CliRunner

    from engine.cli import app

    file = str(Path(__file__).resolve().parents[2] / "configs/paper/replay-us20.yaml")
    short = ["--set", "data.start=2022-06-01", "--set", "signals.rank.lookback=40", "--quiet"]
    words = ["paper", file, "--session", str(tmp_path / "s"), *short, "--notify"]
    with pytest.raises(ConfigError, match="--notify: '/nowhere' is not there"):
        CliRunner().invoke(app, [*words, "/nowhere"], catch_exceptions=False)
    assert not (tmp_path / "s").exists()
    told = CliRunner().invoke(app, [*words, " ".join(program(tmp_path))], catch_exceptions=False)
    assert told.exit_code == 0 and "signal        rank:" in told.stdout
    status = CliRunner().invoke(app, ["status", str(tmp_path / "s"), "--json"], catch_exceptions=False)
    assert json.loads(status.stdout)["signals"][0]["drift"] == {
        "state": "no reference",
        "why": "the signal keeps no reference",
    }
