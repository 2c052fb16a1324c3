"""A damaged entry is thrown away, and the panel built again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.data import entry
from tests.data.cache.tables import assert_equal, entries, load, write


def _change(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
        file.write(data)


def _about(kept: Path, change) -> None:
    told = json.loads((kept / entry.ABOUT).read_text())
    change(told["panel"])
    (kept / entry.ABOUT).write_text(json.dumps(told))


DAMAGE = {
    "an array is missing": lambda kept: (kept / "close.npy").unlink(),
    "an array is empty": lambda kept: (kept / "close.npy").write_bytes(b""),
    "an array is cut short": lambda kept: os.truncate(kept / "close.npy", 200),
    "an array is too long": lambda kept: _change(kept / "close.npy", (kept / "close.npy").stat().st_size, b"more"),
    "a block is zero": lambda kept: _change(kept / "high.npy", 256, bytes(256)),
    "one bit is flipped": lambda kept: _change(kept / "volume.npy", 800, b"\x01"),
    "the last byte is changed": lambda kept: _change(kept / "last_of_day.npy", -1, b"\x02"),
    "a header is changed": lambda kept: _change(kept / "low.npy", 20, b"#"),
    "arrays are exchanged": lambda kept: shutil.copy(kept / "high.npy", kept / "low.npy"),
    "an array is an object": lambda kept: np.save(kept / "close.npy", np.array([{}]), allow_pickle=True),
    "panel.json is missing": lambda kept: (kept / entry.ABOUT).unlink(),
    "panel.json is empty": lambda kept: (kept / entry.ABOUT).write_text(""),
    "panel.json is cut short": lambda kept: os.truncate(kept / entry.ABOUT, 500),
    "panel.json is no object": lambda kept: (kept / entry.ABOUT).write_text("[1]"),
    "panel.json is no text": lambda kept: (kept / entry.ABOUT).write_bytes(b"\xff\xfe\x00"),
    "panel.json has no end": lambda kept: (kept / entry.ABOUT).write_text("[" * 100_000),
    "the fingerprint is changed": lambda kept: _about(kept, lambda about: about.update(fingerprint="0" * 64)),
    "an array is not listed": lambda kept: _about(kept, lambda about: about["files"].pop("days")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_thrown_away_and_made_again(tmp_path, home, builds, damage):
    file = write(tmp_path / "bars.parquet")
    first = load(file)
    (kept,) = entries(home)
    damage(kept)
    assert_equal(first, load(file))
    assert len(builds) == 2 and entries(home) == [kept]
    assert_equal(first, load(file))
    assert len(builds) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"": 1}', '{"": [[1], 2]}', '{"": ["x", "y"]}'])
def test_a_damaged_memory_of_contents_only_costs_a_hash(tmp_path, home, builds, text):
    file = write(tmp_path / "bars.parquet")
    load(file)
    (record,) = (home / "files").iterdir()
    record.write_text(text)
    load(file)
    assert len(builds) == 1
