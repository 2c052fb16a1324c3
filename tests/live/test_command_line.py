"""The commands themselves, in processes of their own: paper, verify, journal, kill -9, SIGTERM, and going on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine import journal
from engine.cli import app
from engine.errors import ConfigError, JournalError
from engine.live import paper, tape
from engine.live.tape import JOURNAL

ROOT = Path(__file__).resolve().parents[2]
FILE = str(ROOT / "configs/paper/replay-us20.yaml")
SHORT = ["--set", "data.start=2021-06-01", "--set", "signals.rank.lookback=40"]
MAIN = [sys.executable, "-c", "from engine.cli import main; main()"]


def barcast(*words):
    """What a command prints; an error of ours is raised."""
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def started(*words):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [*MAIN, *map(str, words)], env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def rows(folder):
    try:
        return sum(1 for _ in journal.read(folder / JOURNAL))
    except JournalError:
        return 0


def wait_for_rows(folder, count, process):
    for _ in range(1200):
        if rows(folder) >= count or process.poll() is not None:
            return
        time.sleep(0.05)
    raise AssertionError("the session wrote nothing")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "s"
    shown = barcast("paper", FILE, "--session", folder, "--quiet", *SHORT)
    return folder, shown


def test_paper_prints_head_and_digest_and_verify_the_same(whole):
    folder, shown = whole
    told = json.loads(barcast("verify", folder, "--json"))
    assert told["head"] in shown and told["digest"] in shown
    assert told["backtest"] == told["digest"] and told["complete"] and told["slices"] == 399
    words = barcast("verify", folder, "--quiet")
    assert "the tape, run again as a backtest, gives every row of the journal" in words and told["head"] in words


def test_show_and_export_read_the_journal(whole):
    import pandas as pd

    folder, _ = whole
    lines = barcast("journal", "show", folder, "--kind", "fill", "--json").splitlines()
    fills = [json.loads(line)["body"] for line in lines]
    out = barcast("journal", "export", folder)
    frame = pd.read_parquet(folder / "export" / "fills.parquet")
    assert len(frame) == sum(len(fill["quantity"]) for fill in fills) and f"{len(frame):,} rows" in out
    decisions = pd.read_parquet(folder / "export" / "decisions.parquet")
    assert len(decisions) == 399 and decisions["digest"].iloc[-1] in whole[1]
    assert barcast("journal", "show", folder, "--last", "1").split()[1] == "close"


def test_status_says_that_nothing_runs(whole):
    assert "not running" in barcast("status", whole[0])
    assert json.loads(barcast("status", whole[0], "--json"))["slices"] == 399


def test_a_command_to_a_session_that_does_not_run_waits(whole, tmp_path):
    folder = tmp_path / "s"
    barcast("paper", FILE, "--session", folder, "--quiet", *SHORT, "--set", "data.end=2022-01-31")
    assert "acts once the session runs" in barcast("pause", folder, "--wait", "0")
    with pytest.raises(ConfigError, match="'NOPE' is not in this session"):
        barcast("exit", folder, "NOPE", "--wait", "0")
    assert "journaled" not in barcast("kill", folder, "--flatten", "--wait", "0")
    from engine import latch

    assert latch.look(folder) is None
    barcast("resume", folder, "--reason", "tried it", "--wait", "0")
    assert latch.look(folder).reason == "tried it"


def test_a_closed_latch_is_a_kill_even_when_nobody_left_a_command(tmp_path):
    from engine import latch
    from tests.live.market import config, messy, play

    play(tmp_path / "s", config(), messy(51, 30))
    latch.kill(tmp_path / "s")
    session = paper.open_session(config(), tmp_path / "s", panel=messy(51, 60))
    session.run()
    told = [row.body["name"] for row in journal.read(tmp_path / "s" / JOURNAL) if row.kind == tape.COMMAND]
    assert told == ["kill"] and session.fold.standing.words(60, 0) == ["killed"]
    assert paper.verify_session(tmp_path / "s").commands == 1


def test_kill_minus_nine_again_and_again_gives_the_same_digest(whole, tmp_path):
    folder, kills = tmp_path / "s", 0
    for more in (40, 200):
        process = started("paper", FILE, "--session", folder, "--quiet", *SHORT, "--set", "feed.speed=20000000")
        wait_for_rows(folder, (rows(folder) if folder.exists() else 0) + more, process)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
    assert kills == 2
    barcast("paper", FILE, "--session", folder, "--quiet", *SHORT)
    told, first = (json.loads(barcast("verify", f, "--json")) for f in (folder, whole[0]))
    assert told["digest"] == first["digest"] and told["restarts"] == 2 and told["head"] != first["head"]


@pytest.mark.parametrize("ignored", [False, True], ids=["a terminal that closes", "nohup"])
def test_a_closed_terminal_stops_cleanly_unless_it_is_to_be_ignored(ignored):
    from engine.cli.watching import stopping

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        with stopping() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop() is not ignored
        assert signal.getsignal(signal.SIGHUP) is (signal.SIG_IGN if ignored else signal.SIG_DFL)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_sigterm_stops_cleanly_and_commands_are_heard_while_it_runs(whole, tmp_path):
    folder = tmp_path / "s"
    process = started("paper", FILE, "--session", folder, *SHORT, "--set", "feed.speed=300000")
    wait_for_rows(folder, 60, process)
    assert "running" in barcast("status", folder) and "not running" not in barcast("status", folder)
    assert barcast("pause", folder).startswith("pause: journaled")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "stopped; the same command goes on with it" in out
    kinds = [row.kind for row in journal.read(folder / JOURNAL)]
    log = (folder / "log.txt").read_text()
    assert "command: pause" in log and "closing: stopped" in log
    assert kinds[-2:] == [tape.CHECKPOINT, tape.CLOSE] and tape.COMMAND in kinds
    assert json.loads(barcast("verify", folder, "--json"))["commands"] == 1


def test_kill_closes_the_latch_even_where_no_command_can_be_left(whole, tmp_path, monkeypatch):
    from engine import latch
    from engine.errors import OutputError
    from engine.live import instructing

    folder = tmp_path / "s"
    barcast("paper", FILE, "--session", folder, "--quiet", *SHORT, "--set", "data.end=2021-09-30")

    def full(session, command, clock):
        raise OutputError("no space left")

    monkeypatch.setattr(instructing, "post", full)
    assert "the latch is closed, so nothing is sent; but no space left" in barcast("kill", folder)
    assert latch.look(folder) is None


def test_several_files_killed_and_gone_on_with_give_each_the_digest_of_its_own_session(whole, tmp_path):
    """The command itself: two accounts, a kill -9 on the way, one tape; the first account is the session of the fixture."""
    other, folder = tmp_path / "other.yaml", tmp_path / "s"
    text = (ROOT / "configs/paper/replay-us20.yaml").read_text()
    other.write_text(text.replace("name: replay-us20", "name: other").replace("quantile: 20%", "quantile: 40%"))
    words = ["paper", FILE, str(other), "--session", folder, "--quiet", *SHORT]
    process = started(*words, "--set", "feed.speed=20000000")
    wait_for_rows(folder, 150, process)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    shown = barcast(*words)
    told = json.loads(barcast("verify", folder, "--json"))["accounts"]
    assert told["replay-us20"]["digest"] in whole[1] and told["replay-us20"]["digest"] in shown
    assert all(one["digest"] == one["backtest"] and one["complete"] and one["restarts"] == 1 for one in told.values())
    assert told["other"]["digest"] != told["replay-us20"]["digest"] and told["other"]["head"] in shown
    assert "other against replay-us20: " in shown and "closed        the feed has ended" in shown
    times = [row.body["time"] for row in journal.read(folder / JOURNAL) if row.kind == tape.SLICE]
    assert times == sorted(set(times))
    with pytest.raises(ConfigError, match="--adopt: a session of several accounts begins with its own capital"):
        barcast("paper", FILE, other, "--adopt", folder)


def test_the_cone_is_told_at_the_end_and_by_status(whole, tmp_path):
    runs = tmp_path / "runs"
    barcast("run", FILE, *SHORT, "--out", runs, "--quiet", "--no-ledger")
    [run] = runs.glob("replay-us20-*")
    shown = barcast("paper", FILE, "--session", tmp_path / "s", "--quiet", "--backtest", run, *SHORT)
    told = json.loads(barcast("status", tmp_path / "s", "--json"))["cone"]
    assert f"({run.name}, 2021-09-" in shown and told["days"] == 399 - sum(
        row.kind == tape.WARM_UP for row in journal.read(tmp_path / "s" / JOURNAL)
    )
    assert told["source"] == run.name and told["said"] in shown
    assert "no cone: no backtest was named" in whole[1]
