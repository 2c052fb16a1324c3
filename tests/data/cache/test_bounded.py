"""The cache stays bounded."""

from __future__ import annotations

import os
import shutil

from engine.data import cache, contents
from tests.data.cache.tables import LONG_AGO, assert_equal, entries, load, write


def test_the_entries_unused_for_longest_go_first(tmp_path, home, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    kept = []
    for lot in (1.0, 2.0, 3.0):
        load(file, lot)
        kept += [path for path in entries(home) if path not in kept]
    for age, path in enumerate(kept):
        os.utime(path, ns=(LONG_AGO + age, LONG_AGO + age))
    load(file, 1.0)  # used again
    one = sum(part.stat().st_size for part in kept[0].iterdir())
    monkeypatch.setattr(cache, "LIMIT", 3 * one + 100)
    load(file, 4.0)
    assert len(entries(home)) == 3
    assert kept[0] in entries(home) and kept[1] not in entries(home) and kept[2] in entries(home)


def test_a_panel_above_the_limit_is_not_kept(tmp_path, home, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 1000)
    load(write(tmp_path / "bars.parquet"))
    assert entries(home) == []


def test_a_mapped_panel_outlives_its_entry(tmp_path, home):
    file = write(tmp_path / "bars.parquet")
    first = load(file)
    second = load(file)
    shutil.rmtree(home)
    assert_equal(first, second)


def test_only_the_latest_sources_are_remembered(tmp_path, home, monkeypatch):
    monkeypatch.setattr(contents, "KEPT", 3)
    for k in range(6):
        load(write(tmp_path / f"{k}.csv"))
    assert len(list((home / "files").iterdir())) == 3
