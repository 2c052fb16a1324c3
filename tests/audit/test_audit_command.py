"""`barcast audit` as somebody meets it who is about to believe a backtest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = str(ROOT / "configs/demo/us20-quintile.yaml")
SCALED = """import numpy as np

class Scaled:
    window, unit = 21, "score"

    def forecast(self, bars):
        return bars.close[-1] / bars.close[0] - 1.0

    def forecast_panel(self, bars):
        out = np.full(bars.close.shape, np.nan)
        out[20:] = bars.close[20:] / bars.close[:-20] - 1.0
        return (out - np.nanmean(out, axis=0)) / np.nanstd(out, axis=0)

SIGNALS = {"scaled": Scaled}
"""
CONFIG = """name: scaled
data: {source: packaged, name: us20, start: 2015-01-01}
signals: {rank: {plugin: scaled}}
strategy: {rule: quintile, signal: rank}
"""


def barcast(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from engine.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)


def test_the_demo_has_no_leak_and_the_table_says_what_cannot_be_proved():
    done = barcast("audit", DEMO, "--set", "data.start=2010-01-01")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "future, rank" in done.stdout and "fill timing" in done.stdout
    assert "survivorship" in done.stdout and "no leak found" in done.stdout


def test_a_leak_is_named_and_the_exit_code_says_so(tmp_path):
    (tmp_path / "mine.py").write_text(SCALED)
    (tmp_path / "s.yaml").write_text(CONFIG)
    done = barcast("audit", str(tmp_path / "s.yaml"), "--plugin", str(tmp_path / "mine.py"))
    assert done.returncode == 1, done.stderr
    assert "whole sample" in done.stdout and "3 failed" in done.stdout
    told = json.loads(
        barcast("audit", str(tmp_path / "s.yaml"), "--plugin", str(tmp_path / "mine.py"), "--json").stdout
    )
    leak = next(finding for finding in told["findings"] if finding["check"] == "future, rank")
    assert told["passed"] is False and leak["kind"] == "whole sample"
    assert "mine.py:9 forecast_panel" in leak["where"]


def test_a_file_that_is_not_there_is_a_mistake_of_configuration():
    assert barcast("audit", "nowhere.yaml").returncode == 2
