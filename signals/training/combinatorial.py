"""Combinatorial purged cross-validation: fits that set groups of time aside, and the paths their forecasts make.

Time is cut into n groups; every k of them are set aside once, which makes C(n, k) fits, each blind to its own k. A group is set
aside in C(n - 1, k - 1) = k / n C(n, k) of them, so as many whole paths through all of time can be put together, each from
forecasts out of sample (Lopez de Prado 2018, chapter 12). They are for judging: such a model has seen what came after.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError
from engine.types import Ints
from signals.training.splits import Dates, Length, Pieces, Span, Split, _back

if TYPE_CHECKING:
    from signals.training.material import Material
    from signals.training.recipe import Recipe

INDEX, FORMAT = "cpcv.json", 1


def groups_of(rows: Span, groups: int) -> list[Span]:
    """`rows` cut into so many groups of nearly equal length. DataError where there are too few."""
    if rows.size < groups:
        raise DataError(f"cpcv: {rows.size} slices cannot make {groups} groups; give more data, or fewer groups")
    edges = np.linspace(rows.first, rows.stop, groups + 1).round().astype(np.int64)
    return [Span(int(a), int(b)) for a, b in itertools.pairwise(edges)]


def chosen(groups: int, test_groups: int) -> list[tuple[int, ...]]:
    """The groups that each fit sets aside, in order."""
    return list(itertools.combinations(range(groups), test_groups))


def path_ids(groups: int, test_groups: int) -> Ints:
    """(C(n, k), k) the path that each fit's forecast of each of its groups belongs to: a group's j-th fit is on path j."""
    met = [0] * groups
    out = []
    for some in chosen(groups, test_groups):
        out.append([met[g] for g in some])
        for g in some:
            met[g] += 1
    return np.array(out, np.int64)


def paths(groups: int, test_groups: int) -> int:
    """How many whole paths there are: k / n C(n, k)."""
    return math.comb(groups, test_groups) * test_groups // groups


def folds(
    dates: Dates,
    rows: Span,
    groups: int,
    test_groups: int,
    embargo: int,
    memory: int,
    validation: Length,
    calibration: Length | None = None,
) -> list[Split]:
    """The Split of every fit; validation, then calibration, are the end of the last stretch that is long enough for them.

    Shorter ones after it are not used, so that what is chosen on comes after what is learnt from, as it does everywhere.

    `embargo` slices on either side of a group that is set aside are not learnt from, and `memory` more after it: as many as
    a window looks back, so that no label reaches into the group and no window sees a price that its labels look at.
    DataError where a fit has nothing left to learn from.
    """
    parts = groups_of(rows, groups)
    out = []
    for some in chosen(groups, test_groups):
        free = np.zeros(rows.stop, np.bool_)
        free[rows.first :] = True
        for g in some:
            free[max(0, parts[g].first - embargo) : parts[g].stop + embargo + memory] = False
        split = _split(dates, runs(free), embargo, validation, calibration)
        if split is None:
            raise DataError(_nothing(dates, parts, some, embargo, memory))
        out.append(replace(split, test=Pieces(tuple(parts[g] for g in some))))
    return out


def _split(
    dates: Dates, left: list[Span], embargo: int, validation: Length, calibration: Length | None
) -> Split | None:
    """The Split, without a test range, of the stretches `left` to learn from; None where none of them is long enough."""
    for k in reversed(range(len(left))):
        first, stop = left[k]
        apart = stop if calibration is None else _back(dates, stop - 1, calibration) + 1
        begin = _back(dates, apart - 1, validation) + 1
        end = apart - (0 if calibration is None else embargo)
        if first < begin - embargo and begin < end:
            train = Pieces((*left[:k], Span(first, begin - embargo)))
            return Split(train, Span(begin, end), None if calibration is None else Span(apart, stop), None, embargo)
    return None


def runs(free: np.ndarray) -> list[Span]:
    """The stretches of (T,) that are True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], free, [False])).astype(np.int8)))
    return [Span(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _nothing(dates: Dates, parts: list[Span], some: tuple[int, ...], embargo: int, memory: int) -> str:
    aside = ", ".join(f"{dates[parts[g].first]} to {dates[parts[g].stop - 1]}" for g in some)
    return (
        f"cpcv: with {aside} set aside, {embargo} slices left out before and {embargo + memory} after, no stretch holds "
        f"training and validation; shorten validation or the window, use fewer groups, or give more data"
    )


def stitch(place: Path, made: Material, recipe: Recipe, found: list[Split], told: list[dict[str, Any]]) -> list[Path]:
    """Write every path's forecasts as a table of its own (date, symbol, forecast, fold), and the index of them all."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from engine import writing
    from signals.training import forecasts
    from signals.training.passports import days
    from signals.training.walkforward import FORECASTS, name_of

    said = recipe.walkforward
    assert said is not None and said.groups is not None and said.test_groups is not None
    ids = path_ids(said.groups, said.test_groups)
    pieces: list[list[Any]] = [[] for _ in range(paths(said.groups, said.test_groups))]
    for k, split in enumerate(found):
        assert isinstance(split.test, Pieces)
        table = parquet.read_table(place / name_of(k) / FORECASTS)
        row = forecasts.read(place / name_of(k) / FORECASTS, made).row
        for span, path in zip(split.test.parts, ids[k], strict=True):
            inside = (row >= span.first) & (row < span.stop)
            pieces[path].append((span.first, table.filter(pa.array(inside))))
    files = []
    for path, some in enumerate(pieces):
        file = place / f"path-{path:03d}.parquet"
        forecasts.put(file, [table for _, table in sorted(some, key=lambda one: one[0])])
        files.append(file)
    spans = [days(made, span) for span in groups_of(_whole(found), said.groups)]
    head = {"format": FORMAT, "name": recipe.name, "unit": recipe.unit, "seed": recipe.seed, "groups": spans}
    body = {"test_groups": said.test_groups, "paths": [file.name for file in files], "folds": told}
    text = json.dumps({**head, **body, "recipe": recipe.resolved()}, indent=1, allow_nan=False)
    writing.replace(place / INDEX, (text + "\n").encode())
    return files


def _whole(found: list[Split]) -> Span:
    """All slices that are forecast."""
    tested = [split.test for split in found if split.test is not None]
    return Span(min(one.first for one in tested), max(one.stop for one in tested))
