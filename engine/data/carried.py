"""What instruments carry: lot, tick, multiplier, sector, death."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.data.columns import CONSTANTS, Long, original
from engine.errors import DataError
from engine.types import Bools, Ints, Universe

LIMITS = (  # (name, whether it may be 0, whether it may be unknown, what is expected)
    ("lot", True, False, "0 or more"),
    ("tick", False, True, "above 0, or empty where there is none"),
    ("multiplier", False, False, "above 0"),
    ("terminal_value", True, True, "0 or more, or empty where it is not known"),
)


def universe_of(
    long: Long, used: Ints | slice, column: Ints, symbols: tuple[str, ...], lot: float, tick: float
) -> Universe:
    """The instruments with what the table says they carry; the arguments where it says nothing."""
    n = len(symbols)
    base = Universe.of(symbols, lot, tick)
    given: dict[str, Any] = {}
    for name in CONSTANTS:
        if name in long.columns:
            values = np.asarray(long.columns[name][used], np.float64)
            given[name] = _constant(long, used, name, values, ~np.isnan(values), column, getattr(base, name))
    if "delisted_at" in long.columns:
        stamps = long.columns["delisted_at"][used]
        given["delisted_at"] = _constant(long, used, "delisted_at", stamps, stamps != 0, column, base.delisted_at)
    if "sector" in long.columns:
        import pandas as pd

        code, names = pd.factorize(long.columns["sector"][used], sort=True)
        given["sector"] = _constant(
            long, used, "sector", code.astype(np.int64), code >= 0, column, np.full(n, -1, np.int64)
        )
        given["sector_names"] = tuple(str(name) for name in names)
    return vetted(replace(base, **given), long.where)


def vetted(universe: Universe, where: str) -> Universe:
    """`universe` itself; DataError for a lot, tick, multiplier or terminal value that cannot be."""
    if not isinstance(universe, Universe):
        raise DataError(f"{where}: universe is {universe!r:.60}; expected an engine.types.Universe, or none")
    for name, zero, unknown, expected in LIMITS:
        values = getattr(universe, name)
        bad = (values < 0.0) | np.isinf(values) | ((values == 0.0) & (not zero)) | (np.isnan(values) & (not unknown))
        if bad.any():
            k = int(np.argmax(bad))
            raise DataError(f"{where}: {universe.symbols[k]}: {name} is {values[k]:g}; expected {expected}. Correct it")
    return universe


def _constant(
    long: Long, used: Ints | slice, name: str, values: np.ndarray, known: Bools, column: Ints, default: np.ndarray
) -> np.ndarray:
    """(N,) the one value of each instrument, `default` where none is given; DataError when a symbol has two."""
    out = np.array(default)
    out[column[known][::-1]] = values[known][::-1]  # the first one wins, so that the second is the one to blame
    differs = known & (values != out[column])
    if differs.any():
        k = int(np.argmax(differs))
        raise DataError(
            f"{long.where}: {long.row(original(used, k))}: {name} is {values[k]}, elsewhere {out[column[k]]}; "
            f"expected one value per symbol"
        )
    return out
