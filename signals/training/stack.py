"""A stacker from walk-forward folders: the part for fold k is fitted on the stitched forecasts of the folds before k.

What is stitched is out of sample for the model that said it, and every row is held against what that model knew. Labels that
look at a price on or after the first slice of fold k are left out of its part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import ConfigError, DataError
from engine.types import Floats, Ints
from engine.writing import replace
from signals import stacking, walked
from signals.ensemble import zscores
from signals.lstm import Lstm
from signals.passport import instant, instant_of, nanoseconds
from signals.stacking import FEWEST_ROWS, Stacker
from signals.training import cells, forecasts
from signals.training.forecasts import FORECASTS
from signals.training.material import Material
from signals.training.recipe import Recipe, read

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Walk:
    """A finished walk-forward as a member: its folds as walkforward.json tells them, held against their passports."""

    folder: Path
    recipe: Recipe
    unit: str
    sha256: str
    folds: list[dict[str, Any]]
    bars: frozenset[str]  # fingerprints of what its folds were trained on

    @property
    def known(self) -> Ints:
        """(K,) ns UTC: what each fold's model knew."""
        return np.array([nanoseconds(fold["known_through"]) for fold in self.folds], np.int64)


def stack(folders: Sequence[str | Path], source: Callable[[Recipe], Material], say: Say = lambda text: None) -> Stacker:
    """The Stacker of walk-forwards over the same folds; `source` gives the Material whose labels they are fitted on."""
    if len(folders) < 2:
        raise ConfigError(f"stack: expected the folders of two walk-forwards or more, got {len(folders)}")
    walks = [walk_of(Path(folder)) for folder in folders]
    if len({walk.sha256 for walk in walks}) < len(walks):
        raise ConfigError("stack: one model stands twice; give different ones")
    alike(walks)
    made = source(walks[0].recipe)
    same_bars(walks, made, say)
    unit = "probability" if walks[0].unit == "probability" else "return"
    tests = [spans_of(made, fold) for fold in walks[0].folds]
    said = [forecasts_of(walk, made, tests) for walk in walks]
    if unit == "return" and any(walk.unit != "return" for walk in walks):
        said = [np.stack([zscores(row) for row in one]) for one in said]
    outcome = made.labels.values if unit == "probability" else made.labels.returns
    parts = []
    for k in range(1, len(tests)):
        part = part_of(k, made, walks, tests, said, outcome, unit)
        if part is not None:
            parts.append(part)
    if not parts:
        raise DataError(f"stack: no fold has {FEWEST_ROWS} forecasts with a known outcome before it; walk longer")
    label = f"{made.labels.kind} {walks[0].recipe.label.horizon}"
    members = [walk.sha256 for walk in walks]
    return Stacker.model_validate_json(json.dumps({"unit": unit, "label": label, "members": members, "parts": parts}))


