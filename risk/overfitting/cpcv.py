"""Combinatorial purged cross-validation: many paths through the same time, each put together from forecasts out of sample.

It needs a forecast for each split, made by a model that has not seen that split's test folds. One fixed forecast has the
same value on every path, so its paths are one path counted many times: that is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Split:
    """One way to set folds aside: the rows to learn from and, for each test fold, its rows."""

    train: Ints
    test: tuple[Ints, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All splits of T rows, and for each split the path that each of its test folds belongs to, (splits, k)."""

    rows: int
    splits: tuple[Split, ...]
    path: Ints

    @property
    def paths(self) -> int:
        return int(self.path.max()) + 1


def plan(rows: int, folds: int, test_folds: int, purge: int = 0, embargo: int = 0) -> Plan:
    """The splits of `rows` into `folds`, `test_folds` of them set aside at a time; `purge` and `embargo` in rows.

    `purge` rows before and after a test fold, `embargo` more after it, are not learnt from: as many as a label reaches
    ahead, and as a feature looks back. There are C(folds, k) splits and C(folds, k) k / folds paths (Lopez de Prado 2018).
    """
    from skfolio.model_selection import CombinatorialPurgedCV

    if not 2 <= test_folds < folds or rows < folds:
        raise DataError(f"CPCV: expected 2 <= test folds < folds <= rows, got {test_folds}, {folds} and {rows}")
    maker: Any = CombinatorialPurgedCV(n_folds=folds, n_test_folds=test_folds, purged_size=purge, embargo_size=embargo)
    splits = tuple(Split(np.asarray(a), tuple(np.asarray(x) for x in b)) for a, b in maker.split(np.zeros((rows, 1))))
    return Plan(rows, splits, np.asarray(maker.get_path_ids()))


def counts(folds: int, test_folds: int) -> tuple[int, int]:
    """(splits, paths) of that many folds."""
    splits = math.comb(folds, test_folds)
    return splits, splits * test_folds // folds


def paths(whole: Plan, values: Sequence[Floats]) -> Floats:
    """(paths, T) of `values`, one (T,) or (T, N) array per split, of which only the rows of its test folds are read.

    NaN among N names is no view. DataError where there are not as many as splits, where a test row of (T,), or a whole test
    fold of (T, N), is not known, or where all splits say the same on the rows they share: then there is one fixed forecast.
    """
    if len(values) != len(whole.splits):
        raise DataError(
            f"CPCV: expected {len(whole.splits)} forecasts, one per split, got {len(values)}; the paths of one fixed "
            f"forecast are identical, so retrain for each split or look at a single path"
        )
    out = np.full((whole.paths, *np.shape(values[0])), np.nan)
    for split, path, value in zip(whole.splits, whole.path, values, strict=True):
        for fold, at in zip(split.test, path, strict=True):
            out[at, fold] = np.asarray(value)[fold]
            known = ~np.isnan(out[at, fold])
            if not (known.all() if known.ndim == 1 else known.any()):
                raise DataError(
                    "CPCV: a forecast is missing on a row of its own test folds; forecast every row of each test fold"
                )
    return apart(out)


def apart(whole: Floats) -> Floats:
    """(paths, T, ...) `whole` itself. DataError where all paths are the same: they are one path counted many times."""
    if len(whole) > 1 and all(np.array_equal(one, whole[0], equal_nan=True) for one in whole[1:]):
        raise DataError(
            "CPCV: every split says the same on the rows they share: this is one fixed forecast, whose paths are "
            "identical. Retrain for each split, or look at a single path"
        )
    return whole
