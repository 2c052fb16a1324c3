"""A disk in memory that keeps a trace of every call that changes it, and the states a crash may leave it in.

A killed process leaves everything its calls have done, the last write perhaps in part: the page cache outlives it. A power cut
leaves what was synced, and of every later write any of its 512-byte sectors, of every later truncation and folder entry
nothing or all. Sectors that did not arrive read as zeros where the file has grown over them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

SECTOR = 512
ROOT = 0


class Tree:
    """Folders and files by number: `entries[folder][name]` is a number, `data[file]` its bytes."""

    def __init__(self):
        self.entries: dict[int, dict[str, int]] = {ROOT: {}}
        self.data: dict[int, bytearray] = {}

    def copy(self) -> Tree:
        other = Tree()
        other.entries = {number: dict(names) for number, names in self.entries.items()}
        other.data = {number: bytearray(data) for number, data in self.data.items()}
        return other

    def apply(self, op: tuple) -> None:
        match op:
            case ("write", file, offset, data):
                content = self.data[file]
                if len(content) < offset:
                    content.extend(bytes(offset - len(content)))
                content[offset : offset + len(data)] = data
            case ("truncate", file, size):
                del self.data[file][size:]
                self.data[file].extend(bytes(size - len(self.data[file])))
            case ("create", folder, name, file):
                self.data.setdefault(file, bytearray())
                self.entries[folder][name] = file
            case ("mkdir", folder, name, made):
                self.entries.setdefault(made, {})
                self.entries[folder][name] = made
            case ("rename", folder, old, new):
                if old in self.entries[folder]:
                    self.entries[folder][new] = self.entries[folder].pop(old)
            case ("unlink" | "rmdir", folder, name):
                self.entries[folder].pop(name, None)
            case ("sync" | "sync failed", _):
                pass

    def find(self, path: Path) -> int:
        number = ROOT
        for part in path.parts[1:]:
            if number not in self.entries:
                raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(path))
            if part not in self.entries[number]:
                raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
            number = self.entries[number][part]
        return number

    def files(self, number: int = ROOT, place: str = "") -> dict[str, bytes]:
        """Every file's bytes by path; an empty folder is there with a slash."""
        out: dict[str, bytes] = {} if self.entries[number] or not place else {place + "/": b""}
        for name, inner in self.entries[number].items():
            path = f"{place}/{name}"
            out |= self.files(inner, path) if inner in self.entries else {path: bytes(self.data[inner])}
        return out


class SimDisk:
    """The disk; `fault(k, op)` is asked before the k-th call that changes it, and may raise, or shorten a write by a number."""

    def __init__(self, tree: Tree | None = None, fault=None):
        self.tree = tree.copy() if tree else Tree()
        self.trace: list[tuple] = []
        self.fault = fault
        self.handles: dict[int, int] = {}
        self.locks: dict[int, int] = {}
        self.numbers = 1 + max([*self.tree.entries, *self.tree.data])
        self.next_handle = 100
        self.reads = None

    def change(self, op: tuple) -> int | None:
        cut = self.fault(len(self.trace), op) if self.fault else None
        if cut is not None and op[0] == "write":
            op = (*op[:3], op[3][:cut])
        self.tree.apply(op)
        self.trace.append(op)
        return len(op[3]) if op[0] == "write" else None

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def place(self, path: Path) -> tuple[int, str]:
        return self.tree.find(path.parent), path.name

    def open(self, path, flags):
        try:
            file = self.tree.find(path)
            if flags & os.O_EXCL:
                raise FileExistsError(errno.EEXIST, "exists", str(path))
            if flags & os.O_TRUNC and self.tree.data[file]:
                self.change(("truncate", file, 0))
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            folder, name = self.place(path)
            file = self.number()
            self.change(("create", folder, name, file))
        self.next_handle += 1
        self.handles[self.next_handle] = file
        return self.next_handle

    def read(self, handle, size, offset):
        if self.reads:
            self.reads(offset)
        return bytes(self.tree.data[self.handles[handle]][offset : offset + size])

    def size(self, handle):
        return len(self.tree.data[self.handles[handle]])

    def same(self, handle, path):
        try:
            return self.tree.find(path) == self.handles[handle]
        except FileNotFoundError:
            return False

    def names(self, folder):
        number = self.tree.find(folder)
        if number not in self.tree.entries:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))
        return sorted(self.tree.entries[number])

    def write(self, handle, data, offset):
        return self.change(("write", self.handles[handle], offset, bytes(data)))

    def truncate(self, handle, size):
        self.change(("truncate", self.handles[handle], size))

    def fdatasync(self, handle):
        self.change(("sync", self.handles[handle]))

    fsync = fdatasync

    def rename(self, old, new):
        assert old.parent == new.parent
        folder, name = self.place(old)
        there = self.tree.entries[folder].get(new.name)
        if there is not None and self.tree.entries.get(there, {"": 0}):
            raise OSError(errno.ENOTEMPTY, "not empty", str(new))
        self.change(("rename", folder, name, new.name))

    def unlink(self, path):
        self.tree.find(path)
        self.change(("unlink", *self.place(path)))

    def mkdir(self, path):
        folder, name = self.place(path)
        if name in self.tree.entries[folder]:
            raise FileExistsError(errno.EEXIST, "exists", str(path))
        self.change(("mkdir", folder, name, self.number()))

    def rmdir(self, path):
        assert not self.tree.entries[self.tree.find(path)]
        self.change(("rmdir", *self.place(path)))

    def flock(self, handle, wait):
        file = self.handles[handle]
        if self.locks.setdefault(file, handle) != handle:
            raise BlockingIOError(errno.EAGAIN, "held")

    def close(self, handle):
        file = self.handles.pop(handle)
        if self.locks.get(file) == handle:
            del self.locks[file]


