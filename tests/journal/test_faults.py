"""A disk that fails stops the writer for good: nothing is acknowledged, nothing is tried again, and the journal stays readable."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from engine.errors import StoppedError
from engine.journal import create, examine, read, recover, reopen
from tests.journal.proofs import failed_sync, failing_everywhere, prepared, together
from tests.journal.script import FOLDER, OWNER, ROOT, scripted
from tests.journal.simdisk import SimDisk
from tests.promises import note, size


def stopped_at(kind: str, number: int = errno.EIO):
    """A journal on a disk that refuses the next call of this kind, and the list of calls asked for since."""
    disk = prepared()
    writer = create(FOLDER, {}, disk, OWNER)
    writer.append("slice", {"k": 1})
    writer.witness()
    asked = []

    def fault(k, op):
        asked.append(op[0])
        if op[0] == kind:
            raise OSError(number, "refused")

    disk.fault = fault
    return disk, writer, asked


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("kind", ["write", "sync"])
def test_an_error_of_the_disk_stops_the_writer_and_says_what_is_safe(kind, number):
    disk, writer, asked = stopped_at(kind, number)
    writer.append("slice", {"k": 2})
    with pytest.raises(StoppedError, match=r"rows could not be written \(refused\); rows up to 1 are safe"):
        writer.witness()
    calls = list(asked)
    for again in (lambda: writer.append("slice", {}), writer.commit, writer.witness):
        with pytest.raises(StoppedError, match="rows up to 1 are safe"):
            again()
    disk.fault = None
    writer.close()
    assert asked == calls == (["write", "sync"] if kind == "sync" else ["write"])
    assert (writer.committed, writer.witnessed) == (1, 1)
    assert [row.seq for row in read(FOLDER, disk)][:2] == [0, 1]
    assert reopen(FOLDER, disk, OWNER)[1].last_seq >= 1


def test_a_witness_that_cannot_be_written_acknowledges_nothing():
    disk, writer, _ = stopped_at("none")
    writer.append("slice", {"k": 2})
    writer.commit()
    disk.fault = lambda k, op: (_ for _ in ()).throw(OSError(errno.EIO, "refused"))
    with pytest.raises(StoppedError, match="the witness could not be written"):
        writer.witness()
    assert (writer.committed, writer.witnessed) == (2, 1)


def test_a_sync_is_not_tried_again_when_the_journal_is_closed():
    disk, writer, asked = stopped_at("sync")
    writer.append("slice", {})
    with pytest.raises(StoppedError):
        writer.commit()
    writer.close()
    assert asked.count("sync") == 1 and not disk.handles and not disk.locks


def test_short_writes_are_continued():
    whole, bits = prepared(), prepared()
    told = scripted(whole, 6, folder=FOLDER)
    bits.fault = lambda k, op: 7 if op[0] == "write" and len(op[3]) > 7 and k > 30 else None
    again = scripted(bits, 6, folder=FOLDER)
    assert again.hashes == told.hashes and whole.tree.files() == bits.tree.files()
    assert sum(op[0] == "write" for op in bits.trace) > 100


def test_a_disk_that_takes_nothing_stops_the_writer():
    disk, writer, _ = stopped_at("none")
    disk.fault = lambda k, op: 0
    writer.append("slice", {})
    with pytest.raises(StoppedError, match="took no byte"):
        writer.commit()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, MemoryError, SystemExit])
def test_an_interrupt_in_the_middle_of_a_commit_stops_the_writer(interrupt):
    disk, writer, _ = stopped_at("none")

    def fault(k, op):
        raise interrupt

    disk.fault = fault
    writer.append("slice", {})
    with pytest.raises(interrupt):
        writer.commit()
    disk.fault = None
    with pytest.raises(StoppedError, match=interrupt.__name__):
        writer.commit()


def test_every_call_of_a_writer_may_fail_with_every_error():
    every = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG)
    numbers = every[: size(2, 5)]
    figures = failing_everywhere(size(20, 40), numbers)
    assert figures.wrong == {}, figures.first
    assert figures.states > 100
    note("disk", calls_that_failed=figures.states, kinds_of_error=len(numbers), rows_lost=figures.wrong["lost"])


def test_pages_that_a_failed_sync_has_dropped_are_written_again_at_the_restart():
    figures = together([failed_sync(size(4, 12), 3, seed) for seed in range(4, 4 + size(1, 5))])
    assert figures.wrong == {}, figures.first
    assert figures.states > 150
    note("disk", states_after_a_failed_sync=figures.states, rows_lost=figures.wrong["lost"])


def test_a_recovery_that_fails_leaves_the_journal_for_the_next_one():
    disk = prepared()
    writer = create(FOLDER, {}, disk, OWNER)
    writer.append("slice", {"k": 1})
    writer.witness()
    disk.write(writer._handle, b"torn", disk.size(writer._handle))
    start = disk.tree.copy()
    whole = SimDisk(start)
    assert recover(FOLDER, whole, OWNER).cut == 4
    for at in range(len(whole.trace)):
        broken = SimDisk(start, lambda k, op, at=at: (_ for _ in ()).throw(OSError(28, "full")) if k == at else None)
        with pytest.raises(StoppedError, match="full"):
            recover(FOLDER, broken, OWNER)
        assert not broken.handles and not broken.locks
        broken.fault = None
        assert recover(FOLDER, broken, OWNER).last_seq == 1
        assert [row.seq for row in read(FOLDER, broken)] == [0, 1]


def test_a_full_disk_makes_no_half_journal():
    whole = prepared()
    create(FOLDER, {}, whole, OWNER).close()
    assert whole.trace[-1][0] == "unlink"  # of the note, which may stay
    for at in range(len(whole.trace) - 1):
        disk = prepared()
        disk.fault = lambda k, op, at=at: (_ for _ in ()).throw(OSError(28, "full")) if k == at else None
        try:
            create(FOLDER, {}, disk, OWNER).close()
        except StoppedError as error:
            assert "full" in str(error)
        else:
            raise AssertionError(f"call {at} did not fail")
        disk.fault = None
        assert not disk.handles and not disk.locks
        if str(FOLDER) + "/journal" in disk.tree.files():
            assert examine(FOLDER, disk).last_seq == 0
        else:
            create(FOLDER, {}, disk, OWNER).close()
            assert examine(FOLDER, disk).last_seq == 0


LIMITED = """
import resource, sys
from engine.errors import StoppedError
from engine.journal import create
writer = create(sys.argv[1], {})
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    while True:
        writer.append("slice", {"raw": bytes(777)})
        writer.witness()
except StoppedError as error:
    sys.stdout.write(f"{writer.witnessed} {error}")
"""


def test_a_file_that_may_not_grow_tears_a_real_row_and_loses_none(tmp_path):
    place = tmp_path / "j"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(place)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    witnessed, _, said = done.stdout.partition(" ")
    assert "File too large" in said and "Stop trading" in said
    assert (place / "journal").stat().st_size == 20_000
    looked = examine(place)
    assert looked.last_seq == looked.witnessed == int(witnessed) > 10 and 0 < looked.cut < 900
    writer, found = reopen(place)
    with writer:
        assert found.cut == looked.cut and found.cut_file.stat().st_size == found.cut
        writer.append("restart", {})
    assert [row.seq for row in read(place)] == list(range(int(witnessed) + 2))
    note("disk", real_disks_full_or_limited=1)
