"""The README tells the truth: its file, its output and its code are run here."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
from engine import plugins
from engine.cli.show import run_summary

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [body for word, body in found if word == language]


def test_the_strategy_shown_is_the_one_in_the_repository():
    shown = blocks("yaml")[0].strip()
    assert (ROOT / "configs/demo/us20-quintile.yaml").read_text().strip().endswith(shown)


def test_the_output_shown_is_what_the_run_prints(tmp_path):
    result = engine.backtest(ROOT / "configs/demo/us20-quintile.yaml")
    printed = [line.rstrip() for line in run_summary(result, tmp_path, None).splitlines()]
    shown = next(block for block in blocks("") if "How far to believe it" in block).splitlines()
    assert printed[: len(shown) - 2] == [line.rstrip() for line in shown[:-2]]


def test_the_plugin_shown_runs(tmp_path):
    code = next(block for block in blocks("python") if "SIGNALS" in block)
    file = tmp_path / "mine.py"
    file.write_text(code)
    config = {
        "name": "shown",
        "data": {"source": "packaged", "name": "us20", "start": "2020-01-01"},
        "signals": {"f": {"plugin": "mine"}},
        "strategy": {"rule": "half"},
    }
    try:
        result = engine.backtest(config, plugins=[file])
    finally:
        for group in plugins._from_files.values():
            group.clear()
    assert len(result.fills) > 0


def test_the_python_shown_runs(tmp_path, monkeypatch):
    code = next(block for block in blocks("python") if "read_csv" in block)
    days = np.datetime64("2019-01-01") + np.arange(500)
    frame = pd.DataFrame({"date": np.repeat(days, 2), "symbol": ["AAPL", "MSFT"] * 500})
    frame["close"] = 100.0 + np.arange(1000) % 7 + np.arange(1000) / 10
    frame["open"], frame["high"], frame["low"] = frame["close"], frame["close"] + 1, frame["close"] - 1
    frame.assign(volume=1e6).to_csv(tmp_path / "bars.csv", index=False)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    known: dict = {}
    exec(code, known)
    assert known["result"].panel is known["panel"]


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_somewhere(target):
    assert (ROOT / target).exists()
