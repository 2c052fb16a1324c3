"""Sectors from a file of their own: symbol, sector; they join what the data says and may not contradict it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.data.cells import Cells, is_empty
from engine.data.words import some
from engine.errors import DataError
from engine.types import Universe

WORDS = {"symbol": ("ticker",), "sector": ("gics_sector",)}


@dataclass(frozen=True, slots=True)
class Sectors:
    """The sector of each symbol, and the place of the row that says so."""

    where: str
    of: dict[str, str]
    place: dict[str, str]


def sectors(cells: Cells) -> Sectors:
    """What rows of symbol, sector say; an empty sector says nothing. DataError when a symbol is in two, naming both rows."""
    row: dict[str, int] = {}
    of: dict[str, str] = {}
    for k, value in enumerate(cells.columns["sector"]):
        symbol = cells.symbol(k)
        if is_empty(value):
            continue
        sector = str(value).strip()
        if of.get(symbol, sector) != sector:
            raise DataError(
                f"{cells.place(k)}: {symbol} is in {sector!r}, on {cells.row(row[symbol])} in {of[symbol]!r}; expected "
                f"one sector per symbol. Drop one of the rows"
            )
        of.setdefault(symbol, sector)
        row.setdefault(symbol, k)
    return Sectors(cells.where, of, {symbol: cells.place(k) for symbol, k in row.items()})


def joined(told: Sectors, universe: Universe) -> tuple[Universe, list[str]]:
    """The universe with the sectors that `told` adds, and warnings; DataError naming a symbol the two disagree about."""
    own = [universe.sector_names[k] if k >= 0 else None for k in universe.sector]
    wrong = [s for s, mine in zip(universe.symbols, own, strict=True) if mine and told.of.get(s, mine) != mine]
    if wrong:
        first = wrong[0]
        more = f" ({len(wrong):,} such symbols)" if len(wrong) > 1 else ""
        raise DataError(
            f"{told.place[first]}: {first} is in {told.of[first]!r}, the data says "
            f"{own[universe.symbols.index(first)]!r}{more}; expected one sector. Correct one, or leave one out"
        )
    if not any(symbol in told.of for symbol in universe.symbols):
        raise DataError(
            f"{told.where}: none of its {len(told.of):,} symbols with a sector ({some(told.of, 3)}) is in the data "
            f"({some(universe.symbols, 3)}); expected the same names. Correct one of them"
        )
    both = [mine or told.of.get(symbol) for symbol, mine in zip(universe.symbols, own, strict=True)]
    names = tuple(sorted({name for name in both if name}))
    place = {name: k for k, name in enumerate(names)}
    sector = np.array([place[name] if name else -1 for name in both], np.int64)
    without = [symbol for symbol, name in zip(universe.symbols, both, strict=True) if not name]
    notes = (
        [f"{len(without):,} of {len(both):,} symbols have no sector: {some(without)}; max_sector does not cap them"]
        if without
        else []
    )
    return replace(universe, sector=sector, sector_names=names), notes
