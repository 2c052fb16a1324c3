"""A journal's rows as lines of text or JSON."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine import journal
from engine.data.words import in_line
from engine.live.tape import JOURNAL, WIDE

WIDTH = 150


def printed(folder: str, kinds: Sequence[str], last: int | None, as_json: bool) -> Iterator[str]:
    """One line per row, in order: its number, kind, the head of its hash, and its body."""
    rows = (row for row in journal.read(Path(folder) / JOURNAL) if not kinds or row.kind in kinds)
    chosen = rows if last is None else iter(deque(rows, maxlen=max(0, last)))
    for row in chosen:
        if as_json:
            told = {"seq": row.seq, "kind": row.kind, "hash": row.hash, "body": plain(row.body)}
            yield json.dumps(told, allow_nan=False)
        else:
            yield f"{row.seq:>8}  {row.kind:<10}  {row.hash[:12]}  {words(row.body)}"[:WIDTH]


def words(body: Mapping[str, Any]) -> str:
    """The small facts of a body; of arrays only their shape, where they are large."""
    return "  ".join(f"{key}={_word(value)}" for key, value in body.items() if key not in WIDE)


def _word(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return (
            f"[{' '.join(f'{x:g}' for x in value.tolist())}]"
            if value.ndim == 1 and value.size <= 6
            else str(value.shape)
        )
    if isinstance(value, Mapping):
        return f"{{{len(value)} keys}}"
    return f"{value:g}" if isinstance(value, float) else in_line(str(value))


def plain(value: Any) -> Any:
    """A body as JSON can hold it: arrays are lists, NaN is null."""
    from engine.manifest import plain as scalars

    if isinstance(value, np.ndarray):
        return scalars(value.tolist())
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return scalars(value)
