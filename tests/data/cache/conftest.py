"""An empty cache for every test, and a count of the panels built from tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.data import cache, entry
from engine.panel import Panel
from engine.places import CACHE


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """An empty cache that keeps panels of any size, and maps files of any size."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "FEWEST", 1)
    monkeypatch.setattr(entry, "MAPPED", 1)
    return tmp_path / "cache" / "panels"


@pytest.fixture
def builds(monkeypatch) -> list[Panel]:
    """Every panel built from a table from now on, and none that comes from the cache."""
    made, build = [], Panel.from_frame.__func__

    def counted(cls, *args, **words):
        made.append(build(cls, *args, **words))
        return made[-1]

    monkeypatch.setattr(Panel, "from_frame", classmethod(counted))
    return made
