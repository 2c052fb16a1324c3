"""The kill latch: whatever happens to the disk, nothing is sent after a kill until somebody resumes with a reason."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from engine.errors import JournalError, StoppedError
from engine.latch import Kill, Permit, issue, kill, look, resume
from tests.journal.script import ROOT
from tests.journal.simdisk import SimDisk, crash_images, power_states
from tests.promises import note

PLACE = Path("/session")


def prepared(*, permitted: bool = True) -> SimDisk:
    """A disk with a session's folder, durable."""
    disk = SimDisk()
    disk.mkdir(PLACE)
    if permitted:
        issue(PLACE, 1, disk)
    disk.trace.clear()
    return disk


def refusing(disk, *words, number=errno.ENOSPC):
    def fault(k, op):
        if op[0] in words:
            raise OSError(number, os.strerror(number))

    disk.fault = fault
    return disk


def test_a_session_is_permitted_killed_and_resumed(tmp_path):
    assert look(tmp_path) is None
    assert issue(tmp_path, 5) == look(tmp_path) == Permit(0, "start", 5)
    assert kill(tmp_path, "strange fills", 6) == Kill(was_open=True, durable=True)
    assert look(tmp_path) is None
    assert '"killed": "strange fills"' in (tmp_path / "killed").read_text()
    assert kill(tmp_path) == Kill(was_open=False, durable=True)
    assert resume(tmp_path, " looked at them ", 7) == look(tmp_path) == Permit(1, "looked at them", 7)
    kill(tmp_path)
    assert resume(tmp_path, "again", 8) == look(tmp_path) == Permit(2, "again", 8)
    assert resume(tmp_path, "not killed", 9) == Permit(2, "again", 8)


def test_resuming_asks_for_a_reason(tmp_path):
    issue(tmp_path, 1)
    kill(tmp_path)
    for reason in ("", "  \n"):
        with pytest.raises(JournalError, match="--reason TEXT"):
            resume(tmp_path, reason, 2)
    assert look(tmp_path) is None


def test_a_restart_issues_no_second_permit(tmp_path):
    issue(tmp_path, 1)
    for _ in range(2):
        with pytest.raises(JournalError, match="Only barcast resume"):
            issue(tmp_path, 2)
        kill(tmp_path)
    assert look(tmp_path) is None


def test_what_cannot_be_looked_at_is_no_permit(tmp_path):
    assert look(tmp_path / "nowhere") is None
    for content in (b"", b"{", b"[]", b'{"serial": 1}', b'{"killed": "", "serial": 3}', b"\xff\xfe"):
        (tmp_path / "permit").write_bytes(content)
        assert look(tmp_path) is None
    (tmp_path / "permit").unlink()
    (tmp_path / "permit").mkdir()
    assert look(tmp_path) is None


def test_a_withdrawn_permit_is_none_wherever_it_is_put(tmp_path):
    issue(tmp_path, 1)
    kill(tmp_path)
    (tmp_path / "killed").rename(tmp_path / "permit")
    assert look(tmp_path) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_writes_nothing_does_not_stop_a_kill(number):
    disk = refusing(prepared(), "write", "create", "truncate", number=number)
    assert kill(PLACE, "disk full", 2, disk) == Kill(was_open=True, durable=True)
    assert look(PLACE, disk) is None
    with pytest.raises(StoppedError, match="nothing is sent"):
        resume(PLACE, "trying", 3, disk)
    assert look(PLACE, disk) is None
    disk.fault = None
    assert resume(PLACE, "made room", 4, disk).serial == 1


def test_a_folder_without_room_for_a_name_loses_its_permit_all_the_same():
    disk = refusing(prepared(), "rename")
    assert kill(PLACE, "", 2, disk) == Kill(was_open=True, durable=True)
    assert look(PLACE, disk) is None
    disk.fault = None
    assert resume(PLACE, "looked", 3, disk).serial == 1


def test_a_latch_that_a_power_cut_may_open_is_told():
    disk = refusing(prepared(), "sync", number=errno.EIO)
    assert kill(PLACE, "", 2, disk) == Kill(was_open=True, durable=False)
    assert look(PLACE, disk) is None


def test_a_disk_that_allows_nothing_at_all_says_what_is_left_to_do():
    disk = refusing(prepared(), "rename", "unlink", number=errno.EROFS)
    with pytest.raises(StoppedError, match="End the session's process"):
        kill(PLACE, "", 2, disk)


