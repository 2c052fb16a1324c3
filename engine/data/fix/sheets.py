"""A table under repair: its numbers as they are now, which rows are left, and a log of everything that was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.data.audit import reading
from engine.data.audit.reading import Table
from engine.data.fix.files import Source
from engine.types import Bools, Floats, Ints

PRICES = ("open", "high", "low", "close")
LEVELS = (*PRICES, "adj_close")
NAN = float("nan")
ROW = "row"  # stands for a column where a whole row is removed


@dataclass(frozen=True, slots=True)
class Batch:
    """Cells of one column that were changed for one reason."""

    at: Ints  # (n,) rows of the sheet
    column: str
    what: str
    action: str  # repaired | masked | removed | left | sorted
    why: str
    before: Floats
    after: Floats


@dataclass(slots=True)
class Sheet:
    """The rows of `base`, in its order; `source` is the file they came from."""

    source: Source
    base: Table
    alive: Bools
    changed: dict[str, Bools] = field(default_factory=dict)
    log: list[Batch] = field(default_factory=list)

    @classmethod
    def of(cls, source: Source, say: Callable[[str], None] = lambda text: None) -> Sheet:
        """The sheet of a file, nothing repaired. DataError where no bars can be made out."""
        frame = source.frame()
        base = reading.tabled(frame, source.path, list(source.notes), say, numbered=True)
        base.columns = {word: np.array(values, np.float64) for word, values in base.columns.items()}  # to write in
        return cls(source, base, np.ones(len(base), np.bool_))

    def now(self) -> Table:
        """The rows that are left, as an audit takes them; `row` is their place in the sheet."""
        base, kept = self.base, np.flatnonzero(self.alive)
        code = np.searchsorted(base.bounds, kept, side="right") - 1
        count = np.bincount(code, minlength=len(base.symbols))
        here = np.flatnonzero(count)
        return Table(
            base.where,
            tuple(base.symbols[k] for k in here),
            np.concatenate(([0], np.cumsum(count[here]))).astype(np.int64),
            base.stamp[kept],
            base.dated,
            {word: values[kept] for word, values in base.columns.items()},
            None if base.unreadable is None else base.unreadable[kept],
            np.zeros(len(here), np.int64),
            row=kept,
        )

    def has(self, word: str) -> bool:
        return word in self.base.columns

    def put(self, at: Ints, word: str, after: Any, what: str, why: str, action: str = "repaired") -> bool:
        """Write numbers into cells, as the file's own type can hold them; whether any cell is another one now."""
        at = np.asarray(at, np.int64)
        after = np.broadcast_to(np.asarray(after, np.float64), at.shape)[self.alive[at]]
        at = at[self.alive[at]]
        if not len(at) or not self.has(word):
            return False
        values = self.base.columns[word]
        stored = self.source.storable(word, after)
        differs = ~((stored == values[at]) | (np.isnan(stored) & np.isnan(values[at])))
        at, stored = at[differs], stored[differs]
        if not len(at):
            return False
        self.log.append(Batch(at, word, what, action, why, values[at], stored))
        values[at] = stored
        self.changed.setdefault(word, np.zeros(len(values), np.bool_))[at] = True
        return True

    def mask(self, at: Ints, word: str, what: str, why: str) -> bool:
        """Make cells not known."""
        return self.put(at, word, NAN, what, why, "masked")

    def drop(self, at: Ints, what: str, why: str) -> bool:
        """Remove rows; of a row that holds a dividend or a split, only the bar."""
        at = np.asarray(at, np.int64)
        acting = self._acting(at)
        gone = self.drop_whole(at[~acting], what, why)
        masked = sum(self.mask(at[acting], word, what, why) for word in (*LEVELS, "volume"))
        return gone or masked > 0

    def drop_whole(self, at: Ints, what: str, why: str) -> bool:
        """Remove rows, whatever they hold."""
        at = np.asarray(at, np.int64)
        at = at[self.alive[at]]
        if len(at):
            before = self.base.columns["close"][at]
            self.log.append(Batch(at, ROW, what, "removed", why, before, np.full(len(at), NAN)))
            self.alive[at] = False
        return bool(len(at))

    def leave(self, at: Ints, what: str, why: str) -> None:
        """Note what is not repaired."""
        here = self.base.columns["close"][at]
        self.log.append(Batch(np.asarray(at, np.int64), ROW, what, "left", why, here, here))

    def _acting(self, at: Ints) -> Bools:
        """(n,) rows with a dividend or a split."""
        out = np.zeros(len(at), np.bool_)
        if self.has("dividend"):
            out |= self.base.columns["dividend"][at] > 0.0
        if self.has("split"):
            split = self.base.columns["split"][at]
            out |= (split > 0.0) & (split != 1.0)
        return out


def unreadable(sheet: Sheet) -> None:
    """Mask the cells that hold something that is no number."""
    if sheet.base.unreadable is None or sheet.base.row is None:
        return
    frame = sheet.source.frame()
    names = reading.chosen_of([str(name) for name in frame.columns], sheet.base.where)
    for word in sheet.base.columns:
        bad = np.zeros(len(frame), np.bool_)
        reading.number(frame[names[word]], bad)
        at = np.flatnonzero(bad[sheet.base.row])
        if len(at):
            none = np.full(len(at), NAN)
            sheet.log.append(Batch(at, word, "unreadable", "masked", "it is no number", none, none))
            sheet.changed.setdefault(word, np.zeros(len(sheet.base), np.bool_))[at] = True
    sheet.base.unreadable = None
