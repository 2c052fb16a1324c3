"""From a recipe to a model folder: fit, calibrate, passport, weights, and a look at what was written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.errors import ConfigError, DataError
from engine.types import Floats, Ints
from signals import folder as folders
from signals.calibration import Calibration, Isotonic, Platt
from signals.passport import Passport
from signals.training import fitting, material, splits
from signals.training.fitting import Fitted, Job
from signals.training.logbook import Logbook
from signals.training.loop import Clock, stopped
from signals.training.material import Material
from signals.training.passports import passport
from signals.training.recipe import Recipe
from signals.training.splits import Span, Split

RESUME = "resume"
RECIPE = "recipe.json"  # every key explicit: what `barcast evaluate` reads
CHECKED = 3  # slices on which the written model is held against the fitted one
CLOSE = 1e-4  # of the forecasts' own spread
BITS = 2e-5  # of an output
Say = Callable[[str], None]


class Run(NamedTuple):
    """Where, when and how loudly: nothing here decides what is learned."""

    device: str = "auto"
    clock: Clock = stopped
    today: str = "1970-01-01"
    say: Say = lambda text: None
    at: str = "1970-01-01T00:00:00Z"  # for the log of looks


class Trained(NamedTuple):
    """A model folder, and the model as it lies in memory."""

    folder: Path
    passport: Passport
    fitted: Fitted


def train(recipe: Recipe, out: str | Path, run: Run, made: Material | None = None) -> Trained:
    """The recipe's model, fitted on its split and written to the folder `out`."""
    made = material.material(recipe, run.say) if made is None else made
    material.one_model(recipe, made)
    told = {RECIPE: (json.dumps(recipe.resolved(), indent=1, allow_nan=False) + "\n").encode()}
    return model(made, recipe, split_of(made, recipe), recipe.seed, Path(out), run, recipe.name, told)


def split_of(made: Material, recipe: Recipe) -> Split:
    """The ranges of the recipe's `split` over its bars; shares are of the slices on which any window is known."""
    ranges = recipe.split.ranges()
    if recipe.split.dated:
        return splits.by_date(made.dates, ranges, recipe.embargo)
    usable = np.flatnonzero(made.known.any(axis=0))
    if not len(usable):
        raise DataError(f"{recipe.name}: no window of {recipe.window} slices is known; give more data")
    return splits.by_share(Span(int(usable[0]), len(made.times)), ranges, recipe.embargo)


def model(
    made: Material,
    recipe: Recipe,
    split: Split,
    seed: int,
    place: Path,
    run: Run,
    name: str,
    beside: Mapping[str, bytes] | None = None,
) -> Trained:
    """Fit one split and write its folder, with the files `beside`; a fit that stopped half-way there goes on.

    A model that lies there stays as it is, its recipe with it, until the new one is whole.
    """
    unseen(made, recipe, split)
    book = Logbook(place, name, recipe.training.epochs, run.say)
    try:
        fitted = fitting.fit(made, recipe, split, seed, Job(run.device, place / RESUME, run.clock, book))
    finally:
        book.close()  # its events are written by a thread, and the folder is swapped for another
    told = passport(fitted, made, recipe, split, seed, run.today)
    stored = folders.write(place, fitted.net.state_dict(), told, beside)
    verify(place, fitted, made, recipe, split)
    shutil.rmtree(place / RESUME, ignore_errors=True)
    return Trained(place, stored, fitted)


def unseen(made: Material, recipe: Recipe, split: Split) -> None:
    """Nothing; ConfigError where the recipe's parameters were chosen on bars of the test range."""
    if recipe.tuned is None or split.test is None or made.day(split.test.first) > recipe.tuned.until:
        return
    raise ConfigError(
        f"{recipe.name}: its parameters were chosen on bars until {recipe.tuned.until}, and what it is tested on begins "
        f"{made.day(split.test.first)}; begin later, or tune with on: first_fold"
    )


def verify(place: Path, fitted: Fitted, made: Material, recipe: Recipe, split: Split) -> None:
    """Nothing; DataError unless the model read back from `place` forecasts what the fitted one does."""
    rows = split.validation.rows
    rows = rows[made.known[:, rows].any(axis=0)][-CHECKED:]
    device = next(fitted.net.parameters()).device.type
    ours = fitting.outputs(fitted.net, fitted.scaler, fitted.calibration, made, recipe, rows, device)
    theirs = read_back(place, made, recipe, rows)
    apart = np.abs(ours - theirs)
    same = (np.isnan(ours) == np.isnan(theirs)).all()
    if not same or np.nanmax(apart, initial=0.0) > slack(fitted.calibration, ours):
        raise DataError(
            f"{place}: read back, the model forecasts otherwise, by up to {np.nanmax(apart):.3g}; do not use it"
        )


def slack(made: Calibration | None, forecasts: Floats) -> float:
    """By how much forecasts may differ: outputs near 1 differ by 1e-6 between batch shapes and devices."""
    slope = (
        1.0
        if made is None
        else 100.0
        if isinstance(made, Isotonic)
        else abs(made.a if isinstance(made, Platt) else made.b)
    )
    return CLOSE * float(np.nanstd(forecasts)) + BITS * slope


def read_back(place: Path, made: Material, recipe: Recipe, rows: Ints) -> Floats:
    """(R, N) forecasts at `rows` by the model in `place`, as whoever uses it would get them: on the CPU."""
    from signals.inference import Predictor

    predictor = Predictor(place)
    # What a blocked or clamped model says is nothing, or cut; the net is looked at all the same.
    predictor.passport = predictor.passport.model_copy(update={"flags": (), "clamp": None})
    first = max(0, int(rows[0]) - recipe.window + 1)
    part = np.asarray(made.values[:, first : int(rows[-1]) + 1])
    wanted = np.zeros(part.shape[1], np.bool_)
    wanted[rows - first] = True
    found = predictor.panel(part, wanted).T[rows - first]
    return np.where(made.known.T[rows], found, np.nan)
