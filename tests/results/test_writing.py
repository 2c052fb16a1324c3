"""Where a command cannot write, one line says so; what lay there stays, and nothing half-written is left."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import writing
from engine.errors import ConfigError, OutputError


def test_a_file_is_replaced_and_nothing_else_is(tmp_path):
    writing.replace(tmp_path / "a.json", b"one")
    writing.replace(tmp_path / "a.json", b"two")
    assert (tmp_path / "a.json").read_bytes() == b"two"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, told in (("pipe", "this is a pipe or socket"), ("folder", "this is a folder")):
        with pytest.raises(OutputError, match=told) as refused:
            writing.replace(tmp_path / name, b"three")
        assert "\n" not in str(refused.value)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "folder", "pipe"]


def test_a_device_stays_a_device():
    with pytest.raises(OutputError, match="this is a device"):
        writing.check_file("/dev/full")


@pytest.mark.parametrize("name", [".", "nosuch/a.json", "file/a.json"])
def test_a_place_that_no_file_can_have_is_told_in_one_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"expected a file|it could not be written"):
        writing.replace(writing.Path(name), b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_bytes(b"one")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"a\.json: it could not be written: No space left on device; make room"):
        writing.replace(tmp_path / "a.json", b"two")
    assert (tmp_path / "a.json").read_bytes() == b"one" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, OSError])
def test_what_was_there_stays_where_writing_stops_half_way(tmp_path, kind):
    (tmp_path / "a.json").write_bytes(b"one")

    def stops():
        with writing.instead(tmp_path / "a.json") as draft:
            draft.write_bytes(b"tw")
            raise kind("stopped")

    with pytest.raises(OutputError if kind is OSError else kind, match="stopped"):
        stops()
    assert (tmp_path / "a.json").read_bytes() == b"one" and len(list(tmp_path.iterdir())) == 1


def test_a_file_may_have_the_longest_name_there_is(tmp_path):
    path = tmp_path / ("a" * 255)
    writing.replace(path, b"one")
    assert path.read_bytes() == b"one"


def test_threads_that_write_one_file_leave_one_of_their_texts(tmp_path):
    told = [bytes([65 + k]) * 100_000 for k in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda raw: [writing.replace(tmp_path / "a", raw) for _ in range(20)], told))
    assert (tmp_path / "a").read_bytes() in told and len(list(tmp_path.iterdir())) == 1


def test_a_folder_is_looked_at_before_it_is_made(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nosuch")
    for name in ("file", "file/x", "file/x/y", "link", "link/x"):
        with pytest.raises(OutputError, match="--out"):
            writing.check_folder(tmp_path / name)
        with pytest.raises(OutputError):
            writing.make(tmp_path / name)
    for name in ("file/x", "link", "link/x"):
        with pytest.raises(OutputError, match="--out"):
            writing.check_file(tmp_path / name)
    with pytest.raises(OutputError, match="there is no folder"):
        writing.check_file(tmp_path / "new" / "x.md", "--table", parents=False)
    writing.check_file(tmp_path / "new" / "x.json")
    writing.check_folder(tmp_path / "new" / "deep")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]
    for check in (writing.check_folder, writing.check_file):
        with pytest.raises(ConfigError, match="got nothing"):
            check(" ")
