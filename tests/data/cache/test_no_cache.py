"""Where no cache is to be had, nothing is lost but time."""

from __future__ import annotations

import os
import resource

import pytest

from engine.data import cache, contents, entry
from engine.places import CACHE, OFF
from tests.data.cache.tables import assert_equal, entries, load, write


def test_off_means_off(tmp_path, home, builds, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    monkeypatch.setenv(CACHE, OFF)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert_equal(load(file), load(file))
    assert len(builds) == 2 and not home.exists() and not (tmp_path / "xdg").exists()


def test_without_the_variable_it_lies_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.delenv(CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    load(write(tmp_path / "bars.parquet"))
    assert len(entries(tmp_path / "xdg" / "barcast" / "panels")) == 1


@pytest.mark.parametrize("base", ["a-file", "a-file/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path, builds, monkeypatch, base):
    (tmp_path / "a-file").write_text("not a folder")
    monkeypatch.setenv(CACHE, str(tmp_path / base))
    file = write(tmp_path / "bars.parquet")
    assert_equal(load(file), load(file))
    assert len(builds) == 2
    assert (tmp_path / "a-file").read_text() == "not a folder"


@pytest.mark.parametrize("room", [0, 200, 600, 1500])
def test_a_full_disk_does_no_harm_and_nothing_half_written_remains(tmp_path, home, builds, room):
    file = write(tmp_path / "bars.parquet")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, usual[1]))
    try:
        first = load(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert entries(home) == [] and list((home / "files").glob(".*")) == []
    assert_equal(first, load(file))
    assert_equal(first, load(file))
    assert len(builds) == 2


def test_small_panels_are_not_kept_and_their_files_not_hashed(tmp_path, home, monkeypatch):
    monkeypatch.setattr(cache, "FEWEST", 100_000)
    monkeypatch.setattr(contents, "_sha256", None)
    load(write(tmp_path / "bars.parquet"))
    assert entries(home) == []


def test_many_panels_at_once_leave_files_to_be_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(entry, "MAPPED", 1 << 20)
    file = write(tmp_path / "bars.parquet")
    load(file)
    before = len(os.listdir("/proc/self/fd"))
    held = [load(file) for _ in range(20)]
    assert len(held) == 20 and len(os.listdir("/proc/self/fd")) == before


def test_an_entry_out_of_reach_is_left_alone(tmp_path, home, builds, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    load(file)
    with monkeypatch.context() as patch:
        patch.setattr(entry, "sums", lambda path: (_ for _ in ()).throw(OSError(24, "Too many open files")))
        load(file)
    load(file)
    assert len(builds) == 2 and len(entries(home)) == 1
