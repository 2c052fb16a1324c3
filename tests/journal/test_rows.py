"""Rows come back as they were given, bit for bit, and the bytes of a journal are what its page says."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib

import numpy as np
import pytest

from engine.errors import DamagedError, JournalError
from engine.journal import create, decode, encode, examine, read, reopen
from engine.journal.frame import pack
from tests.journal.script import ROOT


def test_a_row_comes_back_as_it_was_given(tmp_path):
    given = {
        "time": 1_600_000_000_000_000_000,
        "close": np.array([1.5, -0.0]),
        "names": ["A", "é"],
        "late": None,
        "x": {"y": 0.1},
    }
    with create(tmp_path / "j", {"name": "one"}) as writer:
        row = writer.append("slice", given)
        assert writer.head == row.hash and (row.seq, row.kind) == (1, "slice")
    first, second = read(tmp_path / "j")
    assert (first.seq, first.kind, first.body) == (0, "start", {"name": "one"})
    assert second == row
    body = second.body
    assert body["close"].tobytes() == struct.pack("<dd", 1.5, -0.0) and body["close"].dtype == "<f8"
    assert {key: value for key, value in body.items() if key != "close"} == {
        k: v for k, v in given.items() if k != "close"
    }


def test_every_nan_keeps_its_bits():
    bits = np.array([0x7FF8000000000000, 0x7FF8000000000123, 0xFFF8000000000001, 0x7FF0000000000001], np.uint64)
    body = decode(encode({"array": bits.view(np.float64), "scalar": float("nan"), "inf": float("-inf")}))
    assert body["array"].view(np.uint64).tolist() == bits.tolist()
    assert body["scalar"] != body["scalar"] and body["inf"] == float("-inf")
    odd = struct.unpack(">d", bytes.fromhex("7ff8000000000123"))[0]
    assert struct.pack(">d", decode(encode({"x": odd}))["x"]).hex() == "7ff8000000000123"


def test_the_order_of_keys_and_of_memory_does_not_reach_the_bytes():
    square = np.arange(6.0).reshape(2, 3)
    one = encode({"a": 1, "b": square, "c": {"x": 1, "y": 2}})
    assert encode({"c": {"y": 2, "x": 1}, "b": np.asfortranarray(square), "a": 1}) == one
    assert encode({"a": 1, "b": square.astype(">f8"), "c": {"x": 1, "y": 2}}) == one
    assert encode({"a": np.int64(1), "b": square[:, ::-1][:, ::-1], "c": {"x": 1, "y": 2}}) == one
    assert encode(decode(one)) == one


def test_arrays_of_every_kind_keep_shape_and_type():
    given = [
        np.zeros((0, 3)),
        np.arange(4, dtype=np.uint32),
        np.array(7),
        np.array([True, False]),
        np.zeros((2, 2, 2), np.float32),
    ]
    for array, back in zip(given, decode(encode({"all": given}))["all"], strict=True):
        assert back.shape == array.shape and back.dtype == array.dtype and back.tobytes() == array.tobytes()
    assert decode(encode({"raw": b"\x00\xff", "then": np.array([2.0])}))["raw"] == b"\x00\xff"


def test_what_cannot_be_kept_is_refused_with_its_place(tmp_path):
    for body, place in [
        ({"a": [1, {"b": object()}]}, r"body\.a\[1\]\.b: a object"),
        ({"a": np.array(["x"])}, r"body\.a: arrays are of"),
        ({"a": np.array([None])}, r"body\.a: arrays are of"),
        ({"$array": 1}, r"keys are text"),
        ({1: 1}, r"keys are text"),
        ({"a": 1 + 2j}, r"body\.a: a complex"),
        ({"a": "\ud800"}, "no Unicode"),
    ]:
        with create(tmp_path / "j", {}) as writer:
            before = writer.head
            with pytest.raises(JournalError, match=place):
                writer.append("slice", body)
            assert writer.head == before and writer.append("slice", {}).seq == 1
        for file in (tmp_path / "j").iterdir():
            file.unlink()


def test_a_row_that_is_too_long_is_refused():
    with pytest.raises(JournalError, match="at most 67,108,864"):
        pack(1, "slice", bytes(1 << 26), "00" * 32, 0)
    with pytest.raises(JournalError, match="1 to 255"):
        pack(1, "", b"", "00" * 32, 0)


def test_other_bytes_are_no_body():
    good = encode({"a": np.zeros(2), "b": 1})
    for bad in (
        b"",
        b"\x01",
        good[:-1],
        good + b"x",
        good.replace(b"<f8", b"<c8"),
        struct.pack("<I", 2) + b"[]",
        struct.pack("<I", 99) + b"{}",
    ):
        with pytest.raises(DamagedError):
            decode(bad)
    text = b'{"a":{"$bytes":10},"b":{"$bytes":-7}}'
    with pytest.raises(DamagedError, match="short"):
        decode(struct.pack("<I", len(text)) + text + b"abc")


def blocks() -> list[str]:
    """The Python of docs/journal.md."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/journal.md").read_text(), re.DOTALL | re.MULTILINE)


