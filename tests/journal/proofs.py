"""The proofs, each a function that returns its figures; the suite runs short ones, scripts/torture the full ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import numpy as np

from engine.errors import DamagedError, JournalError, StoppedError
from engine.journal import Row, create, examine, read, recover, reopen, witness
from tests.journal.script import FOLDER, OWNER, Told, judged, scripted, write_on
from tests.journal.simdisk import Cache, SimDisk, Tree, crash_images, power_states


@dataclass
class Sweep:
    """Figures of a sweep: states tried, and what was wrong with how many."""

    states: int = 0
    torn: int = 0
    wrong: Counter = field(default_factory=Counter)
    first: str = ""

    def add(self, verdict: str, where: str) -> None:
        self.states += 1
        if verdict:
            self.wrong[verdict.split(":")[0]] += 1
            self.first = self.first or f"{where}: {verdict}"

    def line(self, name: str) -> str:
        lost, refused = self.wrong["lost"], self.wrong["refused"] + self.wrong["refused to go on"]
        other = self.wrong.total() - lost - refused
        return f"journal: {self.states:,} {name}, {lost} lost acknowledged, {refused} refused wrongly, {other} otherwise wrong"


def together(sweeps: list[Sweep]) -> Sweep:
    """The figures of several sweeps in one."""
    whole = sweeps[0]
    for each in sweeps[1:]:
        whole.states += each.states
        whole.torn += each.torn
        whole.wrong += each.wrong
        whole.first = whole.first or each.first
    return whole


def killed(groups: int, seed: int = 1) -> Sweep:
    """A kill before every call of a scripted writer, and inside every write."""
    disk, sweep = prepared(), Sweep()
    start = disk.tree.copy()
    told = scripted(disk, groups, seed)
    for calls, tree in crash_images(disk.trace, start):
        sweep.add(judged(SimDisk(tree), told.hashes, told.known(calls)), f"after {calls} calls")
    return sweep


def power_cut(groups: int, each: int, seed: int = 2, wrap=lambda disk: disk) -> Sweep:
    """Power cuts after every call of a scripted writer; `wrap` may make a worse disk of the one it writes to."""
    disk, sweep = prepared(), Sweep()
    start = disk.tree.copy()
    told = scripted(wrap(disk), groups, seed)
    for calls, tree in power_states(disk.trace, each, Random(seed), start):
        sweep.add(judged(SimDisk(tree), told.hashes, told.known(calls)), f"after {calls} calls")
    return sweep


def prepared() -> SimDisk:
    """A disk on which the folder for sessions is durable."""
    disk = SimDisk()
    disk.mkdir(FOLDER.parent.parent)
    disk.trace.clear()
    return disk


def killed_twice(groups: int, seed: int = 3, firsts: int = 8, each: int = 4) -> Sweep:
    """A crash, a recovery that writes on, and a second crash anywhere in that: a kill, and `each` power cuts.

    First crashes are power cuts, half of them with a tail to cut, and two kills inside a slot of the witness.
    """
    disk, sweep = prepared(), Sweep()
    start = disk.tree.copy()
    told = scripted(disk, groups, seed, close=False)
    states = [(k, tree) for k, tree in power_states(disk.trace, 6, Random(seed), start) if told.known(k) >= 0]
    random = Random(seed)
    cut = [(k, tree) for k, tree in states if examine(FOLDER, SimDisk(tree)).cut]
    made = next(k for k, _ in states)
    kills = [(k, tree) for k, tree in crash_images(disk.trace, start) if k > made]
    half = [(k, tree) for k, tree in kills if None in witness.load(SimDisk(tree), FOLDER)]
    chosen = [random.sample(cut, firsts // 2), random.sample(half, 2), random.sample(states, firsts // 2)]
    for calls, tree in [first for group in chosen for first in group]:
        second = SimDisk(tree)
        writer, found = reopen(FOLDER, second, OWNER)
        sweep.torn += found.cut > 0
        known = max(told.known(calls), 0)
        again = Told(told.hashes[: found.rows], [(0, known), (len(second.trace), found.last_seq)])
        write_on(writer, second, again, 4, random)
        crashes = [*crash_images(second.trace, tree), *power_states(second.trace, each, random, tree)]
        for done, state in crashes:
            # A crash before the cut may leave what the first one left; rows that recovery found are a prefix of both.
            sweep.add(judged(SimDisk(state), again.hashes, again.known(done)), f"after {calls} and {done} calls")
    return sweep


def failed_sync(groups: int, each: int, seed: int = 4) -> Sweep:
    """A sync that fails and drops what it should have written, a restart on the same boot, then a power cut."""
    sweep, random = Sweep(), Random(seed)
    whole = prepared()
    scripted(whole, groups, seed)
    syncs = [k for k, op in enumerate(whole.trace) if op[0] == "sync"]
    for at in syncs[5:]:  # the first ones belong to its making
        disk = prepared()
        start = disk.tree.copy()
        told = failing(disk, groups, seed, at)
        second = SimDisk(disk.tree)  # the same cache, in which the lost pages look clean
        writer, found = reopen(FOLDER, second, OWNER)
        told = Told(told.hashes[: found.rows], [(0, told.known(1 << 30)), (len(second.trace), found.last_seq)])
        write_on(writer, second, told, 2, random)
        cache = Cache(start)
        for op in disk.trace:
            cache.apply(op)
        cache.apply(("sync failed", whole.trace[at][1]))
        for done in range(len(second.trace) + 1):
            for style in ("none", "all", "some")[:each]:
                state = cache.state(random, style)
                sweep.add(judged(SimDisk(state), told.hashes, told.known(done)), f"sync {at}, after {done} calls")
            if done < len(second.trace):
                cache.apply(second.trace[done])
    return sweep


def failing(disk: SimDisk, groups: int, seed: int, at: int, number: int = 5) -> Told:
    """What a writer knew whose call number `at` failed; it must have stopped there."""
    fired: list[int] = []

    def fault(k, op):
        if k == at and not fired:
            fired.append(k)
            if op[0] == "write":  # a disk that is full takes a part first
                disk.tree.apply((*op[:3], op[3][: len(op[3]) // 2]))
            raise OSError(number, "refused")

    random, told = Random(seed), Told()
    writer = create(FOLDER, {"name": "scripted", "seed": seed}, disk, OWNER)
    told.hashes.append(writer.head)
    told.durable.append((len(disk.trace), 0))
    disk.fault = fault
    try:
        write_on(writer, disk, told, groups, random)
        writer.close()
    except StoppedError:
        disk.fault = None
        writer.close()
    assert fired, f"the fault at call {at} never came"
    return told


def failing_everywhere(groups: int, numbers: tuple[int, ...], seed: int = 6) -> Sweep:
    """Every call of a writer after its making fails with every one of these errors; what was acknowledged must be there."""
    sweep, whole = Sweep(), prepared()
    told = scripted(whole, groups, seed)
    for at in range(told.durable[0][0], len(whole.trace)):
        for number in numbers:
            disk = prepared()
            told = failing(disk, groups, seed, at, number)
            sweep.add(judged(SimDisk(disk.tree), told.hashes, told.known(1 << 30)), f"error {number} at call {at}")
    return sweep


def without_sync(disk: SimDisk) -> SimDisk:
    """The same disk, whose syncs of files do nothing."""
    disk.fdatasync = lambda handle: None
    return disk


@dataclass
class Sample:
    """A small journal on a disk in memory: its rows, and the file's number."""

    tree: Tree
    rows: list[Row]
    journal: int
    bound: int  # the byte after the last row that is witnessed

    def slot(self, row: Row) -> bytes:
        return witness.pack(witness.Mark(row.seq, row.end, row.hash))


