"""A dated universe: the files of members and sectors, read once and laid over a panel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.data import cells
from engine.data.building import frozen
from engine.data.intervals import WORDS as INTERVAL_WORDS
from engine.data.intervals import Intervals, intervals
from engine.data.membership import laid
from engine.data.sectors import WORDS as SECTOR_WORDS
from engine.data.sectors import Sectors, joined, sectors
from engine.errors import DataError

if TYPE_CHECKING:
    from engine.panel import Panel

MEMBERS, SECTORS = "universe.members", "universe.sectors"


class Input(NamedTuple):
    """A file that went into a panel beside its bars."""

    key: str  # of the strategy file
    file: str  # its name, without folders
    sha256: str


@dataclass(frozen=True, slots=True)
class UniverseFiles:
    """What the files of a universe say; None for one that is not given."""

    members: Intervals | None = None
    sectors: Sectors | None = None
    inputs: tuple[Input, ...] = ()


def read(members: Path | None, sector_file: Path | None, exclusive: bool = False) -> UniverseFiles:
    """The files, read and checked row by row; `exclusive`: an interval's end is the first day out."""
    given = ((MEMBERS, members), (SECTORS, sector_file))
    return UniverseFiles(
        None if members is None else intervals(cells.read(members, INTERVAL_WORDS), exclusive),
        None if sector_file is None else sectors(cells.read(sector_file, SECTOR_WORDS)),
        tuple(Input(key, file.name, _sha256(file)) for key, file in given if file is not None),
    )


def within(panel: Panel, files: UniverseFiles) -> Panel:
    """`panel` with the members and sectors of `files`, and its warnings; itself where there is nothing to add.

    DataError if the panel has other members or sectors already; the same ones change nothing.
    """
    member, universe, notes = panel.member, panel.universe, list(panel.warnings)
    if files.members is not None:
        mask, told = laid(files.members, universe.symbols, panel.sessions, panel.close)
        if member is not None and not (member == mask).all():
            raise DataError(
                f"{MEMBERS}: panel {panel.name} has members already, and {files.members.where} says others; expected "
                f"one of the two. Leave the key out, or give a panel without members"
            )
        member, notes = frozen(mask), notes + told
    if files.sectors is not None:
        universe, told = joined(files.sectors, universe)
        notes += told
    if not files.inputs:
        return panel
    inputs = {entry.key: entry for entry in (*panel.inputs, *files.inputs)}
    return replace(
        panel,
        universe=universe,
        member=member,
        warnings=tuple(dict.fromkeys(notes)),
        inputs=tuple(inputs.values()),
    )


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
