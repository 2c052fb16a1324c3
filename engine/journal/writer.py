"""Writing a journal: rows are gathered, a group is one write and one sync, the witness comes before anything is told.

An error of the disk stops the writer for good. A sync that has failed is not tried again: the system may have dropped what it
could not write, and would then report success (Rebello et al., "Can Applications Recover from fsync Failures?", 2020).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.errors import StoppedError
from engine.journal import frame, lock, witness
from engine.journal.body import encode
from engine.journal.disk import SYSTEM, Disk, write_whole
from engine.journal.making import make
from engine.journal.reading import NAME, Recovered
from engine.journal.recovery import mended, set_slot


class Writer:
    """The one writer of a journal. `append` gathers, `commit` makes durable, `witness` makes durable and provable.

    A row may be acted on, or acknowledged, once `witness()` has returned. As a context manager it closes, and after an
    exception lets go of what was not committed.
    """

    def __init__(self, folder: Path, disk: Disk, handles: tuple[int, int], last: witness.Mark, slot: int) -> None:
        """`handles` of the locked journal and of its witness, whose `slot` is written next; use `create` or `reopen`."""
        self.folder = folder
        self._disk, self._handle, self._slots = disk, *handles
        self._last, self._committed, self._witnessed = last, last, last
        self._slot, self._process = slot, os.getpid()
        self._frames: list[bytes] = []
        self._stopped = ""

    @property
    def head(self) -> str:
        """The hash of the last row, which stands for all of them."""
        return self._last.hash

    @property
    def last_seq(self) -> int:
        """The last row appended."""
        return self._last.seq

    @property
    def committed(self) -> int:
        """The last row that is durable."""
        return self._committed.seq

    @property
    def witnessed(self) -> int:
        """The last row that may be acted on."""
        return self._witnessed.seq

    def append(self, kind: str, body: Mapping[str, Any]) -> frame.Row:
        """The row that the next commit writes; JournalError if it cannot be kept, and nothing is appended."""
        self._may()
        packed, row = frame.pack(self._last.seq + 1, kind, encode(body), self._last.hash, self._last.end)
        self._frames.append(packed)
        self._last = witness.Mark(row.seq, row.end, row.hash)
        return row

    def commit(self) -> None:
        """Make what was appended durable, in one write and one sync; StoppedError if the disk fails."""
        self._may()
        if not self._frames:
            return
        with self._stopping("rows could not be written"):
            write_whole(self._disk, self._handle, b"".join(self._frames), self._committed.end)
            self._disk.fdatasync(self._handle)
            self._frames, self._committed = [], self._last

    def witness(self) -> str:
        """The head, once every row up to it is durable and witnessed; nothing may be told or done outside before that."""
        self.commit()
        if self._witnessed == self._committed:
            return self.head
        with self._stopping("the witness could not be written"):
            self._present()
            set_slot(self._disk, self._slots, self._slot, self._committed)
            self._slot, self._witnessed = 1 - self._slot, self._committed
        return self.head

    def close(self) -> str:
        """The head, everything witnessed in both slots and the lock given back; a stopped writer only lets go."""
        if self._handle < 0 or self._stopped:
            self._let_go()
            return self.head
        try:
            self.witness()
            with self._stopping("the witness could not be written"):
                set_slot(self._disk, self._slots, self._slot, self._witnessed)
                self._disk.unlink(self.folder / lock.NAME)
        finally:
            self._let_go()
        return self.head

    def _present(self) -> None:
        """Nothing; OSError if the files that are written are no longer those in the folder."""
        for handle, name in ((self._handle, NAME), (self._slots, witness.NAME)):
            if not self._disk.same(handle, self.folder / name):
                raise OSError(2, f"{name} was deleted or replaced")

    def _may(self) -> None:
        if self._stopped:
            raise StoppedError(self._stopped)
        if self._handle < 0:
            raise StoppedError(f"{self.folder}: the journal is closed. Reopen it to write on")
        if self._process != os.getpid():
            raise StoppedError(
                f"{self.folder}: process {self._process} writes this journal, not its fork {os.getpid()}"
            )

    @contextmanager
    def _stopping(self, what: str) -> Iterator[None]:
        """Whatever goes wrong inside stops this writer for good: nobody knows then what is on the disk."""
        try:
            yield
        except BaseException as error:
            why = (error.strerror or str(error)) if isinstance(error, OSError) else type(error).__name__
            safe = f"rows up to {self._witnessed.seq:,} are safe"
            self._stopped = f"{self.folder}: {what} ({why}); {safe}. Stop trading, mend the disk, reopen"
            if isinstance(error, OSError):
                raise StoppedError(self._stopped) from error
            raise

    def _let_go(self) -> None:
        if self._handle >= 0:
            self._disk.close(self._slots)
            self._disk.close(self._handle)
        self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._let_go()


def create(
    folder: str | Path, header: Mapping[str, Any], disk: Disk = SYSTEM, owner: lock.Owner | None = None
) -> Writer:
    """A new journal whose first row, of kind "start", is `header`: whole on the disk, or not there at all.

    `folder` must not exist or be empty; JournalError if it holds anything, StoppedError if the disk fails.
    """
    place = Path(folder)
    handles, mark = make(place, encode(header), disk, owner or lock.me())
    return Writer(place, disk, handles, mark, 0)


def reopen(folder: str | Path, disk: Disk = SYSTEM, owner: lock.Owner | None = None) -> tuple[Writer, Recovered]:
    """The writer of a journal that is there, and what recovery has found; raises as `recover`."""
    place = Path(folder)
    handle, slots, found = mended(place, disk, owner or lock.me())
    return Writer(place, disk, (handle, slots), witness.Mark(found.last_seq, found.end, found.head), 0), found
