"""A scripted writer, and the judge of what is left of its journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np

from engine.errors import JournalError
from engine.journal import create, read, reopen
from engine.journal.lock import Owner

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path("/sessions/one/journal")
OWNER = Owner(4711, "another boot", 1)
KINDS = ("slice", "forecasts", "decision", "intent", "fill", "command")


@dataclass
class Told:
    """What a writer was told: every row's hash, and after how many calls it knew that a row was durable."""

    hashes: list[str] = field(default_factory=list)
    durable: list[tuple[int, int]] = field(default_factory=list)
    witnessed: list[tuple[int, int]] = field(default_factory=list)

    def known(self, calls: int) -> int:
        """The last row known to be durable after so many calls; -1 if none was."""
        return max((seq for done, seq in self.durable if done <= calls), default=-1)


def body(random: Random) -> dict:
    size = random.choice([0, 1, 3, 20, 60, 400])
    values = np.array([random.random() for _ in range(size)])
    return {"time": random.randrange(1 << 60), "close": values, "names": ["A", "B"], "late": random.random() < 0.1}


def write_on(writer, disk, told: Told, groups: int, random: Random) -> None:
    """Groups of rows; some only committed, most witnessed."""
    for _ in range(groups):
        for _ in range(random.choice([1, 1, 2, 4])):
            told.hashes.append(writer.append(random.choice(KINDS), body(random)).hash)
        if random.random() < 0.3:
            writer.commit()
        else:
            writer.witness()
            told.witnessed.append((len(disk.trace), writer.witnessed))
        told.durable.append((len(disk.trace), writer.committed))


def scripted(disk, groups: int, seed: int = 1, folder: Path = FOLDER, close: bool = True) -> Told:
    """A journal made, written and closed; `disk` keeps a trace."""
    random, told = Random(seed), Told()
    writer = create(folder, {"name": "scripted", "seed": seed}, disk, OWNER)
    told.hashes.append(writer.head)
    told.durable.append((len(disk.trace), 0))
    write_on(writer, disk, told, groups, random)
    if close:
        writer.close()
        told.durable.append((len(disk.trace), writer.committed))
        told.witnessed.append((len(disk.trace), writer.witnessed))
    return told


def judged(disk, hashes: list[str], known: int, folder: Path = FOLDER) -> str:
    """What is wrong with a journal after a crash, in words; "" if nothing is. `known`: the last row that must be there.

    A reader must change nothing and see what recovery then finds; a writer must be able to go on, and its row be read.
    """
    before = len(disk.trace)
    try:
        seen = [row.hash for row in read(folder, disk)]
    except JournalError as error:
        if known < 0 and "no journal here" in str(error):
            create(folder, {"again": True}, disk, OWNER).close()
            return ""
        return f"refused: {error}"
    if len(disk.trace) != before:
        return "changed by a reader"
    if len(seen) <= known:
        return f"lost: row {known} was acknowledged, {len(seen) - 1} is the last"
    if seen != hashes[: len(seen)]:
        return "invented: rows that nobody wrote"
    try:
        writer, found = reopen(folder, disk, OWNER)
        if found.head != seen[-1] or found.last_seq != len(seen) - 1:
            return "recovery found other rows than a reader"
        after = writer.append("restart", {"cut": found.cut}).hash
        writer.witness()
        writer.close()
        again = [row.hash for row in read(folder, disk)]
    except JournalError as error:
        return f"refused to go on: {error}"
    return "" if again == [*seen, after] else "what was written after recovery is not read"
