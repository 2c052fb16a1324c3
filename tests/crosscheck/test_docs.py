"""docs/crosscheck.md tells the truth: its example runs on barcast's own forecasts, and its table has a row for every test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.run import load_config, prepare

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/crosscheck.md").read_text()
CONFIG = ROOT / "configs/crosscheck/sp500-threshold.yaml"
NEXT = "    def next(self):\n"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """What the example leaves behind; SEEN has (slice, value of the line) of each bar it was asked on."""
    found = re.search(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    known: dict[str, Any] = {"SEEN": []}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        exec(found[1].replace(NEXT, NEXT + "        SEEN.append((len(self) - 1, self.trend[0]))\n"), known)
    return known


def test_the_example_trades(example, capsys):
    assert example["cerebro"].broker.getvalue() != 10_000.0


def test_the_examples_line_is_barcasts_forecast(example):
    _, _, forecasts = prepare(load_config(CONFIG), None, None)
    rows, values = (np.array(column) for column in zip(*example["SEEN"], strict=True))
    assert rows[0] == 65  # 60 bars of return, 5 left out
    assert values.tobytes() == forecasts["trend"][rows, 0].tobytes()


def test_every_difference_on_the_page_has_its_test():
    rows = [
        line for line in PAGE.splitlines() if line.startswith("| ") and "**" not in line and not line.startswith("| |")
    ]
    tests = [
        name
        for path in sorted((ROOT / "tests/crosscheck").glob("test_differences_*.py"))
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    ]
    assert len(rows) == len(tests) == 34
