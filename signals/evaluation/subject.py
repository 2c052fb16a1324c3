"""A model as it is found on disk, with what it forecast for dates it had not seen, checked before anything is measured.

Three kinds of folders are read: a model folder of `barcast train` (its test range is forecast now), a walk-forward, and a
folder of walk-forwards with several seeds. A folder with a walk-forward per symbol holds as many models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import ConfigError, DataError
from engine.types import Bools, Floats, Ints
from signals import folder as folders
from signals import walked
from signals.folder import PASSPORT
from signals.passport import Passport
from signals.training import cells, material, splits, symbols, walkforward
from signals.training import train as training
from signals.training.material import Material
from signals.training.passports import days
from signals.training.recipe import Recipe, read
from signals.training.splits import Split
from signals.training.walkforward import FORECASTS, INDEX, SAID, Walked

MOST_JSON = 10_000_000  # bytes
LOOKED = 2  # dates of each fold whose forecasts are made again
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Subject:
    """A model to be judged."""

    place: Path
    recipe: Recipe
    made: Material
    walks: tuple[Walked, ...]  # one per seed; a model folder is a walk of one fold
    forecasts: tuple[Floats, ...]  # (T, N) per seed, NaN where nothing was said; out of sample only
    notes: tuple[str, ...]  # what a reader has to know
    single: bool  # a model folder

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def passports(self) -> tuple[Passport, ...]:
        """Of the first seed's folds."""
        return tuple(self.walks[0].passports)

    @property
    def cells(self) -> Bools:
        """(T, N) where every seed said something that has an outcome."""
        out = np.isfinite(self.made.labels.values)
        for one in self.forecasts:
            out &= np.isfinite(one)
        return np.asarray(out)

    def folder(self, walk: Walked, fold: int) -> Path:
        """The model folder of a fold."""
        return walk.folder if self.single else walk.folder / walkforward.name_of(fold)


def open_model(
    place: str | Path,
    recipe: str | Path | Recipe | None = None,
    sets: Sequence[str] = (),
    made: Material | None = None,
    say: Say = lambda text: None,
) -> Subject:
    """The Subject in a folder; DataError or ConfigError in one line where it is not sound, or not what it says it is.

    `recipe` replaces the one that lies in the folder, `sets` override its keys, `made` stands for its bars.
    """
    root = Path(place)
    homes, single = found(root)
    told = recipe_of(homes[0], single) if recipe is None else recipe
    said = of_one(read(told, sets), homes[0], single)
    here = material.material(said, say) if made is None else made
    material.one_model(said, here)
    walks = tuple(walk_of(home, said, here, single) for home in homes)
    notes: list[str] = []
    for walk in walks:
        vetted(walk, said, here, notes)
    say(f"{said.name}: forecasts of {len(walks[0].splits)} folds")
    if single:
        forecasts = tuple(forecast(walk, here, said) for walk in walks)
    else:
        forecasts = tuple(cells.read(walk.folder / SAID, here) for walk in walks)
        for walk in walks:
            if walked.sha256_of(walk.folder, FORECASTS) is not None:
                cells.read(walk.folder / FORECASTS, here)  # what trades is what was written, too
    out = Subject(root, said, here, walks, forecasts, tuple(dict.fromkeys(notes)), single)
    for walk, one in zip(walks, forecasts, strict=True):
        in_range(walk, one)
        if not single:
            made_again(out, walk, one)
    return out


def of_one(recipe: Recipe, home: Path, single: bool) -> Recipe:
    """A recipe per symbol for the one symbol that the models in `home` were made of; any other as it is."""
    first = home if single else home / walkforward.name_of(0)
    if not recipe.per_symbol or not (first / PASSPORT).is_file():
        return recipe
    names = folders.read_passport(first).universe
    return symbols.alone(recipe, names[0]) if len(names) == 1 else recipe


