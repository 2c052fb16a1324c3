"""One fit: samples of a split, scaler, sigma, net, loop, calibration. Its result is a passport and a net, not yet a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from engine.errors import DataError
from engine.types import Floats, Ints
from signals import calibration, models, scaling
from signals.losses import RankSettings
from signals.training import batches, loop, source
from signals.training.batches import Samples
from signals.training.loop import Clock, Lesson, stopped
from signals.training.material import Material
from signals.training.objective import Objective
from signals.training.recipe import Recipe
from signals.training.splits import Pieces, Span, Split
from signals.training.state import Progress

FEWEST_WINDOWS = 100
FEWEST_NAMES = 5  # on a date whose names are ranked


@dataclass(frozen=True, slots=True)
class Job:
    """Where and when a fit runs; none of it decides what is learned."""

    device: str = "auto"
    folder: Path | None = None  # of its resume state
    clock: Clock = stopped
    watch: Callable[[Progress], None] = lambda progress: None


@dataclass(frozen=True)
class Fitted:
    """A net that has been fitted, and every number that is needed to use it."""

    net: nn.Module  # on the device it was trained on
    architecture: dict[str, Any]
    scaler: scaling.Scaler
    sigma: float | None  # of the training labels, in their own unit
    calibration: calibration.Calibration | None
    flags: tuple[str, ...]
    progress: Progress
    counts: dict[str, int]  # samples by range
    extent: tuple[
        float, float
    ]  # least and largest label that was learned from; for a price, least and largest price seen
    validation: Samples  # of the validation range
    said: Floats  # (S,) calibrated forecasts of them


def fit(made: Material, recipe: Recipe, split: Split, seed: int, job: Job) -> Fitted:
    """The recipe's model, fitted on one split of `made`. DataError where a range has too few windows."""
    rules = recipe.training
    torch.set_num_threads(rules.threads)
    rows = scaled_rows(made, split)
    try:
        scaler = scaling.fit(recipe.scaler.kind, rows, winsor(recipe))
    except ValueError as error:
        raise DataError(f"features {made.features}: {error}; shorten the window or give more data") from None
    learned = samples(made, recipe, split.train, 1)
    validation = samples(made, recipe, split.validation)
    for name, found in (("train", learned), ("validation", validation)):
        if len(found) < (FEWEST_WINDOWS if name == "train" else 1):
            span = split.spans[name]
            enough_names(made, recipe, name, span)
            said = f"{name}: {len(found)} windows from {made.day(span.first)} to {made.day(span.stop - 1)}"
            raise DataError(f"{said}; expected at least {FEWEST_WINDOWS}. Widen the range, or shorten the window")
    sigma = float(np.std(learned.label)) if recipe.label.target == "return" else None
    if sigma == 0.0:
        raise DataError("train: every label is the same number; there is nothing to learn")
    architecture = models.parse({**described(recipe), "inputs": len(made.columns)}).model_dump()
    net = models.build(architecture, seed)
    objective, unit = objective_of(recipe, sigma), unit_of(recipe, scaler, sigma)
    lesson = Lesson(
        replace(learned, label=unit(learned.label)),
        replace(validation, label=unit(validation.label)),
        source.Source(made.values, scaler, recipe.window, source.device_of(job.device)),
        made.known,
        recipe.by_date,
    )
    key = key_of(made, recipe, split, seed, lesson.source.device)
    done = loop.fit(net, lesson, objective, rules, seed, job.clock, job.folder, key, job.watch)
    if not np.isfinite(done.outputs).any():
        raise DataError(
            f"{recipe.name}: after {done.progress.epoch} epochs no output of the net is a finite number; lower "
            f"training.learning_rate or training.noise"
        )
    counts = {"train": len(learned), "validation": len(validation)}
    fitted, extra = calibrated(made, recipe, split, net, lesson, done.outputs, validation)
    if split.calibration is not None:
        counts["calibration"] = len(samples(made, recipe, split.calibration, 1))
    seen = rows if recipe.label.target == "price" else learned.label
    extent = (float(np.nanmin(seen)), float(np.nanmax(seen)))
    spent = ("budget",) if done.progress.stopped == "budget" else ()
    raised = tuple(dict.fromkeys((*done.progress.flags, *extra, *spent)))
    forecasts = np.asarray(done.outputs if fitted is None else fitted.apply(done.outputs), np.float64)
    return Fitted(
        net, architecture, scaler, sigma, fitted, raised, done.progress, counts, extent, validation, forecasts
    )  # fmt: skip


def samples(made: Material, recipe: Recipe, span: Span | Pieces, stride: int | None = None) -> Samples:
    """The Samples of a range, by the recipe's stride unless another one is given."""
    step = recipe.training.date_stride if stride is None else stride
    least = FEWEST_NAMES if recipe.by_date else 1
    return batches.samples(made.known, made.labels.values, span.rows, step, least)


