"""What is asked of the bars themselves: prices made from later ones, and names that are missing because they died."""

from __future__ import annotations

import numpy as np

from engine.audit.pipeline import Pipeline, listed
from engine.checks.finding import Finding, slice_of
from engine.types import Floats

HEAD = 20  # equal bars at a name's beginning that no market makes
GRIDS = ("open", "high", "low", "close", "volume")


def audit_bars(pipeline: Pipeline) -> list[Finding]:
    """The findings on the data."""
    return [_filled(pipeline), _survivors(pipeline)]


def _filled(pipeline: Pipeline) -> Finding:
    """A name whose first bars are all the same got them from the first real one."""
    check, asked = (
        "back-filled bars",
        f"no name begins with {HEAD} or more equal bars: they would come from a later one",
    )
    panel = pipeline.panel
    born, _ = listed(panel)
    length = np.array([_equal(panel, int(i), int(born[i])) for i in range(len(panel.universe))])
    worst = int(length.argmax())
    if length[worst] >= HEAD:
        row = int(born[worst])
        many = int((length >= HEAD).sum())
        told = f"{length[worst]:,} equal bars of {panel.universe.symbols[worst]} before the first that differs ({_names(many)})"
        where = f"data, {panel.universe.symbols[worst]}, {slice_of(panel, row)}"
        # A quiet market repeats a price; only a copy repeats a range and a volume.
        if panel.high[row, worst] > panel.low[row, worst] and panel.volume[row, worst] > 0.0:
            return Finding(check, False, asked, f"{told}. Leave missing bars missing", where, "back-fill")
        return Finding(check, None, asked, f"{told}: no trades, or a later bar copied back", where, "back-fill")
    return Finding(check, True, asked, "every name begins with bars that move", "data")


def _names(many: int) -> str:
    return "1 such name" if many == 1 else f"{many} such names"


def _equal(panel: object, column: int, first: int) -> int:
    """How many of a name's first bars are the same in every field."""
    bars: list[Floats] = [getattr(panel, key)[first:, column] for key in GRIDS]
    if not len(bars[0]) or np.isnan(bars[3][0]):
        return 0
    same = np.ones(len(bars[0]), np.bool_)
    for field in bars:
        same &= (field == field[0]) | (np.isnan(field) & np.isnan(field[0]))
    return int(len(same) if same.all() else same.argmin())


def _survivors(pipeline: Pipeline) -> Finding:
    """Names that all live to the end were perhaps chosen because they did."""
    check, asked = "survivorship", "some name leaves the data before its end"
    panel = pipeline.panel
    _, gone = listed(panel)
    dead = int((gone < len(panel) - 1).sum())
    if dead or len(panel.universe) == 1:
        told = f"{dead} of {len(gone)} do" if dead else "not asked: there is one name"
        return Finding(check, True if dead else None, asked, told, "data")
    return Finding(
        check,
        None,
        asked,
        f"none of {len(gone)} does: names that died may be missing, and nothing here shows it",
        "data",
    )
