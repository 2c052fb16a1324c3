"""What a fit said of its validation range, measured as a session will measure it later."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.inuse.drift import shape_of
from engine.inuse.skill import Skill
from engine.types import Floats
from signals.kept import Kept
from signals.training.fitting import Fitted
from signals.training.material import Material
from signals.training.recipe import Recipe


def kept(fitted: Fitted, made: Material, recipe: Recipe) -> Kept:
    """The Kept of a fit: distribution, correlation with the returns that decisions earned, Brier's score of probabilities.

    The net with the best validation loss was kept, so that its correlation there is rather too good: it is what was promised,
    and not what is to be expected.
    """
    samples, stride = fitted.validation, recipe.training.date_stride
    said = as_journaled(fitted, made, recipe)
    edges = samples.dates.tolist()
    rows = [slice(first, stop) for first, stop in itertools.pairwise(edges)]
    shape = shape_of([said[row] for row in rows], stride)
    skill = Skill(-(-(recipe.label.horizon - 1) // stride))
    earned = made.labels.returns[samples.end, samples.instrument]
    for row in rows:
        skill.add(said[row], earned[row])
    promise = skill.promise("validation")
    whole = shape is not None and math.isfinite(shape.worth)
    return Kept.model_validate(
        {
            "target": recipe.label.target,
            "forecast": None if shape is None or not whole else tuples(shape.plain()),
            "promise": None if promise is None else asdict(promise),
            "brier": brier(said, samples.label) if recipe.unit == "probability" else None,
        }
    )


def as_journaled(fitted: Fitted, made: Material, recipe: Recipe) -> Floats:
    """(S,) forecasts as a session's journal holds them: a price as the return from the close it was foretold at."""
    samples, said = fitted.validation, fitted.said
    if recipe.label.target != "price":
        return said
    close = made.labels.values[samples.end - made.labels.reach, samples.instrument]
    return np.maximum(said, 0.0) / close - 1.0


def brier(p: Floats, happened: Floats) -> tuple[float, float] | None:
    """Brier's score of (S,) probabilities, and of always saying how often it happened."""
    if not len(p):
        return None
    base = float(happened.mean())
    return float(((p - happened) ** 2).mean()), base * (1.0 - base)


def tuples(told: dict[str, Any]) -> dict[str, Any]:
    """Lists as tuples, as a strict model wants them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
