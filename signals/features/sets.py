"""FeatureSet and Column: what a set of features is called, what it holds, and how far back it looks.

A feature of slice t is made of bars up to t and of no more than `memory` slices before it, so it is the same number, to the
last bit, in a panel that began earlier, in one that goes on longer, and in a live window of memory + 1 slices. Two rules
hold for every column:

* A missing bar is one in which nothing was traded: the price stays at the last close and the volume is 0. After more than
  CARRY missing slices in a row the price is not known, and a column that looks back at such a slice is NaN. The row of a
  missing bar is itself NaN throughout.
* A ratio whose denominator is 0 is NaN: a range, a mean volume or a variance that is not there. A spread of 0 is 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from inspect import getsourcefile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.types import Window
    from signals.features.block import Block

    Float32s = NDArray[np.float32]

CARRY = 5  # missing slices in a row over which a price is carried
ROOM = Path(__file__).resolve().parent
SHARED = ("rolling.py", "decay.py", "block.py", "market.py", "compute.py")  # sources that shape every set

_HOMES = {
    "close": "signals.features.core:CLOSE",
    "core14": "signals.features.core:CORE14",
    "core14_shipped": "signals.features.shipped:CORE14_SHIPPED",
    "core_close": "signals.features.core:CORE_CLOSE",
    "d27": "signals.features.d27:D27",
    "d_plus": "signals.features.d27:D_PLUS",
    "wide95": "signals.features.wide.whole:WIDE95",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One feature: (B, T) float64 of a block of instruments. `memory` counts slices before t, carrying left out."""

    name: str
    formula: str
    memory: int
    source: str  # who defined it
    needs: tuple[str, ...]  # of open, high, low, close, volume, market, sector
    compute: Callable[[Block], Any] = field(repr=False, compare=False)
    group: str = ""  # within a set that has groups


@dataclass(frozen=True)
class FeatureSet:
    """A named tuple of columns; `panel` and `last` give the same numbers."""

    name: str
    columns: tuple[Column, ...]
    sources: tuple[str, ...] = ()  # files its columns use beside SHARED and their own

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def memory(self) -> int:
        """Slices before t that row t may depend on: the longest column's, and CARRY for a price that was carried."""
        return max(column.memory for column in self.columns) + CARRY

    @property
    def needs(self) -> tuple[str, ...]:
        """Of open, high, low, close, volume: what the columns read."""
        wanted = {"close", *(need for column in self.columns for need in column.needs)}
        return tuple(key for key in ("open", "high", "low", "close", "volume") if key in wanted)

    @property
    def sha256(self) -> str:
        """Hex over names, formulas, memories, and the sources that compute them; a model refuses features of another one."""
        return _sha256(self)

    def panel(self, bars: Window, jobs: int = 1, out: Any = None) -> Float32s:
        """(N, T, F) float32, C order: every slice of `bars`; NaN where not known. Written into `out` if it is given.

        The numbers do not depend on `jobs`, the number of threads.
        """
        from signals.features.compute import compute

        return compute(self, bars, jobs, out)

    def last(self, bars: Window) -> Float32s:
        """(N, F) float32: the panel's row of the last slice, from the last memory + 1 slices of `bars`."""
        from signals.features.compute import last

        return last(self, bars)


def names() -> list[str]:
    """The names of all sets."""
    return sorted(_HOMES)


@lru_cache(maxsize=16)
def feature_set(name: str) -> FeatureSet:
    """The set called `name`; PluginError with the known names if there is none."""
    if name not in _HOMES:
        from engine.errors import PluginError

        raise PluginError(f"features: there is no set {name!r:.80}; known: {', '.join(names())}")
    module, _, variable = _HOMES[name].partition(":")
    found: FeatureSet = getattr(import_module(module), variable)
    return found


@lru_cache(maxsize=16)
def _sha256(features: FeatureSet) -> str:
    digest = hashlib.sha256()
    for column in features.columns:
        digest.update(repr((column.name, column.formula, column.memory, column.needs)).encode())
    digest.update(repr(CARRY).encode())
    homes = {ROOM / name for name in (*SHARED, *features.sources)}
    homes |= {Path(getsourcefile(getattr(column.compute, "func", column.compute)) or "") for column in features.columns}
    for path in sorted(homes, key=lambda path: path.name):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
