"""Nothing that was acknowledged is lost when the process is killed or the power goes; short versions of scripts/torture journal."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from tests.journal.proofs import killed, killed_twice, power_cut, prepared, together, without_sync
from tests.journal.script import ROOT, judged, scripted
from tests.journal.simdisk import SECTOR, Cache, SimDisk, Tree, crash_images
from tests.promises import note, size


def test_a_kill_at_any_call_of_a_writer_loses_nothing_acknowledged(capsys):
    figures = together([killed(size(80, 120), seed) for seed in range(1, 1 + size(1, 5))])
    with capsys.disabled():
        print("\n" + figures.line("crash images"))
    assert figures.wrong == {}, figures.first
    assert figures.states >= 1000
    note("kill", crash_images=figures.states, rows_lost=figures.wrong["lost"])


def test_a_power_cut_at_any_call_of_a_writer_loses_nothing_acknowledged(capsys):
    seeds = range(2, 2 + size(1, 5))
    figures = together([power_cut(size(18, 40), size(10, 24), seed) for seed in seeds])
    with capsys.disabled():
        print("\n" + figures.line("power cuts"))
    assert figures.wrong == {}, figures.first
    assert figures.states > 600
    note("power", states_after_a_power_cut=figures.states, rows_lost_to_it=figures.wrong["lost"])


def test_a_second_crash_during_or_after_the_recovery_loses_nothing():
    seeds = range(3, 3 + size(1, 5))
    figures = together([killed_twice(size(8, 15), seed, firsts=size(4, 8)) for seed in seeds])
    assert figures.wrong == {}, figures.first
    assert figures.states > 500 and figures.torn >= 2
    note("power", states_after_a_second_crash=figures.states, rows_lost_to_that=figures.wrong["lost"])


def test_without_the_syncs_a_power_cut_loses_rows():
    figures = power_cut(6, 6, wrap=without_sync)
    assert figures.wrong["lost"] > 0 and figures.wrong["refused"] > 0
    note("power", states_that_lose_rows_once_the_syncs_are_left_out=figures.wrong["lost"])


def test_every_change_of_the_script_is_in_its_trace_and_gives_its_state_again():
    disk = prepared()
    start = disk.tree.copy()
    scripted(disk, 6)
    *_, (calls, last) = crash_images(disk.trace, start)
    assert calls == len(disk.trace) and last.files() == disk.tree.files()
    assert {op[0] for op in disk.trace} == {"create", "mkdir", "write", "sync", "rename", "unlink"}


def test_the_judge_sees_what_is_lost_and_what_was_never_written():
    disk = prepared()
    told = scripted(disk, 4)
    last = len(told.hashes) - 1
    assert judged(SimDisk(disk.tree), told.hashes, last) == ""
    assert judged(SimDisk(disk.tree), [*told.hashes, "more"], last + 1).startswith("lost")
    assert judged(SimDisk(disk.tree), ["00", *told.hashes[1:]], last).startswith("invented")
    assert judged(SimDisk(), told.hashes, 0).startswith("refused")
    assert judged(prepared(), told.hashes, -1) == ""


def test_the_model_of_a_power_cut_keeps_what_was_synced_and_any_sectors_of_the_rest():
    from random import Random

    tree = Tree()
    tree.apply(("create", 0, "f", 5))
    cache = Cache(tree)
    cache.apply(("write", 5, 0, b"a" * 1000))
    cache.apply(("sync", 5))
    cache.apply(("write", 5, 1000, b"b" * 1560))
    seen = {
        bytes(cache.state(Random(k), style).data[5])
        for k in range(60)
        for style in ("none", "all", "prefix", "some", "grown")
    }
    assert b"a" * 1000 in seen and b"a" * 1000 + b"b" * 1560 in seen
    sizes = {len(content) for content in seen}
    assert sizes == {1000, 1024, 1536, 2048, 2560} and 1024 % SECTOR == 0
    assert all(content[:1000] == b"a" * 1000 for content in seen)
    assert any(content[1000:1024] == bytes(24) and content[1024:1536] == b"b" * 512 for content in seen)


def test_real_kills_agree_with_the_model(tmp_path):
    exact, loose = size(16, 60), size(3, 40)
    command = [sys.executable, "-m", "tests.journal.killing", str(tmp_path), str(exact), str(loose)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["wrong"] == 0, figures["first"]
    assert figures["exact"] == exact and figures["loose"] == loose
    note(
        "kill",
        real_kills_as_the_model_says=exact,
        real_kills_from_outside=loose,
        kills_that_left_something_else=figures["wrong"],
    )


CHANGES = "write,pwrite64,pwritev,ftruncate,truncate,fsync,fdatasync,sync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link"


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_trace_misses_no_system_call(tmp_path):
    """The calls that the system saw, beside those that the seam counted: only creating opens are not compared."""
    code = (
        "import sys; from pathlib import Path; from tests.journal.killing import Real; from tests.journal.script import scripted\n"
        "disk = Real(); scripted(disk, 10, folder=Path(sys.argv[1]))\n"
        "Path(sys.argv[2]).write_text(' '.join(disk.trace))"
    )
    place, counted, log = tmp_path / "s" / "j", tmp_path / "counted", tmp_path / "log"
    traced = ["strace", "-f", "-y", "-o", str(log), "-e", f"trace={CHANGES}"]
    command = [*traced, sys.executable, "-B", "-c", code, str(place), str(counted)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if "ptrace" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    word = {"pwrite64": "write", "fsync": "sync", "fdatasync": "sync"}
    saw = [
        word.get(name, name)
        for name, rest in re.findall(r"^\d+ +(\w+)\((.*)$", log.read_text(), re.MULTILINE)
        if str(tmp_path) in rest and str(counted) not in rest
    ]
    assert saw == [each for each in counted.read_text().split() if each != "open"]
    assert len(saw) > 40
