"""Damage is refused with its offset, or lies beyond what anybody was told of. Worked on a disk in memory, byte by byte."""

from __future__ import annotations

from random import Random

import pytest

from engine.errors import DamagedError, HeldError, JournalError
from engine.journal import create, examine, read, recover, reopen
from engine.journal.frame import pack, preamble
from tests.journal.proofs import FLIPS, cut_everywhere, flipped_everywhere, sample
from tests.journal.script import FOLDER, OWNER
from tests.journal.simdisk import SimDisk, power_states
from tests.promises import note, size


def outcome(tree) -> str | int:
    """How many rows a reader sees, or the refusal."""
    try:
        return sum(1 for _ in read(FOLDER, SimDisk(tree)))
    except JournalError as error:
        return str(error)


def test_every_flipped_byte_is_refused_or_beyond_the_witness():
    for closed in (True, False):
        given = sample(closed)
        figures = flipped_everywhere(given, FLIPS[: size(2, 9)])
        assert figures.wrong == {}, figures.first
        assert figures.refused > 800
        assert (figures.beyond > 300) is not closed
        note("damage", bytes=len(given.tree.data[given.journal]), flips=figures.states, **outcomes(figures))


def test_every_cut_suffix_is_refused_or_beyond_the_witness():
    for closed in (True, False):
        figures = cut_everywhere(sample(closed))
        assert figures.wrong == {}, figures.first
        assert figures.refused > 700
        note("damage", cuts=figures.states, **outcomes(figures))


def outcomes(figures) -> dict[str, int]:
    """What came of damage, for the table."""
    return {
        "refused": figures.refused,
        "beyond_the_witness": figures.beyond,
        "in_one_of_two_slots": figures.harmless,
        "unnoticed": figures.wrong.total(),
    }


def test_a_deleted_file_is_refused_and_named():
    for name in ("journal", "witness"):
        given = sample(True)
        folder = given.tree.find(FOLDER)
        given.tree.apply(("unlink", folder, name))
        assert f"{name}: missing" in outcome(given.tree)
        with pytest.raises(DamagedError, match="missing"):
            reopen(FOLDER, SimDisk(given.tree), OWNER)
    given.tree.apply(("unlink", folder, "journal"))
    assert "no journal here" in outcome(given.tree)
    note("damage", files_deleted=3, refused=3)


def test_the_note_of_the_writer_may_be_deleted_or_spoilt():
    given = sample(False)
    note = given.tree.find(FOLDER / "lock")
    for spoilt in (b"", b"\x00" * 40, b'{"pid": "x"}', b"[]"):
        given.tree.data[note][:] = spoilt
        assert recover(FOLDER, SimDisk(given.tree), OWNER).last_seq == len(given.rows) - 1
    given.tree.apply(("unlink", given.tree.find(FOLDER), "lock"))
    assert recover(FOLDER, SimDisk(given.tree), OWNER).last_seq == len(given.rows) - 1


def test_rows_that_are_swapped_repeated_or_taken_out_are_refused():
    given = sample(True)
    file, data = given.journal, bytes(given.tree.data[given.journal])
    a, b, c = given.rows[3:6]
    for changed in (
        data[: a.offset] + data[b.offset : b.end] + data[a.offset : a.end] + data[b.end :],
        data[: b.offset] + data[a.offset : a.end] + data[b.offset :],
        data[: a.offset] + data[b.offset :],
    ):
        given.tree.data[file][:] = changed
        assert "byte" in outcome(given.tree) and "acknowledged" in outcome(given.tree)


def test_a_row_that_is_rewritten_with_good_checksums_is_refused_by_the_chain():
    given = sample(True)
    a = given.rows[3]
    frame, _ = pack(a.seq, a.kind, bytes(len(a.raw)), given.rows[2].hash, a.offset)
    given.tree.apply(("write", given.journal, a.offset, frame))
    assert f"byte {a.end:,}: it stands on another row" in outcome(given.tree)


def test_a_last_row_that_is_rewritten_with_good_checksums_is_refused_by_the_witness():
    given = sample(True)
    last = given.rows[-1]
    frame, _ = pack(last.seq, last.kind, bytes(len(last.raw)), given.rows[-2].hash, last.offset)
    given.tree.apply(("write", given.journal, last.offset, frame))
    assert "is another than was acknowledged" in outcome(given.tree)


def test_a_row_with_another_number_is_refused():
    given = sample(False)
    last = given.rows[-1]
    frame, _ = pack(last.seq + 5, "slice", b"", last.hash, last.end)
    given.tree.apply(("write", given.journal, last.end, frame))
    looked = examine(FOLDER, SimDisk(given.tree))
    assert looked.rows == len(given.rows) and looked.why == f"it is row {last.seq + 5} where row {last.seq + 1} belongs"


def test_an_older_journal_under_a_newer_witness_is_refused():
    given = sample(True)
    given.tree.apply(("truncate", given.journal, given.rows[-3].end))
    assert f"byte {given.rows[-3].end:,}: it ends here" in outcome(given.tree)


