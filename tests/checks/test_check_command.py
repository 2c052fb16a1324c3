"""`barcast check` as a plugin author meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AHEAD = """import numpy as np

class Ahead:
    window, unit = 2, "return"

    def __init__(self, share=1.0):
        self.share = share

    def forecast(self, bars):
        return bars.close[-1] / bars.close[-2] - 1.0

    def forecast_panel(self, bars):
        out = np.full(bars.close.shape, np.nan)
        out[:-1] = self.share * (bars.close[1:] / bars.close[:-1] - 1.0)
        return out

class Half:
    def target(self, now):
        return np.where(now.forecasts["f"] > 0, 0.5, 0.0)

SIGNALS = {"ahead": Ahead}
STRATEGIES = {"half": Half}
"""


def barcast(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from engine.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)


def test_a_registered_signal_passes_with_a_line_for_each_check():
    done = barcast("check", "momentum", "--set", "lookback=20", "--set", "skip=0")
    assert done.returncode == 0, done.stderr
    assert "✓ declares    window 21, unit return" in done.stdout
    assert "12 checks: keeps its contract" in done.stdout


def test_a_file_has_all_its_plugins_checked_and_a_failure_says_where_to_look(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(AHEAD)
    done = barcast("check", str(file))
    assert done.returncode == 1, done.stderr
    assert "ahead (signal)" in done.stdout and "half (strategy)" in done.stdout
    assert "✗ future" in done.stdout
    assert "mine.py:12 forecast_panel" in done.stdout
    told = json.loads(barcast("check", str(file), "--json").stdout)
    ahead = next(one for one in told["plugins"] if one["name"] == "ahead")
    failed = {finding["check"]: finding for finding in ahead["findings"] if finding["passed"] is False}
    assert ahead["passed"] is False and set(failed) == {"future", "panel"}
    assert set(failed["future"]) == {"check", "passed", "asked", "came", "where", "kind"}


def test_a_name_nobody_registered_is_refused_with_the_nearest():
    done = barcast("check", "momentun")
    assert done.returncode == 5 and "did you mean 'momentum'" in done.stderr


def test_an_argument_that_is_no_name_and_value_is_refused():
    assert barcast("check", "momentum", "--set", "lookback").returncode == 2
