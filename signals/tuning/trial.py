"""One trial: the recipe with other parameters, fitted, judged on the judging range, and as the ledger keeps it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine import trials as ledger
from engine.errors import BarcastError, ConfigError, first_line
from engine.types import Floats
from signals.training import fitting, quality
from signals.training.fitting import Job
from signals.training.loop import Clock, Watch
from signals.training.passports import days
from signals.tuning.section import Choices, Tune, Value

if TYPE_CHECKING:
    from signals.training.material import Material
    from signals.training.recipe import Recipe
    from signals.training.splits import Split

PRUNED = "pruned"
MEASURED = {"rank": "rank_ic", "direction": "accuracy", "huber": "error"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial went. `score` is NaN where it cannot be judged; `returns` (R,) is what the ledger keeps of it."""

    score: float
    epochs: int
    best_epoch: int
    stopped: str  # patience, epochs, budget, pruned, nan
    returns: Floats
    first: int  # the slice of the first of `returns`


def recipe_of(base: Recipe, params: Mapping[str, Value]) -> Recipe:
    """The recipe with these parameters; ConfigError, as of `--set`, where one is not allowed."""
    from signals.training.recipe import read

    return read(base, [f"{key}={json.dumps(value)}" for key, value in params.items()])


def check(base: Recipe, tune: Tune) -> None:
    """Nothing; ConfigError unless the recipe can be searched like this, at the ends of every parameter."""
    if base.per_symbol:
        raise ConfigError("tune: a recipe per symbol has no one score; expected per_symbol: false")
    measured = MEASURED[base.loss.kind]
    if tune.score not in ("validation_loss", measured):
        raise ConfigError(
            f"tune.score: {tune.score} is not measured with loss.kind {base.loss.kind}; expected validation_loss or {measured}"
        )
    if base.label.target == "price" and (odd := [key for key in tune.space if key.startswith("scaler.")]):
        raise ConfigError(
            f"tune.parameters: {odd[0]} changes the unit in which a price's loss is measured; leave it out"
        )
    for key, said in tune.space.items():
        for value in said.values if isinstance(said, Choices) else (said.low, said.high):
            try:
                shape(recipe_of(base, {key: value}))
            except (BarcastError, ValueError) as error:
                raise ConfigError(f"tune.parameters.{key}: {value}: {first_line(error, typed=False)}") from None


def shape(recipe: Recipe) -> None:
    """Nothing; an error where the net cannot be as the recipe says."""
    from signals import models

    models.parse(fitting.described(recipe))


def run_trial(
    made: Material, recipe: Recipe, split: Split, tune: Tune, device: str, folder: Path, clock: Clock, watch: Watch
) -> Outcome:
    """Fit `recipe` on `split`, which has no test range, and judge it on the validation range."""
    assert split.test is None, "a search never sees a test range"
    fitted = fitting.fit(made, recipe, split, recipe.seed, Job(device, folder, clock, watch))
    now = fitted.progress
    rows = split.validation.rows
    if now.stopped == "nan" or not now.best_epoch:
        return Outcome(math.nan, now.epoch, now.best_epoch, now.stopped, np.zeros(0), int(rows[0]))
    score = float(now.history[now.best_epoch - 1][tune.score])
    outputs = fitting.outputs(fitted.net, fitted.scaler, None, made, recipe, rows, device)
    if recipe.label.target == "price":
        center, scale = fitted.scaler.center[0], fitted.scaler.scale[0]
        outputs = (center + scale * outputs) / made.labels.last(rows) - 1.0
    returns = paper_returns(outputs, made.labels.returns[rows])
    return Outcome(score, now.epoch, now.best_epoch, now.stopped, returns, int(rows[0]))


def paper_returns(outputs: Floats, returns: Floats) -> Floats:
    """(R,) of (R, N) raw outputs and what followed: the return of a costless portfolio per slice, gross 1; 0 without a forecast.

    Weights are the outputs' ranks within the slice less their mean; with fewer names than can be ranked, their signs.
    """
    out = np.zeros(len(outputs))
    both = np.isfinite(outputs) & np.isfinite(returns)
    for k, there in enumerate(both):
        forecast = outputs[k, there]
        if len(forecast) >= quality.FEWEST:
            weights = quality.ranks(forecast)
            weights = weights - weights.mean()
        else:
            weights = np.sign(forecast)
        gross = float(np.abs(weights).sum())
        if gross > 0.0:
            out[k] = float(weights @ returns[k, there]) / gross
    return out


def noted(
    made: Material, recipe: Recipe, split: Split, params: Mapping[str, Value], tune: Tune, outcome: Outcome
) -> ledger.Trial:
    """The trial as the ledger keeps it: kind `tune`, the returns of paper_returns over the judging range."""
    rows = split.validation.rows
    equity: Floats = np.cumprod(1.0 + outcome.returns, dtype=np.float64)
    others = {"seed": recipe.seed, "ranges": {name: days(made, span) for name, span in split.spans.items()}}
    said = {**params, "score": tune.score, "value": outcome.score, "epochs": outcome.epochs, "stopped": outcome.stopped}
    told = (recipe.learning | {"name": recipe.name}, others, made.fingerprint, made.bars_per_year)
    return ledger.trial_of(*told, made.times[rows], equity, 1.0, kind="tune", said=said, symbols=made.symbols)


def judging(made: Material, recipe: Recipe, tune: Tune) -> Split:
    """The split that trials are fitted and judged on: the recipe's, or its first fold's; no trial sees what comes later."""
    from signals.training.train import split_of
    from signals.training.walkforward import folds_of

    found = folds_of(made, recipe)[0] if tune.on == "first_fold" else split_of(made, recipe)
    return replace(found, calibration=None, test=None)


def until(made: Material, split: Split) -> str:
    """The date of the last bar that any label of the judging range looks at."""
    return made.day(min(split.seen + made.labels.reach, len(made.times) - 1))
