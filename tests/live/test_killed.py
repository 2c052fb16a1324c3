"""The same tape after real kills: packaged stocks and made minutes, with every command, gaps and a hand-over; parity's short version."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.live.killing import Line
from tests.live.market import ROOT
from tests.promises import note

KILLS = 4


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "tests.live.scenes", str(folder), str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_backtest_session_and_killed_sessions_have_one_digest(told):
    lines = [Line(**line) for line in told["lines"]]
    markets = {line.market for line in lines}
    assert len(markets) == 6 and len(lines) == 18
    for market in markets:
        mine = [line for line in lines if line.market == market]
        assert [line.crashes for line in mine] == [0, 1, KILLS]
        assert len({line.session for line in mine}) == 1 and all(line.equal for line in mine)
        assert mine[2].restarts >= KILLS - 1  # a kill before the first row is no restart
        assert all(bool(line.backtest) != ("live" in market or "commands" in market) for line in mine)
        assert all((line.hand_overs, line.commands) == ((1, 10) if "commands" in market else (0, 0)) for line in mine)
        assert all((line.gaps > 20) == ("live" in market) for line in mine)
    assert len({line.session for line in lines}) == 6  # each market is another tape
    note(
        "same tape",
        backtests_held_against_sessions=sum(bool(line.backtest) for line in lines),
        sessions_that_crashed=sum(line.crashes > 0 for line in lines),
        crashes=sum(line.crashes for line in lines),
        processes_killed_with_9=sum(line.crashes for line in lines),
        digests_that_differ=sum(not line.equal for line in lines),
    )


def test_a_feed_that_is_another_after_a_restart_is_found_out(told):
    assert told["wrong found out"]


def test_a_line_with_two_digests_is_not_equal():
    line = Line("m", 1, 0, 0, 0, 0, 0, 0, "ab", "ab", "ab")
    assert line.equal and replace(line, backtest="").equal
    assert not replace(line, backtest="cd").equal and not replace(line, over_the_tape="cd").equal
