"""Real kills of real processes on a real disk: python -m tests.journal.killing FOLDER EXACT LOOSE prints its figures as JSON.

An exact kill comes at a chosen call of a scripted writer, or in the middle of a write; what is left must be, byte for byte,
what the disk in memory says. A loose kill comes from outside at any moment; what was told through a pipe must be there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from random import Random

from engine.journal import create
from engine.journal.disk import System
from tests.journal.proofs import prepared
from tests.journal.script import FOLDER, OWNER, Told, judged, scripted
from tests.journal.simdisk import SimDisk, replayed

GROUPS, SEED = 12, 8


class Real(System):
    """The real disk with its changing calls counted as the disk in memory counts them; dies at call `at`."""

    def __init__(self, at: int = -1, half: bool = False):
        self.trace: list[str] = []
        self.at, self.half = at, half

    def count(self, word: str, data=b"", handle=-1, offset=0) -> None:
        if len(self.trace) == self.at:
            if self.half and data:
                os.pwrite(handle, bytes(data)[: len(data) // 2], offset)
            os.kill(os.getpid(), signal.SIGKILL)
        self.trace.append(word)

    def open(self, path, flags):
        there = path.exists()
        if (flags & os.O_CREAT and not there) or (flags & os.O_TRUNC and there and path.stat().st_size):
            self.count("open")
        return super().open(path, flags)

    def write(self, handle, data, offset):
        self.count("write", data, handle, offset)
        return super().write(handle, data, offset)

    def truncate(self, handle, size):
        self.count("truncate")
        super().truncate(handle, size)

    def fdatasync(self, handle):
        self.count("sync")
        super().fdatasync(handle)

    def fsync(self, handle):
        self.count("sync")
        super().fsync(handle)

    def rename(self, old, new):
        self.count("rename")
        super().rename(old, new)

    def unlink(self, path):
        self.count("unlink")
        super().unlink(path)

    def mkdir(self, path):
        self.count("mkdir")
        super().mkdir(path)

    def rmdir(self, path):
        self.count("rmdir")
        super().rmdir(path)


def files(root: Path) -> dict[str, bytes]:
    """Every file by its path under `root`; an empty folder with a slash."""
    out = {}
    for path in sorted(root.rglob("*")):
        name = "/" + str(path.relative_to(root))
        if path.is_file():
            out[name] = path.read_bytes()
        elif not any(path.iterdir()):
            out[name + "/"] = b""
    return out


def exact(root: Path, at: int, half: bool, model: SimDisk, start, told: Told) -> str:
    """One kill at call `at`; what is wrong, "" if nothing."""
    place = root / FOLDER.relative_to("/")
    place.parent.parent.mkdir(parents=True)
    child = os.fork()
    if not child:
        scripted(Real(at, half), GROUPS, SEED, place)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        return f"the kill at call {at} never came"
    image = replayed(model.trace[:at], start)
    op = model.trace[at]
    if half and op[0] == "write":
        image.apply((*op[:3], op[3][: len(op[3]) // 2]))
    if files(root) != image.files():
        return f"the disk differs from the model after call {at}"
    return judged(Real(), told.hashes, told.known(at), place)


def loose(root: Path, seconds: float) -> tuple[int, str]:
    """One kill from outside after so long: (rows told, what is wrong)."""
    place = root / "j"
    root.mkdir(parents=True)
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        writer = create(place, {}, owner=OWNER)
        os.write(theirs, f"a {writer.head}\nk 0\n".encode())
        for k in range(1 << 30):
            hashes = [writer.append("slice", {"k": k, "raw": bytes(k % 3000)}).hash for _ in range(1 + k % 3)]
            os.write(theirs, "".join(f"a {each}\n" for each in hashes).encode())
            writer.witness() if k % 4 else writer.commit()
            os.write(theirs, f"k {writer.committed}\n".encode())
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        first = [pipe.readline() for _ in range(2)]
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        lines = [*first, *pipe]
    os.waitpid(child, 0)
    hashes = [line[2:].strip() for line in lines if line.startswith("a ")]
    known = max((int(line[2:]) for line in lines if line.startswith("k ")), default=-1)
    return known + 1, judged(Real(), hashes, known, place)


def main(root: Path, exacts: int, looses: int) -> None:
    model = prepared()
    start = model.tree.copy()
    told = scripted(model, GROUPS, SEED)
    calls = len(model.trace)
    wrong, rows = [], 0
    for k in range(exacts):
        at = k * calls // exacts
        wrong.append(exact(root / f"exact-{k}", at, k % 2 == 1, model, start, told))
    random = Random(1)
    for k in range(looses):
        count, said = loose(root / f"loose-{k}", random.random() * 0.05)
        rows += count
        wrong.append(said)
    bad = [each for each in wrong if each]
    print(
        json.dumps(
            {"calls": calls, "exact": exacts, "loose": looses, "told": rows, "wrong": len(bad), "first": bad[:1]}
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
