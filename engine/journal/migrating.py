"""A journal of an older schema, rewritten as a copy of this version's; the old one is not touched.

A step per schema turns its rows into rows of the next one. The copy's first row says what it was made of ("migrated": schema
and head), and the copy is renamed into its place when it is whole: a crash on the way leaves none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.errors import JournalError, StoppedError
from engine.journal import lock
from engine.journal.disk import SYSTEM, Disk, sync_folder
from engine.journal.frame import PREAMBLE_SIZE, SCHEMA, known, schema_of
from engine.journal.making import clear
from engine.journal.reading import checked, opened, slots_of
from engine.journal.writer import Writer, create

Told = tuple[str, dict[str, Any]]  # kind and body of a row
Step = Callable[[Iterable[Told]], Iterator[Told]]

STEPS: dict[int, Step] = {}  # from schema k to k + 1; none yet: the first schema is the current one
_GROUP = 1 << 22  # bytes between two commits


def migrate(
    folder: str | Path,
    into: str | Path,
    steps: Mapping[int, Step] = STEPS,
    disk: Disk = SYSTEM,
    owner: lock.Owner | None = None,
) -> str:
    """The head of the copy made at `into`; JournalError if there is nothing to migrate or no step for it."""
    old, new, who = Path(folder), Path(into), owner or lock.me()
    marks = slots_of(disk, old)
    handle = opened(disk, old, os.O_RDONLY)
    try:
        schema = schema_of(disk.read(handle, PREAMBLE_SIZE, 0))
        if schema >= SCHEMA:
            known(schema)
            raise JournalError(
                f"{old}: has this version's schema {SCHEMA}; there is nothing to migrate. Reopen it as it is"
            )
        lock.refuse_running(disk, old, who)
        head = ""

        def told() -> Iterator[Told]:
            nonlocal head
            for row in checked(disk, handle, old, marks, schema=schema):
                head = row.hash
                yield row.kind, row.body

        rows: Iterable[Told] = told()
        for k in range(schema, SCHEMA):
            if k not in steps:
                raise JournalError(
                    f"{old}: schema {k} is too old for this version. Use an older one to migrate it first"
                )
            rows = steps[k](rows)
        whole = list(rows)  # twice in memory at worst; the copy must name the head of what it was made of
        return _copied(whole, {"schema": schema, "head": head}, new, disk, who)
    finally:
        disk.close(handle)


def _copied(rows: list[Told], origin: dict[str, Any], new: Path, disk: Disk, owner: lock.Owner) -> str:
    hidden = new.with_name(f".{new.name}.migrated")
    try:
        lock.refuse_running(disk, hidden, owner)
        clear(disk, hidden)
        (_, header), *rest = rows
        with create(hidden, header | {"migrated": origin}, disk, owner) as writer:
            _append(writer, rest)
        disk.rename(hidden, new)
        sync_folder(disk, new.parent)
    except OSError as error:
        raise StoppedError(f"{new}: no copy could be made ({error.strerror}); the old journal is untouched") from error
    return writer.head


def _append(writer: Writer, rows: list[Told]) -> None:
    waiting = 0
    for kind, body in rows:
        waiting += len(writer.append(kind, body).raw)
        if waiting > _GROUP:
            writer.commit()
            waiting = 0