def enough_names(made: Material, recipe: Recipe, name: str, span: Span | Pieces) -> None:
    """Nothing; DataError where names are to be ranked and no date of the range has enough of them."""
    there = made.known.T[span.rows] & np.isfinite(made.labels.values[span.rows])
    most = int(there.sum(axis=1).max(initial=0))
    if recipe.by_date and 0 < most < FEWEST_NAMES:
        raise DataError(
            f"{name}: loss.kind rank needs {FEWEST_NAMES} names on a date or more, and here no date has more than {most}; "
            f"name more data.symbols"
        )


def scaled_rows(made: Material, split: Split) -> Any:
    """(N, t, F) features of the training range: all that a scaler is fitted on."""
    parts = [made.values[:, part.first : part.stop] for part in split.train.parts]
    return np.asarray(parts[0]) if len(parts) == 1 else np.concatenate(parts, axis=1)


def winsor(recipe: Recipe) -> tuple[float, float] | None:
    """The quantiles at which columns are clipped."""
    share = recipe.scaler.winsor
    return None if share == 0.0 else (share, 1.0 - share)


def described(recipe: Recipe) -> dict[str, Any]:
    """The recipe's architecture as plain data."""
    return {"kind": recipe.model.kind, **recipe.model.params}


def objective_of(recipe: Recipe, sigma: float | None) -> Objective:
    """The loss, its numbers in the unit of the net's output."""
    said = recipe.loss
    scale = 1.0 if said.literal or sigma is None else sigma
    if said.kind != "rank":
        return Objective(said.kind, delta=said.delta / scale, l2=said.l2)
    rank = RankSettings(1.0, said.tau, said.delta / scale, said.rank_weight, literal=True)
    return Objective("rank", rank, l2=said.l2)


def unit_of(recipe: Recipe, scaler: scaling.Scaler, sigma: float | None) -> Callable[[Floats], Floats]:
    """From labels to the net's unit: sigmas of a return (literal: as it is), scaled prices, or 0 and 1."""
    if recipe.label.target == "price":
        center, scale = scaler.center[0], scaler.scale[0]
        return lambda label: (label - center) / scale
    if sigma is None or recipe.loss.literal:
        return lambda label: label
    return lambda label: label / sigma


def calibrated(
    made: Material, recipe: Recipe, split: Split, net: nn.Module, lesson: Lesson, outputs: Floats, validation: Samples
) -> tuple[calibration.Calibration | None, tuple[str, ...]]:
    """What turns outputs into prices, returns or probabilities, and what speaks against a classifier."""
    if recipe.label.target == "price":
        scaler = lesson.source.scaler
        return calibration.Affine(a=scaler.center[0], b=scaler.scale[0]), ()
    if recipe.calibrate == "affine":
        return calibration.fit_affine(outputs, validation.label), ()
    if recipe.loss.kind != "direction":
        return None, ()
    if recipe.calibrate == "none":
        return None, (*calibration.constant_or_uninformative(outputs, validation.label), "uncalibrated")
    apart = split.validation if split.calibration is None else split.calibration
    found = samples(made, recipe, apart, 1)
    if not len(found):
        raise DataError("calibration: the range has no window with a known label; widen it")
    raw = loop.forecast(net, lesson.source, found)
    against = calibration.constant_or_uninformative(raw, found.label)
    if recipe.calibrate == "isotonic":
        return calibration.fit_probability(raw, found.label), against
    return calibration.fit_platt(raw, found.label), against


def outputs(
    net: nn.Module,
    scaler: scaling.Scaler,
    fitted: calibration.Calibration | None,
    made: Material,
    recipe: Recipe,
    rows: Ints,
    device: str,
) -> Floats:
    """(R, N) calibrated forecasts at `rows`, NaN where the window is not known."""
    where = source.Source(made.values, scaler, recipe.window, source.device_of(device))
    row, instrument = np.nonzero(made.known.T[rows])
    wanted = Samples(instrument.astype(np.int64), rows[row].astype(np.int64), np.zeros(len(row)))
    out = np.full((len(rows), len(made.symbols)), np.nan)
    if len(wanted):
        raw = loop.forecast(net, where, wanted)
        out[row, instrument] = raw if fitted is None else fitted.apply(raw)
    return out


def key_of(made: Material, recipe: Recipe, split: Split, seed: int, device: torch.device) -> str:
    """sha256 hex of all that decides the weights of a fit."""
    spans = {
        name: [made.day(row) for part in span.parts for row in (part.first, part.stop - 1)]
        for name, span in split.spans.items()
        if name != "test"
    }
    told = [recipe.learning, spans, split.embargo, seed, made.fingerprint, made.features_sha256, device.type]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
