"""The cache across versions of the code, and across processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from engine.data import cache
from engine.places import ROOT
from tests.data.cache.tables import entries, load, table, write

CHILD = """
import sys
from types import SimpleNamespace
from engine.data import cache, sources
from engine.panel import Panel
cache.FEWEST = 1
made, build = [], Panel.from_frame.__func__
Panel.from_frame = classmethod(lambda cls, *a, **k: made.append(1) or build(cls, *a, **k))
keys = dict.fromkeys(("name", "calendar", "missing_open", "symbols", "start", "end"))
data = SimpleNamespace(**keys, source="parquet", path=sys.argv[1], prices="as_traded", dividends="as_traded", model_fields_set=())
for turn in range(int(sys.argv[2])):
    panel = sources.load(data)
    print(len(made), panel.fingerprint)
"""


def start(file: Path, times: int = 1, root: Path = ROOT, **variables: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    command = [sys.executable, "-W", "error", "-c", CHILD, str(file), str(times)]
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines(child: subprocess.Popen) -> list[list[str]]:
    out, errors = child.communicate(timeout=120)
    assert child.returncode == 0 and errors == "", errors
    return [line.split() for line in out.splitlines()]


def test_changed_code_misses(tmp_path, home):
    file = write(tmp_path / "bars.parquet")
    root = tmp_path / "root"
    shutil.copytree(ROOT / "engine", root / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    assert [built for built, _ in lines(start(file, 2, root))] == ["1", "1"]
    assert [built for built, _ in lines(start(file, 2, root))] == ["0", "0"]
    for name in ("engine/data/vetting.py", "engine/panel.py", "engine/types.py"):
        with (root / name).open("a") as source:
            source.write("\n# another opinion\n")
        assert [built for built, _ in lines(start(file, 2, root))] == ["1", "1"]
    assert len(entries(home)) == 4


def test_code_edited_since_it_was_loaded_does_without_a_cache(tmp_path, home, builds, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    load(file)
    monkeypatch.setattr(cache, "LOADED", "of an hour ago")
    load(file)
    assert len(builds) == 2 and len(entries(home)) == 1


def test_processes_at_once_agree_and_leave_one_entry(tmp_path, home):
    file = write(tmp_path / "bars.parquet")
    children = [start(file, 20) for _ in range(4)]
    told = [line for child in children for line in lines(child)]
    assert len({fingerprint for _, fingerprint in told}) == 1
    assert all(int(built) <= 1 for built, _ in told)
    assert [len(path.name) for path in entries(home)] == [64]


def test_processes_that_evict_each_others_entries_go_on(tmp_path, home):
    files = [write(tmp_path / f"{name}.parquet", table(1.0 + k)) for k, name in enumerate("abcd")]
    tight = CHILD.replace("cache.FEWEST = 1", "cache.FEWEST = 1; cache.LIMIT = 12_000")
    assert tight != CHILD
    children = []
    for file in files:
        command = [sys.executable, "-W", "error", "-c", tight, str(file), "20"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        children.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes))
    for child in children:
        assert len({fingerprint for _, fingerprint in lines(child)}) == 1
    assert all(len(path.name) == 64 for path in entries(home))
    assert len(entries(home)) <= 2


def test_what_a_killed_process_left_is_swept_and_a_living_ones_is_not(tmp_path, home):
    home.mkdir(parents=True)
    (home / ".new-dead").mkdir()
    (home / ".new-dead" / "close.npy").write_bytes(b"half")
    with cache._workshop(home) as alive:
        load(write(tmp_path / "bars.parquet"))
        assert alive.is_dir() and not (home / ".new-dead").exists()
    assert len(entries(home)) == 1