def write(path: Path, stacker: Stacker) -> None:
    """The same stacker gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, (json.dumps(stacker.model_dump(mode="json"), indent=1, allow_nan=False) + "\n").encode())


def walk_of(folder: Path) -> Walk:
    """The walk-forward in `folder`; DataError for a model folder, whose forecasts may be in-sample, and for a changed one."""
    told = walked.read(folder)
    if told is None:
        raise DataError(
            f"{folder}: refused: it holds no {walked.INDEX}, so its forecasts may be in-sample; a stacker is fitted on "
            f"out-of-fold forecasts only. Give the folder of a barcast walkforward"
        )
    try:
        recipe, folds = read(told["recipe"]), list(told["folds"])
        for fold in folds:
            first, last = (np.datetime64(day, "D") for day in fold["ranges"]["test"])
            begins, ends, known = (
                nanoseconds(instant(fold[n])) for n in ("valid_from", "valid_until", "known_through")
            )
            if not (first <= last and known <= begins < ends):
                raise ValueError(f"the times of {fold['folder']} are not in order")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{folder / walked.INDEX}: it cannot be read ({_words(error)}); walk again") from None
    signal = Lstm(str(folder))
    if signal.unit == "price":
        raise DataError(f"{folder}: prices are not stacked; train on returns")
    bars = frozenset(passport.data_fingerprint for passport in signal.passports)
    return Walk(folder, recipe, signal.unit, signal.sha256, folds, bars)


def _words(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else (str(error).splitlines() or ["nested too deeply"])[0][:100]


def alike(walks: Sequence[Walk]) -> None:
    """Nothing; DataError unless all walks have the same folds and foretell the same thing."""
    first = walks[0]
    for walk in walks[1:]:
        if [fold["ranges"]["test"] for fold in walk.folds] != [fold["ranges"]["test"] for fold in first.folds]:
            raise DataError(f"{walk.folder}: its folds are not those of {first.folder}; walk both over the same dates")
        if walk.recipe.label != first.recipe.label:
            raise DataError(f"{walk.folder}: it foretells another label than {first.folder}; stack models of one label")
        if (walk.unit == "probability") != (first.unit == "probability"):
            raise DataError(
                f"{walk.folder}: it says a {walk.unit}, and {first.folder} a {first.unit}; stack one or the other"
            )


def same_bars(walks: Sequence[Walk], made: Material, say: Say) -> None:
    """Nothing; DataError unless the outcomes are of the bars that the first walk was trained on. Of others it is said."""
    first = walks[0]
    if first.bars != {made.fingerprint}:
        raise DataError(
            f"{first.folder}: it was trained on other bars than these, bit for bit; give those (--set data.path=...), or walk "
            f"again"
        )
    for walk in walks[1:]:
        if walk.bars != first.bars:
            say(
                f"{walk.folder}: it was trained on other bars than {first.folder}, whose returns the stacker is fitted on"
            )


def spans_of(made: Material, fold: dict[str, Any]) -> tuple[int, int]:
    """First and last row of a fold's test range: by its dates, or by its instants where a day has several slices."""
    if not made.daily:
        after = [nanoseconds(fold[name]) for name in ("valid_from", "valid_until")]
        begin, stop = np.searchsorted(made.times, after, side="right").tolist()
        return begin, stop - 1
    first, last = (np.datetime64(day) for day in fold["ranges"]["test"])
    return int(np.searchsorted(made.dates, first)), int(np.searchsorted(made.dates, last, side="right")) - 1


def forecasts_of(walk: Walk, made: Material, tests: list[tuple[int, int]]) -> Floats:
    """(T, N) stitched forecasts; DataError for a row that its model knew, or that lies outside of its fold."""
    path = walk.folder / FORECASTS
    table = forecasts.stitched(walk.folder, FORECASTS, made)
    if ((table.fold < 0) | (table.fold >= len(tests))).any():
        raise DataError(f"{path}: it has folds that {walked.INDEX} does not tell of; walk again")
    stacking.out_of_fold(made.times[table.row], walk.known[table.fold], np.ones(len(table.row), np.bool_), str(path))
    first, last = np.array(tests, np.int64).T
    if ((table.row < first[table.fold]) | (table.row > last[table.fold])).any():
        raise DataError(f"{path}: it has forecasts outside of their fold's test range; walk again")
    return cells.laid(table, made)


def part_of(
    k: int,
    made: Material,
    walks: Sequence[Walk],
    tests: list[tuple[int, int]],
    said: list[Floats],
    outcome: Floats,
    unit: str,
) -> dict[str, Any] | None:
    """The part that speaks from fold `k` on, as plain data; None where the folds before it have too few rows."""
    first = tests[k][0]
    rows = np.concatenate([np.arange(one, last + 1) for one, last in tests[:k]])
    rows = rows[rows + made.labels.reach < first]
    there = np.isfinite(outcome[rows])
    for member in said:
        there &= np.isfinite(member[rows])
    if there.sum() < FEWEST_ROWS:
        return None
    x = stacking.features([one[rows][there] for one in said], unit).T
    intercept, slopes = stacking.fit(x, outcome[rows][there], unit)
    used = rows[there.any(axis=1)]
    seen = []
    for j, (one, last) in enumerate(tests[:k]):
        mine = used[(used >= one) & (used <= last)]
        if len(mine):
            known = max(walk.folds[j]["known_through"] for walk in walks)
            seen.append({"fold": j, "first": instant_of(int(made.times[mine[0]])), "known_through": known})
    return {
        "valid_from": instant_of(int(made.times[first - 1])),
        "known_through": instant_of(int(made.times[int(used[-1]) + made.labels.reach])),
        "rows": int(there.sum()),
        "seen": seen,
        "intercept": intercept,
        "coefficients": list(slopes),
    }