def found(root: Path) -> tuple[list[Path], bool]:
    """The walk-forwards, one per seed, or the one model folder that `root` is, and whether it is one.

    FOLDER/SYMBOL stands for FOLDER/seed-1/SYMBOL, FOLDER/seed-2/SYMBOL ... where those are there.
    """
    if (root / INDEX).is_file():
        return [root], False
    if (root / PASSPORT).is_file():
        return [root], True
    every, inside = places(root), walks_in(root)
    if inside and all(p.name.startswith(walked.SEED) for p in inside):
        return inside, False
    if under := [seed / root.name for seed in seeds_in(root.parent) if (seed / root.name / INDEX).is_file()]:
        return under, False
    if every != [root]:
        raise DataError(
            f"{root}: it holds walk-forwards of {len(every)} symbols, one per symbol; give one of them, such as {every[0]}"
        )
    raise DataError(
        f"{root}: no model here: expected {PASSPORT} or {INDEX}, as barcast train and walkforward write them"
    )


def places(root: Path) -> list[Path]:
    """The models in a folder that are judged apart: the walk-forwards of a model per symbol, else the folder itself.

    Of symbols with several seeds the names that `found` reads, which need not be there yet.
    """
    if (root / INDEX).is_file() or (root / PASSPORT).is_file():
        return [root]
    inside = walks_in(root)
    seeds = [walk for walk in inside if walk.name.startswith(walked.SEED)]
    alone = [walk for walk in inside if walk not in seeds]
    both = sorted({walk.name for seed in seeds_in(root) for walk in walks_in(seed)})
    kinds = {"SEED": seeds, "SYMBOL": alone, "SEED/SYMBOL": both}
    there = [kind for kind, some in kinds.items() if some]
    if len(there) > 1:
        raise DataError(
            f"{root}: it holds walk-forwards as {' and as '.join(there)}, of more than one training; give each a folder of its own"
        )
    return alone or [root / name for name in both] or [root]


def walks_in(root: Path) -> list[Path]:
    """The walk-forwards that lie in a folder."""
    return sorted(p for p in root.iterdir() if (p / INDEX).is_file()) if root.is_dir() else []


def seeds_in(root: Path) -> list[Path]:
    """The folders seed-1, seed-2 ... in a folder, by their number."""
    told = [p for p in root.iterdir() if p.is_dir() and p.name.startswith(walked.SEED)] if root.is_dir() else []
    return sorted(told, key=lambda p: (len(p.name), p.name))


def recipe_of(home: Path, single: bool) -> dict[str, Any]:
    """The recipe that lies with a model, as plain data."""
    path = home / (training.RECIPE if single else INDEX)
    try:
        if path.stat().st_size > MOST_JSON:
            raise DataError(f"{path}: more than {MOST_JSON:,} bytes; that is no recipe")
        told = json.loads(path.read_text(encoding="utf-8")) if single else (walked.read(home) or {})["recipe"]
    except FileNotFoundError:
        raise ConfigError(f"{home}: it has no {path.name}; say which recipe it was made from: --recipe FILE") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{path}: it cannot be read as a recipe; say which one it was: --recipe FILE") from None
    if not isinstance(told, dict):
        raise DataError(f"{path}: expected an object, got {type(told).__name__}; say --recipe FILE")
    return told


def walk_of(home: Path, recipe: Recipe, made: Material, single: bool) -> Walked:
    """The folds of a walk-forward by its recipe and bars, or the one split of a model folder."""
    if single:
        split = training.split_of(made, recipe)
        if split.test is None:
            raise ConfigError(f"{recipe.name}: split has no test range, so there is nothing to evaluate on; add one")
        return Walked(home, [split], [folders.read(home)[0]])
    walked.folds_in(home)  # refuses folds that walkforward.json does not tell of
    every = walkforward.folds_of(made, recipe)
    there = [home / walkforward.name_of(k) for k in range(len(every))]
    lost = [place for place in there if not (place / PASSPORT).is_file()]
    if lost:
        raise DataError(
            f"{home}: the recipe has {len(every)} folds on these bars, and {lost[0].name} is not there; walk on"
        )
    return Walked(home, every, [folders.read(place)[0] for place in there])


