"""The cache is never stale: whatever changes what a panel is makes another entry."""

from __future__ import annotations

import datetime
import os
import shutil

import numpy as np
import pytest

from engine import plugins
from engine.data import cache, contents
from engine.panel import Panel
from tests.data.cache.tables import LONG_AGO, assert_equal, entries, load, table, write


@pytest.mark.parametrize("age", [0, 1_000_000_000, 10_000_000_000], ids="{}".format)
def test_an_edited_file_is_seen_at_once(tmp_path, age):
    file = write(tmp_path / "bars.csv")
    assert load(file).close[0, 0] == 10.0
    for scale in (2.0, 3.0, 4.0):
        write(file, table(scale))
        now = file.stat().st_ctime_ns - age
        os.utime(file, ns=(now, now))
        assert load(file).close[0, 0] == 10.0 * scale


def test_an_edit_that_leaves_size_and_times_as_they_were_is_seen(tmp_path):
    file = write(tmp_path / "bars.csv", table())
    load(file)
    text = file.read_text()
    assert text.count(",10.0,10.0,") == 1
    file.write_text(text.replace(",10.0,10.0,", ",10.5,10.5,"))
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    assert load(file).close[0, 0] == 10.5


def test_of_a_file_just_written_nothing_is_remembered(tmp_path, home):
    file = write(tmp_path / "bars.csv")
    known = contents.Contents(home / "files")
    digest = known.digest(known.look(file))
    assert [*known._remembered(file)] == [""]
    now = home.stat().st_ctime_ns
    os.utime(file, ns=(now, now))
    look = known.look(file)
    assert not look.all_calm
    assert known.digest(look) == digest and known._remembered(file) == {}


def test_a_touched_but_equal_file_hits(tmp_path, builds):
    file = write(tmp_path / "bars.parquet")
    load(file)
    os.utime(file)
    load(file)
    shutil.copy(file, tmp_path / "copy.parquet")
    os.replace(tmp_path / "copy.parquet", file)
    load(file)
    assert len(builds) == 1


def test_a_known_file_is_not_hashed_again(tmp_path, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    load(file)
    monkeypatch.setattr(contents, "_sha256", None)
    load(file)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path, home, monkeypatch, known, fresh):
    file = write(tmp_path / "bars.csv", table(3.0))
    if known:
        load(file)
    write(file)
    if fresh:
        os.utime(file)
    before = entries(home)
    build = Panel.from_frame.__func__

    def slow(cls, frame, **words):
        write(file, table(2.0))
        return build(cls, frame, **words)

    with monkeypatch.context() as patch:
        patch.setattr(Panel, "from_frame", classmethod(slow))
        assert load(file).close[0, 0] == 10.0
    assert entries(home) == before
    assert [load(file).close[0, 0] for _ in range(2)] == [20.0, 20.0]


def test_a_file_just_written_is_kept_at_once(tmp_path, home, builds):
    file = write(tmp_path / "bars.csv")
    os.utime(file)
    assert_equal(load(file), load(file))
    assert len(builds) == 1


OTHERS = {
    "symbols": {"symbols": ("AA",)},
    "start": {"start": "2024-01-15"},
    "end": {"end": datetime.date(2024, 2, 1)},
    "prices": {"prices": "total_return", "dividends": "none"},
    "dividends": {"dividends": "none"},
    "calendar": {"calendar": "24/7"},
    "missing_open": {"missing_open": "close_fills"},
    "lot": {"lot": 10.0},
    "tick": {"tick": 0.01},
}


@pytest.mark.parametrize("said", OTHERS.values(), ids=OTHERS)
def test_other_arguments_miss_and_are_kept_apart(tmp_path, home, builds, said):
    file = write(tmp_path / "bars.csv", table().drop(columns=["split", "dividend"]))
    usual = load(file)
    other = load(file, **said)
    assert len(builds) == 2 and len(entries(home)) == 2
    assert_equal(usual, load(file))
    assert_equal(other, load(file, **said))
    assert len(builds) == 2


def test_the_names_of_file_and_source_count(tmp_path, builds):
    write(tmp_path / "one.csv")
    shutil.copy2(tmp_path / "one.csv", tmp_path / "two.csv")
    for _ in range(2):
        assert [load(tmp_path / name).name for name in ("one.csv", "two.csv")] == ["one.csv", "two.csv"]
    assert len(builds) == 2


def test_arguments_that_mean_the_same_hit(tmp_path, builds):
    file = write(tmp_path / "bars.csv")
    load(file, symbols=(name for name in ["AA"]), start=np.datetime64("2024-01-15"))
    load(file, symbols="AA", start=datetime.date(2024, 1, 15))
    load(file, symbols=["AA"], start="2024-01-15")
    assert len(builds) == 1


def test_another_version_of_a_library_misses(tmp_path, builds, monkeypatch):
    file = write(tmp_path / "bars.csv")
    load(file)
    monkeypatch.setattr(cache, "version", lambda name: "0.0.0")
    load(file)
    assert len(builds) == 2


def test_a_source_of_somebody_else_is_never_kept(tmp_path, home, monkeypatch):
    file = write(tmp_path / "bars.csv")
    calls = []

    def theirs(path, symbols=None, start=None, end=None):
        calls.append(path)
        return table()

    monkeypatch.setitem(plugins._from_files["barcast.sources"], "theirs", theirs)
    for _ in range(2):
        load(file, source="theirs")
    assert len(calls) == 2 and not home.exists()