def test_an_older_copy_of_both_files_shows_only_against_a_head_kept_elsewhere():
    given = sample(False)
    printed = given.rows[-1].hash
    disk = SimDisk(given.tree)
    older = given.rows[4]
    disk.tree.apply(("truncate", given.journal, older.end))
    disk.tree.apply(("write", disk.tree.find(FOLDER / "witness"), 0, given.slot(older) * 2))
    assert examine(FOLDER, disk).head == older.hash != printed


def test_zeros_and_rubbish_after_the_last_row_are_cut_and_kept_aside():
    for tail in (bytes(5000), b"\xff" * 3, bytes([7]) * 600):
        given = sample(True)
        end = len(given.tree.data[given.journal])
        given.tree.apply(("write", given.journal, end, tail))
        disk = SimDisk(given.tree)
        before = disk.tree.files()
        looked = examine(FOLDER, disk)
        assert (looked.cut, looked.cut_file, looked.rows) == (len(tail), None, len(given.rows)) and looked.why
        assert disk.tree.files() == before
        found = recover(FOLDER, disk, OWNER)
        assert (found.cut, found.end, found.head) == (len(tail), end, given.rows[-1].hash)
        assert disk.tree.files()[str(found.cut_file)] == tail
        assert examine(FOLDER, disk).cut == 0


def test_a_tail_is_never_gone_from_both_places_whatever_a_power_cut_leaves_of_the_recovery():
    given = sample(True)
    tail = bytes(range(256)) * 6
    end = len(given.tree.data[given.journal])
    given.tree.apply(("write", given.journal, end, tail))
    disk = SimDisk(given.tree)
    kept = str(recover(FOLDER, disk, OWNER).cut_file)
    seen = set()
    for _, tree in power_states(disk.trace, 20, Random(1), given.tree):
        files = tree.files()
        places = (bytes(tree.data[given.journal][end:]) == tail, files.get(kept) == tail)
        assert any(places)
        seen.add(places)
    assert seen == {(True, False), (True, True), (False, True)}


def test_a_slow_reader_that_meets_both_slots_half_written_looks_again():
    given = sample(True)
    disk = SimDisk(given.tree)
    witness = disk.tree.find(FOLDER / "witness")
    whole, read_once = bytes(disk.tree.data[witness]), disk.read

    def torn(handle, size, offset):
        disk.read = read_once
        assert disk.handles[handle] == witness
        return whole[:20] + bytes(4090) + whole[4110:]

    disk.read = torn
    assert examine(FOLDER, disk).rows == len(given.rows)


def test_a_newer_schema_is_refused_and_an_older_one_asks_for_its_migration():
    given = sample(True)
    for schema, told in ((2, "schema 2, this version knows 1"), (0, "Migrate it into a copy")):
        given.tree.data[given.journal][:30] = preamble(schema)
        assert told in outcome(given.tree)
        with pytest.raises(JournalError, match=told):
            reopen(FOLDER, SimDisk(given.tree), OWNER)


def test_a_witness_of_another_journal_is_refused():
    one, other = sample(True), sample(True, seed=9)
    one.tree.data[one.tree.find(FOLDER / "witness")][:] = other.tree.data[other.tree.find(FOLDER / "witness")]
    assert "acknowledged" in outcome(one.tree)


def test_slots_that_contradict_each_other_are_refused():
    given = sample(True)
    last = given.rows[-1]
    lie = given.slot(
        last._replace(hash="11" * 32)
        if hasattr(last, "_replace")
        else type(last)(last.seq, "x", b"", 0, last.end, "11" * 32)
    )
    given.tree.apply(("write", given.tree.find(FOLDER / "witness"), 4096, lie))
    assert "its slots name different rows" in outcome(given.tree)


def test_both_slots_are_checked_against_the_rows():
    given = sample(False)
    early = given.rows[2]
    lie = given.slot(type(early)(early.seq, "x", b"", 0, early.end, "11" * 32))
    slots = given.tree.data[given.tree.find(FOLDER / "witness")]
    stale = 0 if int.from_bytes(slots[8:16], "little") < int.from_bytes(slots[4104:4112], "little") else 4096
    slots[stale : stale + 4096] = lie
    assert "row 2 is another than was acknowledged" in outcome(given.tree)


def test_a_sector_that_cannot_be_read_is_told_and_nothing_changes():
    given = sample(True)
    disk = SimDisk(given.tree)

    def unreadable(offset):
        if offset > 0:
            raise OSError(5, "Input/output error")

    disk.reads = unreadable
    for ask in (lambda: list(read(FOLDER, disk)), lambda: recover(FOLDER, disk, OWNER)):
        with pytest.raises(JournalError, match="cannot be read") as told:
            ask()
        assert not isinstance(told.value, DamagedError | HeldError)
    assert disk.tree.files().keys() - {str(FOLDER / "lock")} == given.tree.files().keys()
    with pytest.raises(JournalError, match="holds something"):
        create(FOLDER, {}, disk, OWNER)
