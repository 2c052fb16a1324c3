"""No false alarm: honest pipelines, drawn at random, pass. BARCAST_CASES=200 runs them all; the suite runs a few."""

from __future__ import annotations

import os

import numpy as np
import pytest

from engine import plugins
from engine.audit import audit
from tests.audit.honest import Rolled, Tilt, Windowed, random_config, random_panel

CASES = int(os.environ.get("BARCAST_CASES", "12"))


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    for name, signal in (("windowed", Windowed), ("rolled", Rolled)):
        monkeypatch.setitem(plugins._from_files["barcast.signals"], name, signal)
    monkeypatch.setitem(plugins._from_files["barcast.strategies"], "tilt", Tilt)


@pytest.mark.parametrize("case", range(CASES))
def test_an_honest_pipeline_is_not_accused(case):
    draw = np.random.default_rng([2024, case])
    panel, config = random_panel(draw), random_config(draw)
    given = draw.standard_normal(panel.close.shape) if config["signals"]["alpha"]["plugin"] == "precomputed" else None
    told = audit(config, panel, given, seed=case, cuts=4)
    assert [f"{leak.check}: {leak.came} ({leak.where})" for leak in told.leaks] == [], config
