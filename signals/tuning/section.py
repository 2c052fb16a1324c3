"""What a search tries, as the section `tune` of a recipe or a file of the same keys says it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from engine.config.base import Model
from engine.config.kinds import Count, Date, Text, Whole
from engine.config.problems import At, Mistakes
from signals.training.lengths import ENDLESS, Wall

TUNABLE = ("model.", "loss.", "scaler.", "training.")  # and window: what else decides which cells are judged
NOT_TUNABLE = ("model.kind", "loss.kind", "training.budget", "training.threads", "training.date_stride")
SCALED = ("loss.",)  # parameters that change what the validation loss is measured in
NOT_SCALED = ("loss.l2",)  # apart: the penalty is not in the loss
MOST_POINTS = 100_000
RISES = {"validation_loss": False, "error": False, "rank_ic": True, "accuracy": True}
Value = bool | int | float | str | None


class Choices(NamedTuple):
    """One of several values."""

    values: tuple[Value, ...]


class Range(NamedTuple):
    """A number from `low` to `high`, both inside; whole numbers where both are whole and it is not `log`."""

    low: float
    high: float
    log: bool

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)


class Tuned(Model):
    """What a chosen recipe was chosen on: its parameters know of bars until the end of `until`."""

    until: Date = Field(description="date of the last bar that any label of the judging range looked at")
    trials: Count = Field(description="among so many")
    score: Text = Field(description="by this, on validation")


class Tune(Model):
    """What is tried, how, and what decides."""

    search: Literal["grid", "tpe"] = Field("tpe", description="every point; or where earlier trials were good")
    parameters: dict[str, Any] = Field(
        description="a key of the recipe: a list of values, or {low, high, log}",
        examples=[{"model.hidden": [64, 128], "training.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}}],
    )
    trials: Count | None = Field(None, description="of tpe, default 50; a grid has as many as it has points")
    score: Literal["validation_loss", "rank_ic", "accuracy", "error"] = Field(
        "validation_loss", description="what decides, at the epoch with the least validation loss"
    )
    on: Literal["split", "first_fold"] = Field(
        "split", description="the validation range of split, or of the first fold of walkforward"
    )
    pruner: Literal["median", "halving", "none"] = Field(
        "median", description="stop trials that are worse than the median; or, by rungs of epochs, than the best 1 in 3"
    )
    startup: Count = Field(5, description="trials before tpe proposes, and before the median prunes")
    warmup: Whole = Field(3, description="epochs before anything is pruned")
    budget: Wall = Field(ENDLESS, description="wall time of one command; a later one goes on")
    seed: Whole = Field(0, description="of what tpe proposes; fits have the recipe's seed")

    @model_validator(mode="after")
    def _agree(self) -> Tune:
        wrong = [] if self.parameters else [At("parameters", "expected at least one key of the recipe")]
        for key, said in self.parameters.items():
            message = _refused(key) or _mistake(said, self.search == "grid")
            if message:
                wrong.append(At(("parameters", key), message))
            elif self.score == "validation_loss" and key.startswith(SCALED) and key not in NOT_SCALED:
                found = f"{key} changes what the validation loss is measured in; expected another score than that"
                wrong.append(At(("parameters", key), found))
        if self.search == "grid" and self.trials is not None:
            wrong.append(At("trials", "a grid has as many trials as it has points; leave it out"))
        if not wrong and self.search == "grid" and self.size > MOST_POINTS:
            wrong.append(At("parameters", f"{self.size:,} points; expected at most {MOST_POINTS:,}"))
        if wrong:
            raise Mistakes(wrong)
        return self

    @property
    def space(self) -> dict[str, Choices | Range]:
        """The parameters, in the order of their names."""
        return {key: _kind(self.parameters[key]) for key in sorted(self.parameters)}

    @property
    def size(self) -> int:
        """How many trials the search has when it is complete."""
        if self.search == "tpe":
            return 50 if self.trials is None else self.trials
        return math.prod(len(said) for said in self.parameters.values())

    @property
    def rises(self) -> bool:
        """Whether more of the score is better."""
        return RISES[self.score]

    def points(self) -> list[dict[str, Value]]:
        """Every point of a grid, the last parameter fastest."""
        names = list(self.parameters)
        return [dict(zip(names, one, strict=True)) for one in itertools.product(*self.parameters.values())]

    def resolved(self) -> dict[str, Any]:
        """Every key as a file would say it."""
        from engine.config.values import plain

        return {**plain(self), "budget": f"{self.budget:.0f} seconds"}


def read(path: str | Path) -> Tune:
    """The Tune of a file of its keys; ConfigError as of a recipe."""
    from engine.config.loader import parse
    from engine.config.loading import read_bytes
    from engine.config.reading import validated
    from engine.config.translate import Places

    return validated(Tune, Places(parse(read_bytes(Path(path)), str(path), "parameters to try"), {}))


def _refused(key: str) -> str:
    """Why a key cannot be tuned; nothing where it can."""
    if key in NOT_TUNABLE or not (key == "window" or key.startswith(TUNABLE)):
        return f"{key} is no parameter of a search: model., loss., scaler., training. and window are, but for " + (
            ", ".join(NOT_TUNABLE)
        )
    return ""


def _mistake(said: Any, grid: bool) -> str:
    """What is wrong with the values of a parameter; nothing where they can be tried."""
    if isinstance(said, list):
        if not said or any(isinstance(value, list | dict) for value in said):
            return "expected a list of plain values, at least one"
        return "" if len({repr(value) for value in said}) == len(said) else "a value stands twice; expected each once"
    if not isinstance(said, Mapping):
        return f"expected a list of values, or {{low, high, log}}, got {said!r:.40}"
    if grid:
        return "a grid needs a list of values; {low, high} goes with search: tpe"
    if not set(said) <= {"low", "high", "log"} or not {"low", "high"} <= set(said):
        return f"expected low, high and, if wanted, log, got {', '.join(map(str, said))}"
    low, high, log = said["low"], said["high"], said.get("log", False)
    if any(isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end) for end in (low, high)):
        return f"low and high must be numbers, got {low!r:.20} and {high!r:.20}"
    if not isinstance(log, bool):
        return f"log must be true or false, got {log!r:.20}"
    if low >= high or (log and low <= 0):
        return f"expected low below high{' and above 0' if log else ''}, got {low} and {high}"
    return ""


def _kind(said: Any) -> Choices | Range:
    if isinstance(said, Mapping):
        return Range(said["low"], said["high"], bool(said.get("log", False)))
    return Choices(tuple(said))