def vetted(walk: Walked, recipe: Recipe, made: Material, notes: list[str]) -> None:
    """Nothing; DataError unless the passports fit recipe, bars and ranges. What is merely odd goes to `notes`."""
    for split, passport in zip(walk.splits, walk.passports, strict=True):
        where = f"{walk.folder}"
        if passport.features.sha256 != made.features_sha256:
            raise DataError(f"{where}: it was trained on other features than {made.features} are now; train it again")
        learning = json.loads(json.dumps(recipe.learning))
        if passport.hyperparameters != learning:
            apart = sorted(k for k in learning if passport.hyperparameters.get(k) != learning[k])
            raise DataError(
                f"{where}: it was not made from this recipe: {', '.join(apart)} differ; give the one it was made from"
            )
        told, mine = passport.ranges, split.spans
        ranges = {name: list(span) for name in splits.ORDER if (span := getattr(told, name)) is not None}
        if ranges != {name: days(made, span) for name, span in mine.items()}:
            raise DataError(
                f"{where}: its ranges are not those of the recipe on these bars: it was made from other bars"
            )
        seen_after(where, split, passport, made)
        if passport.data_fingerprint != made.fingerprint:
            notes.append("The bars are not bit for bit those it was trained on: a vendor may have corrected them.")
        if passport.blocked:
            notes.append(
                f"Flagged {', '.join(passport.blocked)}: such a fold forecasts nothing and trades nothing; what it would have "
                f"said is measured here all the same."
            )


def seen_after(where: str, split: Split, passport: Passport, made: Material) -> None:
    """Nothing; DataError unless every date that is judged comes after all that the model knows."""
    assert split.test is not None
    if int(made.times[split.test.first]) <= passport.known_through_ns:
        raise DataError(
            f"{where}: it knows prices until {passport.known_through}, and its test range begins "
            f"{made.day(split.test.first)}: nothing there is out of sample"
        )


def in_range(walk: Walked, forecasts: Floats) -> None:
    """Nothing; DataError for a forecast outside the test ranges."""
    rows = np.zeros(len(forecasts), np.bool_)
    for split in walk.splits:
        assert split.test is not None
        rows[split.test.rows] = True
    if np.isfinite(forecasts[~rows]).any():
        raise DataError(
            f"{walk.folder}: its forecasts reach outside the test ranges of its folds; they are not its own"
        )


def forecast(walk: Walked, made: Material, recipe: Recipe) -> Floats:
    """(T, N) forecasts of a model for its test range."""
    split = walk.splits[0]
    assert split.test is not None
    out = np.full((len(made.times), len(made.symbols)), np.nan)
    out[split.test.rows] = training.read_back(walk.folder, made, recipe, split.test.rows)
    return out


def made_again(subject: Subject, walk: Walked, forecasts: Floats) -> None:
    """Nothing; DataError unless the folds' models still say on a few dates what the file says they said."""
    for k, (split, passport) in enumerate(zip(walk.splits, walk.passports, strict=True)):
        assert split.test is not None
        rows: Ints = np.unique(np.linspace(split.test.first, split.test.stop - 1, LOOKED).astype(np.int64))
        place = subject.folder(walk, k)
        ours = training.read_back(place, subject.made, subject.recipe, rows)
        theirs = forecasts[rows]
        both = np.isfinite(ours) & np.isfinite(theirs)
        same = bool((np.isfinite(ours) == np.isfinite(theirs)).all())
        spread = np.where(np.isfinite(forecasts), forecasts, np.nan)
        if not same or (np.abs(ours - theirs)[both] > training.slack(passport.calibration, spread)).any():
            raise DataError(
                f"{walk.folder / SAID}: {place.name} forecasts otherwise now; walk it again, nothing is measured"
            )