def replayed(trace: list[tuple], start: Tree | None = None) -> Tree:
    tree = start.copy() if start else Tree()
    for op in trace:
        tree.apply(op)
    return tree


def crash_images(trace: list[tuple], start: Tree | None = None) -> Iterator[tuple[int, Tree]]:
    """(calls done, state) for a kill before every call of the trace, inside every write at several places, and after all."""
    tree = start.copy() if start else Tree()
    for k, op in enumerate(trace):
        yield k, tree.copy()
        if op[0] == "write":
            size = len(op[3])
            for cut in sorted({1, 4, size // 2, size - 1, *(n for n in (40, 512, 4096) if n < size)} - {0, size}):
                torn = tree.copy()
                torn.apply((*op[:3], op[3][:cut]))
                yield k, torn
        tree.apply(op)
    yield len(trace), tree


class Cache:
    """What is on the disk for sure, and what was done since to each file and folder."""

    def __init__(self, start: Tree | None = None):
        self.durable = start.copy() if start else Tree()
        self.pending: dict[int, list[tuple]] = {}

    def apply(self, op: tuple) -> None:
        if op[0] == "sync":
            for each in self.pending.pop(op[1], []):
                self.settle(self.durable, each)
        elif op[0] == "sync failed":  # the pages are marked clean, and are not on the disk
            self.pending.pop(op[1], None)
        else:
            self.pending.setdefault(op[1], []).append(op)
            if op[0] in ("create", "mkdir"):  # the thing itself; its entry is what waits
                kind = self.durable.data if op[0] == "create" else self.durable.entries
                kind.setdefault(op[3], bytearray() if op[0] == "create" else {})

    @staticmethod
    def settle(tree: Tree, op: tuple) -> None:
        if op[0] == "rename" and op[2] not in tree.entries[op[1]]:
            return
        tree.apply(op)

    def count(self) -> int:
        return sum(len(ops) for ops in self.pending.values())

    def state(self, random: Random, style: str) -> Tree:
        """One state that a power cut now may leave; `style` is all, none, or the kind of chance."""
        tree = self.durable.copy()
        for number, ops in self.pending.items():
            for op in ops:
                if op[0] == "write":
                    self.torn(tree, number, op[2], op[3], random, style)
                elif style == "all" or (style != "none" and random.random() < 0.5):
                    self.settle(tree, op)
        return tree

    @staticmethod
    def torn(tree: Tree, file: int, offset: int, data: bytes, random: Random, style: str) -> None:
        """Some sectors of one write."""
        first, last = offset // SECTOR, (offset + len(data) - 1) // SECTOR
        sectors = list(range(first, last + 1))
        if style == "all":
            kept = sectors
        elif style == "none":
            kept = []
        elif style == "prefix":
            kept = sectors[: random.randrange(len(sectors) + 1)]
        elif style == "suffix":
            kept = sectors[random.randrange(len(sectors) + 1) :]
        else:
            kept = [s for s in sectors if random.random() < 0.5]
        if style == "grown" or (kept and random.random() < 0.3):  # the length arrived before the bytes
            content = tree.data[file]
            content.extend(bytes(max(0, offset + len(data) - len(content))))
        for sector in kept:
            start, end = max(offset, sector * SECTOR), min(offset + len(data), (sector + 1) * SECTOR)
            tree.apply(("write", file, start, data[start - offset : end - offset]))


STYLES = ("none", "all", "prefix", "suffix", "some", "grown")


def power_states(
    trace: list[tuple], each: int, random: Random, start: Tree | None = None
) -> Iterator[tuple[int, Tree]]:
    """(calls done, state): `each` states after every call that leaves something unsynced, one where nothing is."""
    cache = Cache(start)
    for k in range(len(trace) + 1):
        chosen = [*STYLES, *("some" for _ in range(each - len(STYLES)))][:each] if cache.count() else ["none"]
        for style in chosen:
            yield k, cache.state(random, style)
        if k < len(trace):
            cache.apply(trace[k])
