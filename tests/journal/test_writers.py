"""One writer at a time, whoever died before."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from engine.errors import HeldError, StoppedError
from engine.journal import create, examine, lock, migrate, read, recover, reopen
from tests.journal.script import ROOT

HOLD = """
import sys
from engine.journal import reopen
writer, _ = reopen(sys.argv[1])
writer.append("slice", {"by": "the other"})
writer.witness()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def journal(tmp_path):
    with create(tmp_path / "j", {"name": "shared"}):
        pass
    return tmp_path / "j"


def other(place):
    """Another process that writes the journal until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    return process


def ended(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_second_writer_is_refused_until_the_first_is_dead(journal):
    process = other(journal)
    try:
        for ask in (reopen, recover):
            with pytest.raises(HeldError, match=f"process {process.pid} writes this journal"):
                ask(journal)
        assert [row.kind for row in read(journal)] == ["start", "slice"]
        assert lock.noted(lock_disk(), journal).pid == process.pid
    finally:
        ended(process)
    assert (journal / "lock").exists()
    writer, found = reopen(journal)
    writer.close()
    assert found.last_seq == 1 and not (journal / "lock").exists()


def lock_disk():
    from engine.journal.disk import SYSTEM

    return SYSTEM


def test_a_second_writer_in_the_same_process_is_refused(journal):
    writer, _ = reopen(journal)
    with pytest.raises(HeldError):
        reopen(journal)
    writer.append("slice", {})
    writer.close()
    reopen(journal)[0].close()


def test_a_new_journal_is_held_from_its_making_on(tmp_path):
    with create(tmp_path / "k", {}), pytest.raises(HeldError):
        reopen(tmp_path / "k")
    assert not (tmp_path / "k" / "lock").exists()


def test_deleting_the_note_lets_no_second_writer_in(journal):
    process = other(journal)
    try:
        (journal / "lock").unlink()
        with pytest.raises(HeldError, match="another process writes"):
            reopen(journal)
    finally:
        ended(process)
    reopen(journal)[0].close()


def test_a_free_lock_is_not_believed_while_the_noted_process_runs(journal):
    parent = os.getppid()
    told = {"pid": parent, "boot": lock.me().boot, "started": lock._started(parent)}
    (journal / "lock").write_text(json.dumps(told))
    for ask in (reopen, recover):
        with pytest.raises(HeldError, match=f"process {parent} is noted as its writer, and still runs"):
            ask(journal)


def test_a_process_number_that_was_given_anew_holds_nothing(journal):
    parent = os.getppid()
    for told in (
        {"pid": parent, "boot": lock.me().boot, "started": lock._started(parent) - 1},
        {"pid": parent, "boot": "another boot", "started": lock._started(parent)},
        {"pid": 2**22 + 1, "boot": lock.me().boot, "started": 1},
    ):
        (journal / "lock").write_text(json.dumps(told))
        reopen(journal)[0].close()
        assert not (journal / "lock").exists()


def test_a_fork_of_the_writer_may_not_write(journal):
    code = """
import os, sys
from engine.errors import StoppedError
from engine.journal import reopen
writer, _ = reopen(sys.argv[1])
child = os.fork()
if not child:
    try:
        writer.append("slice", {})
    except StoppedError as error:
        os._exit(7 if "not its fork" in str(error) else 1)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
writer.append("slice", {})
writer.close()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(journal)], check=True, cwd=ROOT)
    assert examine(journal).last_seq == 1


def test_a_writer_knows_its_process(journal, monkeypatch):
    with reopen(journal)[0] as writer:
        monkeypatch.setattr("os.getpid", lambda: 7)
        with pytest.raises(StoppedError, match="not its fork 7"):
            writer.append("slice", {})
        monkeypatch.undo()


@pytest.mark.parametrize("name", ["journal", "witness"])
def test_a_file_that_is_deleted_or_replaced_under_the_writer_stops_it(journal, name):
    for replaced in (False, True):
        writer, _ = reopen(journal)
        content = (journal / name).read_bytes()
        (journal / name).rename(journal / "away")
        if replaced:
            (journal / name).write_bytes(content)
        writer.append("slice", {})
        with pytest.raises(StoppedError, match=f"{name} was deleted or replaced"):
            writer.witness()
        writer.close()
        (journal / "away").rename(journal / name)


def test_a_closed_writer_writes_no_more(journal):
    writer, _ = reopen(journal)
    head = writer.close()
    assert writer.close() == head
    with pytest.raises(StoppedError, match="closed"):
        writer.append("slice", {})


def test_a_journal_being_written_is_not_migrated(journal, tmp_path):
    process = other(journal)
    try:
        data = (journal / "journal").read_bytes()
        (journal / "journal").write_bytes(data.replace(b"00001\n", b"00000\n", 1))
        with pytest.raises(HeldError):
            migrate(journal, tmp_path / "new")
    finally:
        ended(process)
