"""The only door to the disk: each method is one system call, so that tests can record, refuse, tear and lose them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """Files by descriptor and offset; every method raises OSError as the system does."""

    def open(self, path: Path, flags: int) -> int: ...
    def read(self, handle: int, size: int, offset: int) -> bytes: ...
    def size(self, handle: int) -> int: ...
    def same(self, handle: int, path: Path) -> bool: ...
    def names(self, folder: Path) -> list[str]: ...
    def write(self, handle: int, data: bytes | memoryview, offset: int) -> int: ...
    def truncate(self, handle: int, size: int) -> None: ...
    def fdatasync(self, handle: int) -> None: ...
    def fsync(self, handle: int) -> None: ...
    def rename(self, old: Path, new: Path) -> None: ...
    def unlink(self, path: Path) -> None: ...
    def mkdir(self, path: Path) -> None: ...
    def rmdir(self, path: Path) -> None: ...
    def flock(self, handle: int, wait: bool) -> None: ...
    def close(self, handle: int) -> None: ...


class System:
    """The disk of this machine."""

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags, 0o644)

    def read(self, handle: int, size: int, offset: int) -> bytes:
        return os.pread(handle, size, offset)

    def size(self, handle: int) -> int:
        return os.fstat(handle).st_size

    def same(self, handle: int, path: Path) -> bool:
        """Whether `path` still names the open file; False if it was deleted or replaced."""
        try:
            return os.path.samestat(os.fstat(handle), os.stat(path))
        except FileNotFoundError:
            return False

    def names(self, folder: Path) -> list[str]:
        return sorted(os.listdir(folder))

    def write(self, handle: int, data: bytes | memoryview, offset: int) -> int:
        return os.pwrite(handle, data, offset)

    def truncate(self, handle: int, size: int) -> None:
        os.ftruncate(handle, size)

    def fdatasync(self, handle: int) -> None:
        os.fdatasync(handle)

    def fsync(self, handle: int) -> None:
        os.fsync(handle)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def mkdir(self, path: Path) -> None:
        os.mkdir(path)

    def rmdir(self, path: Path) -> None:
        os.rmdir(path)

    def flock(self, handle: int, wait: bool) -> None:
        """An exclusive lock that dies with its process; BlockingIOError if another has it and `wait` is False."""
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

    def close(self, handle: int) -> None:
        os.close(handle)


SYSTEM: Disk = System()


def write_whole(disk: Disk, handle: int, data: bytes, offset: int) -> None:
    """Every byte of `data` at `offset`: one call, and as many more as short writes ask for."""
    view, done = memoryview(data), 0
    while done < len(data):
        wrote = disk.write(handle, view[done:], offset + done)
        if wrote <= 0:
            raise OSError(5, "the disk took no byte")
        done += wrote


def sync_folder(disk: Disk, folder: Path) -> None:
    """Make what was created, renamed and deleted in `folder` durable."""
    handle = disk.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        disk.fsync(handle)
    finally:
        disk.close(handle)


def read_whole(disk: Disk, path: Path, limit: int) -> bytes:
    """What a small file holds, at most `limit` bytes; FileNotFoundError if there is none."""
    handle = disk.open(path, os.O_RDONLY)
    try:
        return disk.read(handle, limit, 0)
    finally:
        disk.close(handle)
