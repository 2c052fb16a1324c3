"""The journal: what a commit, a witness and a read cost, and how much of it is the disk's sync."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from bench_cases.tables import head, heading, note, row, seconds
from bench_cases.throughput import ROOT

sys.path.insert(0, str(ROOT))
from engine.journal import Writer, create, read
from engine.journal.disk import System


class Unsynced(System):
    """The disk without its syncs: what is left is our own work and the system's."""

    def fdatasync(self, handle: int) -> None:
        pass


def bodies(names: int) -> dict[str, object]:
    """A row as a session writes it: bars and forecasts of so many names, or a command."""
    if not names:
        return {"time": 1_600_000_000_000_000_000, "command": "pause", "reason": "looking", "by": "page"}
    generator = np.random.default_rng(7)
    bars = {word: generator.random(names) for word in ("open", "high", "low", "close", "volume")}
    scores = {f"signal_{k}": generator.random(names) for k in range(6)}
    return {"time": 1_600_000_000_000_000_000, "bars": bars, "forecasts": scores, "target": generator.random(names)}


@contextmanager
def journal(disk: System) -> Iterator[Writer]:
    """A journal in a temporary folder beside the repository's own files, where a session's would be."""
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
        writer = create(Path(folder) / "journal", {}, disk)
        yield writer
        writer.close()


def timed(disk: System, body: dict[str, object], groups: int, each: int, witness: bool) -> list[float]:
    """Seconds of every group of `each` rows, from the first append to durable."""
    out = []
    with journal(disk) as writer:
        for _ in range(groups):
            started = time.perf_counter()
            for _ in range(each):
                writer.append("slice", body)
            writer.witness() if witness else writer.commit()
            out.append(time.perf_counter() - started)
    return out


def plain(size: int, groups: int) -> list[float]:
    """Seconds of a bare write and sync of as many bytes."""
    out, data = [], bytes(size)
    with tempfile.TemporaryFile(dir=ROOT) as file:
        for k in range(groups):
            started = time.perf_counter()
            os.pwrite(file.fileno(), data, k * size)
            os.fdatasync(file.fileno())
            out.append(time.perf_counter() - started)
    return out


def reading(body: dict[str, object], rows: int) -> tuple[float, int]:
    """(seconds, bytes) of reading and checking so many rows."""
    with journal(Unsynced()) as writer:
        for _ in range(rows):
            writer.append("slice", body)
        writer.witness()
        started = time.perf_counter()
        count = sum(1 for _ in read(writer.folder))
        spent = time.perf_counter() - started
        assert count == rows + 1
        return spent, (writer.folder / "journal").stat().st_size


def journaling(quick: bool) -> None:
    """Print the tables."""
    groups = 20 if quick else 400
    heading("Journal: one row a commit")
    head(
        "row",
        "bytes",
        "commit, median",
        "99 of 100 under",
        "without the sync",
        "bare write and sync",
        "with the witness",
        "commits/s",
        "MB/s",
    )
    for label, names in (("a command", 0), ("500 names", 500), ("1,695 names", 1695)):
        body = bodies(names)
        size = reading(body, 1)[1]
        durable = timed(System(), body, groups, 1, witness=False)
        alone = median(timed(Unsynced(), body, groups, 1, witness=False))
        witnessed = median(timed(System(), body, groups, 1, witness=True))
        middle, slow = median(durable), sorted(durable)[int(0.99 * (len(durable) - 1))]
        told = (
            seconds(middle),
            seconds(slow),
            seconds(alone),
            seconds(median(plain(size, groups))),
            seconds(witnessed),
        )
        row(label, f"{size:,}", *told, f"{1 / middle:,.0f}", f"{size / middle / 1e6:,.1f}")
    heading("Journal: 100 rows a commit, and reading")
    head("row", "a group, median", "rows/s", "MB/s", "reading, rows/s", "reading, MB/s")
    for label, names in (("a command", 0), ("500 names", 500)):
        body = bodies(names)
        middle = median(timed(System(), body, max(3, groups // 20), 100, witness=False))
        spent, size = reading(body, 200 if quick else 5000)
        rows = 200 if quick else 5000
        rate = (f"{100 / middle:,.0f}", f"{100 * size / rows / middle / 1e6:,.0f}")
        row(label, seconds(middle), *rate, f"{rows / spent:,.0f}", f"{size / spent / 1e6:,.0f}")
    note(
        "A commit is a write and an fdatasync; the witness is one more of each, and comes before anything is acted on or told. "
        "Reading checks the checksum, the chain and the witness of every row, and decodes no body."
    )