def sample(closed: bool, seed: int = 5) -> Sample:
    """Nine small rows, the last three beyond the witness and the writer gone unless `closed`."""
    disk = prepared()
    writer = create(FOLDER, {"name": "sample", "seed": seed}, disk, OWNER)
    for k in range(9):
        writer.append("slice", {"k": k, "close": np.arange(k % 3) + 0.5})
        writer.commit() if k > 5 else writer.witness()
    if closed:
        writer.close()
    bound = examine(FOLDER, disk).end if closed else list(read(FOLDER, disk))[6].end
    return Sample(disk.tree, list(read(FOLDER, disk)), disk.tree.find(FOLDER / "journal"), bound)


@dataclass
class Damage(Sweep):
    """A sweep of damage: how much was refused, how much lay beyond the witness, how much spoilt a slot and no row."""

    refused: int = 0
    beyond: int = 0
    harmless: int = 0

    def told(self, name: str) -> str:
        other = (
            f"{self.beyond:,} beyond the witness, {self.harmless:,} in one slot of it, {self.wrong.total()} unnoticed"
        )
        return f"journal: {self.states:,} {name}, {self.refused:,} refused, {other}"


FLIPS = (0x01, 0xFF, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80)


def flipped_everywhere(given: Sample, masks: tuple[int, ...]) -> Damage:
    """Every byte of the journal and of the witness with some bits turned over."""
    out = Damage()
    for name in ("journal", "witness"):
        file = given.tree.find(FOLDER / name)
        for at in range(len(given.tree.data[file])):
            for mask in masks if name == "journal" or at % 4096 < 64 or at % 256 == 0 else ():
                tree = given.tree.copy()
                tree.data[file][at] ^= mask
                damaged(given, tree, out, name, at)
    return out


def cut_everywhere(given: Sample) -> Damage:
    """Every length that the journal and the witness may be cut to."""
    out = Damage()
    for name in ("journal", "witness"):
        file = given.tree.find(FOLDER / name)
        size = len(given.tree.data[file])
        for length in range(size) if name == "journal" else (*range(0, size, 97), 4095, 4096, 4097, size - 1):
            tree = given.tree.copy()
            tree.apply(("truncate", file, length))
            damaged(given, tree, out, name, length)
    return out


def damaged(given: Sample, tree: Tree, out: Damage, name: str, at: int) -> None:
    """Judge one damaged journal: refused with an offset at or before the damage, or every row up to the damage is there."""
    disk, whole = SimDisk(tree), [row.hash for row in given.rows]
    try:
        rows = [row.hash for row in read(FOLDER, disk)]
    except JournalError as error:
        offset = error.offset if isinstance(error, DamagedError) else 0
        start = max((row.offset for row in given.rows if row.offset <= at), default=0) if name == "journal" else 0
        fine = offset is not None and (name == "witness" or start <= offset <= at or at < 30)
        out.add("" if fine else f"offset: {offset} for {at}", f"{name} byte {at}")
        try:
            recover(FOLDER, disk, OWNER)
        except JournalError:
            out.refused += 1
            return
        out.add("recovered what a reader refuses", f"{name} byte {at}")
        return
    if name == "witness":
        out.harmless += 1
        out.add("" if rows == whole else "lost: rows under a spoilt slot", f"{name} byte {at}")
        return
    out.beyond += 1
    kept = sum(1 for row in given.rows if row.end <= at)
    fine = at >= given.bound and rows == whole[:kept] and recover(FOLDER, disk, OWNER).rows == kept
    out.add("" if fine else f"unnoticed: {len(rows)} rows", f"{name} byte {at}")
