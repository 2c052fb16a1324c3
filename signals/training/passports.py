"""The passport of a fit: what the model has seen, and every number that is needed to use it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from signals.passport import Passport, instant_of
from signals.training.comparing import kept
from signals.training.fitting import Fitted
from signals.training.material import Material
from signals.training.recipe import Recipe
from signals.training.splits import Pieces, Span, Split

VERSION = "1.0"
LIBRARIES = ("torch", "numpy", "safetensors")


def passport(fitted: Fitted, made: Material, recipe: Recipe, split: Split, seed: int, today: str) -> Passport:
    """What is stored beside the weights; `today` is an ISO date."""
    best = fitted.progress.history[fitted.progress.best_epoch - 1] if fitted.progress.best_epoch else {}
    losses = {name: finite(best.get(name)) for name in ("train_loss", "penalty", "validation_loss")}
    label = "open_to_open" if recipe.label.kind == "open_to_open" else "close_to_close"
    price = recipe.label.target == "price"
    begins = valid_from(made, split)
    return Passport.of(
        model_version=VERSION,
        architecture=fitted.architecture,
        unit=recipe.unit,
        label={"kind": label, "horizon": recipe.label.horizon},
        window=recipe.window,
        features={"set": made.features, "sha256": made.features_sha256, "columns": list(made.columns)},
        scaler=fitted.scaler,
        calibration=fitted.calibration,
        clamp=[0.0, None] if price else None,
        sigma=fitted.sigma,
        universe=list(made.symbols),
        ranges={name: days(made, span) for name, span in split.spans.items() if name != "test" or begins is not None},
        embargo=split.embargo,
        known_through=known_through(made, split, None if recipe.tuned is None else recipe.tuned.until),
        valid_from=begins,
        data_fingerprint=made.fingerprint,
        seed=seed,
        versions={name: _version(name) for name in LIBRARIES},
        training_date=today,
        epochs_trained=fitted.progress.epoch,
        best_epoch=fitted.progress.best_epoch,
        losses=losses,
        hyperparameters=recipe.learning,
        n_samples=fitted.counts,
        data_range={"min": fitted.extent[0], "max": fitted.extent[1]},
        flags=list(fitted.flags),
        reference=kept(fitted, made, recipe),
    )


def valid_from(made: Material, split: Split) -> str | None:
    """The last close before the test range; None without one, or where the model has seen what comes after it begins."""
    if split.test is None or split.seen > split.test.first:
        return None
    return instant_of(int(made.times[split.test.first - 1]))


def known_through(made: Material, split: Split, until: str | None = None) -> str:
    """The close of the last slice whose price any label of train, validation or calibration looks at.

    Of parameters that were chosen on bars until a later date, the close of that date's last slice.
    """
    last = min(split.seen + made.labels.reach, len(made.times) - 1)
    if until is None:
        return instant_of(int(made.times[last]))
    chosen = int(np.searchsorted(made.dates, np.datetime64(until), side="right"))
    if chosen == len(made.dates) and until > str(made.dates[-1]):  # bars of that date are not at hand: the whole day
        return instant_of(int((np.datetime64(until) + 1).astype("datetime64[ns]").astype(np.int64)))
    return instant_of(int(made.times[max(last, chosen - 1)]))


def days(made: Material, span: Span | Pieces) -> list[str]:
    """First and last date of a range, whatever is left out between them."""
    return [made.day(span.first), made.day(span.stop - 1)]


def finite(value: Any) -> float | None:
    """A number, or None where it is none."""
    return None if value is None or value != value or value in (float("inf"), float("-inf")) else float(value)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
