"""fix(): audit, repair, and audit again, until an audit leads to no repair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.data import calendars
from engine.data.audit.auditing import Prices, Surroundings, look, surroundings
from engine.data.audit.reading import Table
from engine.data.fix import adjusted, bars, files, levels
from engine.data.fix.doubles import doubles
from engine.data.fix.levels import Part
from engine.data.fix.logs import ACTIONS
from engine.data.fix.repairs import REPAIRS
from engine.data.fix.sheets import ROW, Batch, Sheet, unreadable

ROUNDS = 50  # audits; defects that hide behind others come to light one after the other


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a fix did: the sheet as it is now, how often it was audited, and what its prices are."""

    sheet: Sheet
    prices: str
    rounds: int
    settled: bool
    ordered: bool

    def counts(self) -> dict[str, dict[str, int]]:
        """Cells or rows by kind and action."""
        out: dict[str, dict[str, int]] = {}
        for batch in self.sheet.log:
            mine = out.setdefault(batch.what, dict.fromkeys(ACTIONS, 0))
            mine[batch.action] += len(batch.at)
        return dict(sorted(out.items()))

    @property
    def changes(self) -> int:
        """Cells and rows that are not as they were."""
        return sum(len(batch.at) for batch in self.sheet.log if batch.action != "left")


def fix(
    path: str | Path,
    calendar: str = calendars.INFERRED,
    prices: Prices = "guess",
    on: frozenset[str] = frozenset(REPAIRS),
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Fixed:
    """The bars at `path` repaired, in memory; DataError where there are none to speak of, or too many for it."""
    sheet = Sheet.of(files.read(path, say), say)
    ordered = "order" in on and _late(sheet)
    if "cells" in on:
        unreadable(sheet)
    meant, settled, rounds = str(prices), False, 0
    while not settled and rounds < ROUNDS:
        rounds += 1
        say(f"audit {rounds}")
        table = sheet.now()
        around = surroundings(table, calendar, prices)
        meant = around.prices
        mark = len(sheet.log)
        changed = []
        for k in range(len(table.symbols)):
            progress(k, len(table.symbols))
            changed.append(_instrument(sheet, table, k, around, on))
        settled = not any(changed)
        if not settled:  # what is left is said by the last audit alone
            sheet.log[mark:] = [batch for batch in sheet.log[mark:] if batch.action != "left"]
    return Fixed(sheet, meant, rounds, settled, ordered)


def _instrument(sheet: Sheet, table: Table, k: int, around: Surroundings, on: frozenset[str]) -> bool:
    """Repair one instrument as far as one audit can tell; whether anything changed.

    What comes first hides what comes later, so the first repairs that change anything are the last of this round.
    """
    if doubles(sheet, table, k, on):
        return True
    seen = look(table, k, around)
    rows = np.asarray(table.row, np.int64)[seen.place]
    part = Part(sheet, seen, rows, around.prices == "split_adjusted", table.dated)
    changed = levels.moves(part, on)
    if "cells" in on:
        changed |= bars.zeros(part)
    if changed:
        return True
    changed = bars.ranges(part) if "ranges" in on else False
    if "stale" in on:
        changed |= bars.stale(part)
    if changed:
        return True
    changed = adjusted.closes(part) if "adjusted" in on else False
    if "dividends" in on and not changed:
        changed = adjusted.dividends(part)
    _leave(part)
    return changed


def _leave(part: Part) -> None:
    """Note the jumps that stay: nothing says on which side of them the prices are right."""
    for one in part.seen.findings:
        if one.kind == "jump" and one.form != "stretch":
            part.sheet.leave(part.at[[part.span(one)[0]]], "jump", one.text)


def _late(sheet: Sheet) -> bool:
    """Whether rows come after a later one of their symbol; noted in the log, once for each symbol."""
    base = sheet.base
    late = np.flatnonzero(base.unsorted)
    for k in late.tolist():
        at = np.array([base.bounds[k]], np.int64)
        why = f"{base.unsorted[k]:,} rows came after a later one; the copy is sorted"
        here = base.columns["close"][at]
        sheet.log.append(Batch(at, ROW, "order", "sorted", why, here, here))
    return bool(len(late))