def test_the_page_shows_what_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(blocks()[0], {})
    head, *shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in shown] == [["0", "start"], ["1", "slice"], ["2", "intent"], ["3", "restart"]]
    assert examine("sessions/one/journal").head == head


def test_the_bytes_are_those_of_the_page(tmp_path):
    with create(tmp_path / "j", {"name": "fixed"}) as writer:
        writer.append("slice", {"time": 1, "close": np.array([1.0, np.nan])})
        writer.append("answer", {"ok": True, "price": 10.25})
    rows = [(row.seq, row.kind, row.hash) for row in read(tmp_path / "j")]
    page: dict = {}
    exec(blocks()[1], page)
    assert page["rows"](tmp_path / "j" / "journal") == rows
    # By hand: a change of the format must be a new schema.
    body = struct.pack("<I", 16) + b'{"name":"fixed"}'
    payload = struct.pack("<QH", 0, 5) + b"start" + body
    before = hashlib.sha256(b"barcast journal, schema 00001\n").digest()
    frame = (
        struct.pack("<II", len(payload), zlib.crc32(before + payload, zlib.crc32(struct.pack("<I", len(payload)))))
        + before
        + payload
    )
    data = (tmp_path / "j" / "journal").read_bytes()
    assert data[30 : 30 + len(frame)] == frame
    assert writer.head == "81a0229e0fb1743512d4566a7774161b52c183e37b662283af827bd6ca500528"
    slot = b"witness\n" + struct.pack("<QQ", 2, len(data)) + bytes.fromhex(writer.head)
    slot += struct.pack("<I", zlib.crc32(slot + bytes(4040))) + bytes(4036)
    assert (tmp_path / "j" / "witness").read_bytes() == slot + slot


def test_rows_wait_for_their_commit_and_the_witness_comes_after(tmp_path):
    writer = create(tmp_path / "j", {})
    writer.append("slice", {})
    assert examine(tmp_path / "j").last_seq == 0
    writer.commit()
    assert (writer.last_seq, writer.committed, writer.witnessed) == (1, 1, 0)
    found = examine(tmp_path / "j")
    assert (found.rows, found.last_seq, found.witnessed, found.cut) == (2, 1, 0, 0)
    writer.append("slice", {})
    assert writer.witness() == writer.head
    assert (writer.committed, writer.witnessed) == (2, 2) and examine(tmp_path / "j").witnessed == 2
    writer.close()


def test_a_reader_works_beside_a_writer_and_sees_whole_rows_only(tmp_path):
    with create(tmp_path / "j", {}) as writer:
        seen = []
        for k in range(20):
            writer.append("slice", {"k": k, "close": np.zeros(k * 100)})
            writer.commit() if k % 2 else writer.witness()
            seen.append([row.seq for row in read(tmp_path / "j")])
    assert seen == [list(range(k + 2)) for k in range(20)]


def test_a_reopened_journal_goes_on_where_it_was(tmp_path):
    writer = create(tmp_path / "a" / "b" / "j", {"n": 1})
    writer.append("slice", {"k": 1})
    writer.witness()
    writer._let_go()
    writer, found = reopen(tmp_path / "a" / "b" / "j")
    assert (found.rows, found.last_seq, found.cut, found.head) == (2, 1, 0, writer.head)
    with writer:
        writer.append("slice", {"k": 2})
    assert [row.body for row in read(tmp_path / "a" / "b" / "j")] == [{"n": 1}, {"k": 1}, {"k": 2}]


def test_after_a_recovery_both_slots_name_the_last_row(tmp_path):
    writer = create(tmp_path / "j", {})
    writer.append("slice", {})
    writer.commit()
    writer._let_go()
    writer, found = reopen(tmp_path / "j")
    slots = (tmp_path / "j" / "witness").read_bytes()
    assert slots[:4096] == slots[4096:] and found.witnessed == 0 and examine(tmp_path / "j").witnessed == 1
    writer.close()


def test_after_an_exception_what_was_not_committed_is_let_go(tmp_path):
    def session():
        with create(tmp_path / "j", {}) as writer:
            writer.append("slice", {})
            writer.witness()
            writer.append("slice", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        session()
    assert [row.seq for row in read(tmp_path / "j")] == [0, 1]
    reopen(tmp_path / "j")[0].close()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(JournalError, match="holds something already"):
        create(tmp_path, {})
    with pytest.raises(JournalError, match="is a file"):
        create(tmp_path / "notes.txt", {})
    for ask in (lambda f: list(read(f)), examine, reopen):
        with pytest.raises(JournalError, match="no journal here"):
            ask(tmp_path)
        with pytest.raises(JournalError, match="no journal here"):
            ask(tmp_path / "nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
