"""A journal of an older schema becomes a whole copy, or none."""

from __future__ import annotations

import pytest

from engine.errors import JournalError
from engine.journal import create, encode, examine, migrate, read, reopen, witness
from engine.journal.frame import genesis, pack, preamble
from tests.journal.proofs import prepared
from tests.journal.script import FOLDER, OWNER
from tests.journal.simdisk import SimDisk, crash_images

NEW = FOLDER.parent / "copy"


def old_journal(schema: int = 0):
    """Four rows under an older preamble, in which a slice's key was called `when`."""
    disk = prepared()
    create(FOLDER, {}, disk, OWNER).close()
    data, rows = preamble(schema), []
    for seq, (kind, body) in enumerate([("start", {"name": "old"}), *(("slice", {"when": k}) for k in range(3))]):
        frame, row = pack(seq, kind, encode(body), rows[-1].hash if rows else genesis(data), len(data))
        data += frame
        rows.append(row)
    for name, content in (("journal", data), ("witness", witness.pack(witness.Mark(3, len(data), rows[-1].hash)) * 2)):
        disk.tree.data[disk.tree.find(FOLDER / name)][:] = content
    disk.trace.clear()
    return disk, rows[-1].hash


def renamed(rows):
    for kind, body in rows:
        yield kind, {"time" if key == "when" else key: value for key, value in body.items()}


def test_an_older_journal_is_migrated_into_a_copy_that_says_what_it_was_made_of():
    disk, head = old_journal()
    before = disk.tree.files()
    with pytest.raises(JournalError, match="Migrate it into a copy"):
        reopen(FOLDER, disk, OWNER)
    copied = migrate(FOLDER, NEW, {0: renamed}, disk, OWNER)
    rows = list(read(NEW, disk))
    assert [row.body for row in rows[1:]] == [{"time": k} for k in range(3)]
    assert rows[0].body == {"name": "old", "migrated": {"schema": 0, "head": head}}
    assert rows[-1].hash == copied == examine(NEW, disk).head
    after = disk.tree.files()
    assert {path: after[path] for path in before if not path.endswith("lock")} == {
        p: d for p, d in before.items() if not p.endswith("lock")
    }


def test_a_crash_during_a_migration_leaves_the_old_one_and_no_copy_or_a_whole_one():
    disk, _ = old_journal()
    start = disk.tree.copy()
    head = migrate(FOLDER, NEW, {0: renamed}, disk, OWNER)
    seen = set()
    for _, tree in crash_images(disk.trace, start):
        left = SimDisk(tree)
        files = left.tree.files()
        if any(path.startswith(f"{NEW}/") for path in files):
            assert examine(NEW, left).head == head
            seen.add("whole")
        else:
            assert migrate(FOLDER, NEW, {0: renamed}, left, OWNER) == head
            seen.add("none")
    assert seen == {"whole", "none"}


def test_what_needs_no_migration_or_has_no_step_is_refused():
    disk, _ = old_journal()
    with pytest.raises(JournalError, match="schema 0 is too old"):
        migrate(FOLDER, NEW, {}, disk, OWNER)
    disk, _ = old_journal(schema=2)
    with pytest.raises(JournalError, match="schema 2, this version knows 1"):
        migrate(FOLDER, NEW, {}, disk, OWNER)
    disk = prepared()
    create(FOLDER, {}, disk, OWNER).close()
    with pytest.raises(JournalError, match="nothing to migrate"):
        migrate(FOLDER, NEW, {}, disk, OWNER)


def test_a_damaged_older_journal_is_not_migrated():
    disk, _ = old_journal()
    disk.tree.data[disk.tree.find(FOLDER / "journal")][-1] ^= 1
    with pytest.raises(JournalError, match="acknowledged"):
        migrate(FOLDER, NEW, {0: renamed}, disk, OWNER)
    assert not any(path.startswith(str(NEW)) for path in disk.tree.files())