def test_a_resume_that_fails_permits_nothing():
    whole = prepared()
    kill(PLACE, "", 2, whole)
    start = whole.tree.copy()
    whole.trace.clear()
    resume(PLACE, "looked", 3, whole)
    for at in range(len(whole.trace)):
        disk, fired = SimDisk(start), []

        def fault(k, op, at=at, fired=fired):
            if k == at and not fired:
                fired.append(op)
                raise OSError(28, "full")

        disk.fault = fault
        with pytest.raises(StoppedError, match="nothing is sent"):
            resume(PLACE, "looked", 3, disk)
        disk.fault = None
        assert look(PLACE, disk) is None
        assert resume(PLACE, "looked", 3, disk).serial == 1


def test_a_kill_at_any_moment_of_a_resume_wins():
    whole = prepared()
    kill(PLACE, "", 2, whole)
    start = whole.tree.copy()
    whole.trace.clear()
    resume(PLACE, "looked", 3, whole)
    for at in range(1, len(whole.trace)):  # before the first call, the kill has come before the resume
        disk = SimDisk(start)
        other = SimDisk()
        other.tree = disk.tree

        def fault(k, op, at=at, other=other):
            if k == at:
                kill(PLACE, "now", 4, other)

        disk.fault = fault
        try:
            resume(PLACE, "looked", 3, disk)
        except (JournalError, KeyError) as error:
            assert "killed meanwhile" in str(error) or isinstance(error, KeyError)
        assert look(PLACE, other) is None


def test_no_crash_opens_a_latch_or_loses_a_resume():
    for style in (crash_images, lambda trace, tree: power_states(trace, 20, Random(1), tree)):
        disk = prepared()
        start = disk.tree.copy()
        kill(PLACE, "why", 2, disk)
        killed = len(disk.trace)
        synced = next(k for k, op in enumerate(disk.trace) if op[0] == "sync") + 1
        resume(PLACE, "looked", 3, disk)
        renamed = max(k for k, op in enumerate(disk.trace) if op[0] == "rename")
        seen = set()
        for calls, tree in style(disk.trace, start):
            permit = look(PLACE, SimDisk(tree))
            if synced <= calls <= max(killed, renamed):
                assert permit is None
            if calls == len(disk.trace):
                assert permit == Permit(1, "looked", 3)
            seen.add(permit.serial if permit else None)
        assert seen == {0, None, 1}


FULL = """
import pathlib, sys
from engine.errors import StoppedError
from engine.journal import create
from engine.latch import issue, kill, look, resume
place = pathlib.Path(sys.argv[1])
issue(place, 1)
(place / "reserve").write_bytes(bytes(8192))
writer = create(place / "journal", {})
try:
    while True:
        writer.append("slice", {"raw": bytes(5000)})
        writer.witness()
except StoppedError as error:
    assert "No space left on device" in str(error), error
fill = (place / "fill").open("wb", buffering=0)
for size in (4096, 1):
    try:
        while True:
            fill.write(bytes(size))
    except OSError:
        pass
assert look(place) is not None
print(kill(place, "full", 2), look(place))
try:
    resume(place, "trying", 3)
except StoppedError as error:
    print("refused", look(place))
(place / "reserve").unlink()
print(resume(place, "made room", 4))
"""


@pytest.mark.skipif(not shutil.which("unshare") or os.geteuid() != 0, reason="a small file system needs root")
def test_a_kill_works_on_a_disk_that_is_really_full(tmp_path):
    script = tmp_path / "full.py"
    script.write_text(FULL)
    place = tmp_path / "small"
    place.mkdir()
    mounted = f"mount -t tmpfs -o size=128k none {place} && exec {sys.executable} {script} {place}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mounted],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    if "permission denied" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip("no file system may be mounted here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Kill(was_open=True, durable=True) None",
        "refused None",
        "Permit(serial=1, reason='made room', at=4)",
    ]
    note("disk", real_disks_full_or_limited=1)


LIMITED = """
import resource, sys
from engine.latch import kill, look
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
assert kill(sys.argv[1], "no byte may be written", 2).was_open and look(sys.argv[1]) is None
"""


def test_a_kill_works_where_no_byte_may_be_written(tmp_path):
    issue(tmp_path, 1)
    subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], check=True, cwd=ROOT)
    assert look(tmp_path) is None
    assert resume(tmp_path, "limit lifted", 3).serial == 1
    note("disk", real_disks_full_or_limited=1)


def test_a_kill_from_another_process_is_seen_at_the_next_look(tmp_path):
    issue(tmp_path, 1)
    code = (
        "import sys, time\nfrom engine.latch import look\nprint('looking', flush=True)\n"
        "while look(sys.argv[1]): time.sleep(.001)\nprint('stopped', flush=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "looking\n"
    kill(tmp_path)
    assert process.communicate(timeout=60)[0] == "stopped\n" and process.returncode == 0
