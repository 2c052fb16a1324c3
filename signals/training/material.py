"""What a recipe's fits are made of: features, labels and dates of a whole panel, read once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import ConfigError, DataError
from engine.types import Bools, Ints
from signals.training import batches
from signals.training.labels import Labels, labels

if TYPE_CHECKING:
    from engine.panel import Panel
    from signals.training.recipe import Recipe

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Material:
    """N instruments by T slices: windows of features, and what followed them."""

    symbols: tuple[str, ...]
    times: Ints  # (T,) ns UTC
    dates: np.ndarray  # (T,) datetime64[D]
    values: Any  # (N, T, F) float32, may be memory-mapped
    columns: tuple[str, ...]
    features: str  # the set's name
    features_sha256: str
    memory: int  # slices before its window that a forecast depends on
    labels: Labels
    known: Bools  # (N, T) the window that ends here is known throughout, and the name may be held
    fingerprint: str  # of the bars
    sectors: tuple[str | None, ...] = ()  # of each name; () where nobody's is known
    bars_per_year: float = float("nan")

    def __post_init__(self) -> None:
        n, t, f = self.values.shape
        if (len(self.symbols), len(self.times), len(self.columns)) != (n, t, f):
            raise DataError(
                f"features: expected {len(self.symbols)} names x {len(self.times)} slices x {len(self.columns)} columns, "
                f"got {n} x {t} x {f}"
            )

    @property
    def daily(self) -> bool:
        """Whether no date has more than one slice."""
        return bool((self.dates[1:] != self.dates[:-1]).all())

    def day(self, row: int) -> str:
        """The ISO date of a slice."""
        return str(self.dates[row])


def material(recipe: Recipe, say: Say = lambda text: None) -> Material:
    """The Material of a recipe's own bars: read, made into features (kept in the cache), labelled."""
    say("reading bars")
    panel = bars_of(recipe)
    say("making features")
    return of_panel(panel, recipe)


def one_model(recipe: Recipe, made: Material) -> None:
    """Nothing; ConfigError where one model would be made of the names that the recipe wants a model each of."""
    if recipe.per_symbol and len(made.symbols) > 1:
        raise ConfigError(
            f"{recipe.name}: per_symbol: true asks for a model of each of {len(made.symbols)} names, and this would be one of "
            f"all; use barcast train, name one of data.symbols, or say per_symbol: false"
        )


def of_panel(panel: Panel, recipe: Recipe) -> Material:
    """The Material of a panel."""
    from signals.features import feature_set
    from signals.features.store import build

    wanted = feature_set(recipe.features)
    values = build(panel, wanted, 2).values
    label = labels(panel.adjusted, recipe.label.kind, recipe.label.horizon, recipe.label.target)
    known = batches.whole(values, recipe.window) & np.isfinite(panel.close).T
    if panel.member is not None:
        known &= panel.member.T
    return Material(
        panel.universe.symbols, panel.times, panel.sessions, values, wanted.column_names, recipe.features,
        wanted.sha256, wanted.memory, label, known, panel.fingerprint, sectors_of(panel), float(panel.bars_per_year),
    )  # fmt: skip


def sectors_of(panel: Panel) -> tuple[str | None, ...]:
    """The sector of each name of a panel; () where nobody's is known."""
    told = panel.universe
    if not (told.sector >= 0).any():
        return ()
    return tuple(told.sector_names[k] if k >= 0 else None for k in told.sector.tolist())


def of_arrays(
    values: Any, label: Labels, window: int, dates: np.ndarray, columns: tuple[str, ...] | None = None
) -> Material:
    """The Material of an (N, T, F) array that is no feature set of ours, for markets in which the truth is known."""
    n, _, width = values.shape
    names = columns or tuple(f"x{k}" for k in range(width))
    times = dates.astype("datetime64[ns]").astype(np.int64) + 86_400_000_000_000
    digest = hashlib.sha256(np.ascontiguousarray(values).view(np.uint8).data)
    digest.update(np.ascontiguousarray(label.values).view(np.uint8).data)
    sha256 = hashlib.sha256("\n".join(names).encode()).hexdigest()
    symbols = tuple(f"S{k:04d}" for k in range(n))
    known = batches.whole(values, window)
    return Material(symbols, times, dates, values, names, "given", sha256, 0, label, known, digest.hexdigest())


def data_of(recipe: Recipe) -> dict[str, Any]:
    """What the recipe says of its `data`."""
    return {name: value for name, value in recipe.resolved()["data"].items() if value is not None}


def bars_of(recipe: Recipe) -> Panel:
    """The panel of a recipe's data and universe, as a strategy file of the same words would have it."""
    from engine.config import load
    from engine.run import load_panel

    config = load({"name": recipe.name, "data": data_of(recipe), "universe": recipe.resolved()["universe"], **_IDLE})
    config._base = recipe.base
    return load_panel(config)


_IDLE = {
    "signals": {"none": {"plugin": "precomputed"}},
    "strategy": {"rule": "threshold", "signal": "none", "confidence": 1.0},
}
