"""A gate of past forecasts in sessions: the record is the rule's state, so stops, crashes and flattenings leave it whole."""

from __future__ import annotations

import pytest

from engine.live.commands import Command
from engine.live.paper import verify_session
from strategies.trailing import COUNT, RECORD
from tests.live.market import backtest_digest, config, messy, play

WINDOW = 20
GATE = {
    "rule": "threshold",
    "signal": "up",
    "confidence": f"top 30% trailing {WINDOW}",
    "size": "20%",
    "side": "long_short",
}


def gated(**more):
    return config(strategy=GATE | {"exit_confidence": f"top 60% trailing {WINDOW}"}, **more)


@pytest.mark.parametrize(
    "more",
    [{}, {"switches": {"daily_loss": "1%", "max_drawdown": {"at": "3%", "action": "flatten", "resume": "4 bars"}}}],
)
def test_backtest_paper_and_verify_agree(tmp_path, more):
    panel, file = messy(41, 120), gated(**more)
    told = play(tmp_path / "s", file, panel)
    found = verify_session(tmp_path / "s")
    assert backtest_digest(file, panel) == told.fold.digest.hex() == found.digest
    assert found.fills > 10 and found.complete
    assert found.warm_up == 5 + WINDOW  # what momentum over five bars needs, and the forecasts the gate compares with


def test_a_session_that_is_stopped_in_the_middle_goes_on_to_the_same_digest(tmp_path):
    panel, file = messy(42, 120), gated()
    whole = play(tmp_path / "whole", file, panel)
    for rows in (30, 55, 90):  # within the warm-up of the others' records, and twice later
        play(tmp_path / "parts", file, panel.cut(end=str(panel.dates()[rows - 1])))
    parts = play(tmp_path / "parts", file, panel)
    assert parts.fold.digest == whole.fold.digest
    assert parts.fold.strategy.state.tobytes() == whole.fold.strategy.state.tobytes()
    assert parts.fold.strategy.state.shape == (RECORD + WINDOW, 6) and parts.fold.strategy.state[COUNT].min() > WINDOW
    assert verify_session(tmp_path / "parts").complete


def test_what_is_forecast_while_a_session_is_killed_and_flat_is_on_record(tmp_path):
    panel, file = messy(43, 100), gated()
    script = {50: [Command("kill", "1", flatten=True)], 70: [Command("resume", "2", reason="looked at")]}
    killed, whole = play(tmp_path / "k", file, panel, script=script), play(tmp_path / "w", file, panel)
    mine, theirs = (told.fold.strategy.state for told in (killed, whole))
    assert killed.fold.digest != whole.fold.digest
    assert mine[COUNT:].tobytes() == theirs[COUNT:].tobytes()
    assert verify_session(tmp_path / "k").complete
