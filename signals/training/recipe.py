"""A recipe: which model learns what from which bars, and how, as one frozen object read from configs/models/*.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from engine.config import overrides
from engine.config.base import Model, WithArguments
from engine.config.kinds import Amount, Bars, Count, Date, Distance, Fraction, Positive, Text, Whole, YesNo
from engine.config.loader import parse
from engine.config.loading import read_bytes
from engine.config.mapping import document_of
from engine.config.problems import At, Mistakes
from engine.config.reading import validated
from engine.config.sections import Data
from engine.config.translate import Places
from engine.config.universe import Universe
from signals.training.lengths import ENDLESS, Stretch, Wall
from signals.training.splits import Walk
from signals.tuning.section import Tune, Tuned

NEEDS = "name, data, features, window, model and loss"


class Label(Model):
    """What is to be foretold; it begins at slice t + 1, where a decision taken at t is filled."""

    kind: Literal["open_to_open", "close_to_close", "close"] = Field(
        "open_to_open", description="the return between two opens or closes; close: the price itself"
    )
    horizon: Count = Field(1, description="bars")
    target: Literal["return", "up", "above_median", "price"] = Field(
        "return", description="up: above 0, zeros dropped; above_median: of the date; price: with kind close"
    )

    @model_validator(mode="after")
    def _agree(self) -> Label:
        if (self.kind == "close") != (self.target == "price"):
            raise Mistakes([At("target", "price goes with kind close{there}, and only with it", also="kind")])
        return self


class Architecture(WithArguments):
    """The net: its kind, and sizes that signals.models checks."""

    kind: Literal["rank", "direction", "attention", "stock"] = Field(description="which net")


class Loss(Model):
    """What is lowered."""

    kind: Literal["rank", "direction", "huber"] = Field(description="soft ranks and Huber; cross-entropy; Huber")
    tau: Positive = Field(0.05, description="of the soft ranks, in sigmas")
    rank_weight: Fraction = Field(0.7, description="of the rank term; the rest is Huber")
    delta: Positive = Field(0.05, description="of Huber, in the label's own unit (of scaled prices for a price)")
    literal: YesNo = Field(False, description="raw values where ours are divided by the training sigma")
    l2: Amount = Field(0.0, description="x the sum of squares of every kernel, reported apart")


class Scaling(Model):
    """How features are scaled; fitted on training rows."""

    kind: Literal["standard", "robust", "minmax", "none"] = Field("robust", description="per column")
    winsor: Fraction = Field(0.01, description="share clipped at each end; 0% is none")


class Shares(Model):
    """One fit's ranges: shares of the dates in order, or dates."""

    train: Any = Field("60%", description="a share, or [first, last]")
    validation: Any = Field("20%", description="a share, or [first, last]")
    calibration: Any = Field(None, description="for probabilities; a share, or [first, last]")
    test: Any = Field("20%", description="a share, or [first, last]; nothing is fitted on it")

    @model_validator(mode="after")
    def _agree(self) -> Shares:
        from engine.config import units

        wrong, kinds, total = [], set(), 0.0
        for name in ("train", "validation", "calibration", "test"):
            said = getattr(self, name)
            if said is None:
                if name in ("train", "validation"):
                    wrong.append(At(name, "missing; a fit needs it"))
                continue
            try:
                if isinstance(said, list | tuple):
                    if len(said) != 2:
                        raise ValueError(f"expected [first, last], two dates, got {len(said)}")
                    self._fill(name, tuple(units.date(day) for day in said))
                else:
                    self._fill(name, units.some(said))
                    total += getattr(self, name)
                kinds.add(type(getattr(self, name)))
            except ValueError as error:
                wrong.append(At(name, str(error)))
        if not wrong and len(kinds) > 1:
            wrong.append(At("train", "shares and dates do not mix; write all ranges one way"))
        if total > 1.0 + 1e-9:
            wrong.append(At("train", f"the shares add up to {total:.0%}; expected at most 100%"))
        if wrong:
            raise Mistakes(wrong)
        return self

    @property
    def dated(self) -> bool:
        return isinstance(self.train, tuple)

    def ranges(self) -> dict[str, Any]:
        """What is said of each range, absent ones left out."""
        names = ("train", "validation", "calibration", "test")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class WalkForward(Model):
    """Folds in time: train, validate, calibrate, then forecast what comes next."""

    every: Literal["monthly", "quarterly", "yearly"] = Field("yearly", description="how often a model is trained")
    scheme: Literal["rolling", "expanding", "cpcv"] = Field(
        "rolling", description="expanding: train begins with the data; cpcv: groups are set aside, for judging only"
    )
    train: Stretch | None = Field(None, description="length; of an expanding train the least; not with cpcv")
    validation: Stretch = Field(description="length")
    calibration: Stretch | None = Field(None, description="length; for probabilities")
    first: Date | None = Field(None, description="no forecast before it")
    last: Date | None = Field(None, description="no forecast after it")
    least: Count = Field(1, description="bars a fold must forecast; folds with fewer are refused")
    groups: Count | None = Field(None, description="of cpcv: parts that time is cut into; 6 unless said")
    test_groups: Count | None = Field(None, description="of cpcv: how many a fit sets aside; 2 unless said")

    @model_validator(mode="after")
    def _agree(self) -> WalkForward:
        if self.scheme != "cpcv":
            if self.train is None:
                raise Mistakes([At("train", "missing; a rolling or expanding walk-forward needs its length")])
            for name in ("groups", "test_groups"):
                if getattr(self, name) is not None:
                    raise Mistakes([At(name, "goes with scheme cpcv{there}", also="scheme")])
            return self
        if self.train is not None:
            raise Mistakes([At("train", "cpcv learns from all that is not set aside; leave it out")])
        for name, usual in (("groups", 6), ("test_groups", 2)):
            if getattr(self, name) is None:
                self._fill(name, usual)
        assert self.groups is not None and self.test_groups is not None
        if not 2 <= self.test_groups < self.groups:
            said = f"expected 2 or more and fewer than the {self.groups} groups, got {self.test_groups}"
            raise Mistakes([At("test_groups", said)])
        return self

    def walk(self) -> Walk:
        """The walk that splits.folds takes; not of cpcv."""
        assert self.train is not None
        return Walk(self.every, self.scheme, self.train, self.validation, self.calibration, self.first, self.last)


class Plateau(Model):
    """Halve the learning rate where the validation loss no longer falls."""

    patience: Count = Field(5, description="epochs")
    factor: Distance = Field(0.5, description="the rate is multiplied by it")
    floor: Amount = Field(1e-6, description="and goes no lower")


class Training(Model):
    """The loop's settings."""

    epochs: Count = Field(50, description="at most")
    patience: Count = Field(15, description="epochs without a lower validation loss")
    min_delta: Amount = Field(1e-4, description="a smaller fall is none")
    batch_size: Count = Field(32, description="windows per batch, where dates do not matter")
    dates_per_batch: Count = Field(1, description="whole dates per batch, for the rank loss")
    learning_rate: Annotated[Positive, Field(le=1)] = Field(1e-3, description="of Adam")
    betas: tuple[float, float] = Field((0.9, 0.999), description="of Adam")
    eps: Annotated[Positive, Field(le=1)] = Field(1e-8, description="of Adam")
    weight_decay: Annotated[Amount, Field(le=1)] = Field(0.0, description="of Adam")
    clip: Amount = Field(1.0, description="of the gradient's norm; 0 is off")
    accumulate: Annotated[Count, Field(le=1024)] = Field(1, description="batches per step")
    plateau: Plateau | None = Field(Plateau(), description="null: the learning rate stays")
    precision: Literal["fp32", "bf16"] = Field("fp32", description="of matrix products in training")
    date_stride: Count = Field(
        1, description="an epoch shows every n-th date, the next one those after; validation keeps to the first"
    )
    max_windows_per_epoch: Count | None = Field(None, description="null: all")
    noise: Annotated[Amount, Field(le=100)] = Field(0.0, description="sd added to scaled inputs")
    shift: Whole = Field(0, description="slices a training window may end earlier; at most the window")
    budget: Wall = Field(ENDLESS, description="wall time of one fit; it stops after the epoch that spends it")
    threads: Annotated[Count, Field(le=1024)] = Field(
        1, description="of the CPU, per fit; another number may change the last bits"
    )

    @field_validator("betas", mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("betas")
    @classmethod
    def _below_one(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not all(0.0 <= beta < 1.0 for beta in value):
            raise ValueError(f"expected two numbers from 0 to below 1, such as [0.9, 0.999], got {list(value)}")
        return value


class Recipe(Model):
    """A whole recipe."""

    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")] = Field(description="of the model")
    data: Data = Field(description="where bars come from and what they mean, as in a strategy file")
    universe: Universe = Field(Universe(), description="who may be held when, as in a strategy file")
    features: Text = Field(description="the name of a feature set", examples=["core14"])
    window: Annotated[Count, Field(le=2000)] = Field(description="slices the net sees", examples=[90])
    label: Label = Field(Label(), description="what is to be foretold")
    model: Architecture = Field(description="the net")
    loss: Loss = Field(description="what is lowered")
    scaler: Scaling = Field(Scaling(), description="how features are scaled")
    calibrate: Literal["affine", "platt", "isotonic", "none"] = Field(
        "none", description="what makes returns or probabilities of outputs"
    )
    per_symbol: YesNo = Field(False, description="a model for every symbol instead of one for all")
    split: Shares = Field(Shares(), description="the ranges of one fit, for barcast train")
    walkforward: WalkForward | None = Field(None, description="the folds, for barcast walkforward")
    embargo: Bars = Field(0, description="gap between ranges; at least what a label reaches, which is the default")
    training: Training = Field(Training(), description="the loop")
    targets: dict[str, tuple[float, ...]] = Field({}, description="minimum, target, stretch of a measure; never a gate")
    seed: Whole = Field(0, description="of everything random")
    tune: Tune | None = Field(None, description="what barcast tune tries")
    tuned: Tuned | None = Field(None, description="of a recipe that barcast tune chose: what it was chosen on")
    _base: Path | None = PrivateAttr(None)

    @field_validator("targets", mode="before")
    @classmethod
    def _steps(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: tuple(map(float, one)) if isinstance(one, list) else one for name, one in value.items()}

    @model_validator(mode="after")
    def _agree(self) -> Recipe:
        wrong = []
        reach = self.reach
        if 0 < self.embargo < reach:
            said = f"{self.embargo} bars are less than a label reaches; expected at least {reach} bars"
            wrong.append(At("embargo", said))
        if not self.embargo:
            self._fill("embargo", reach)
        if self.loss.kind == "direction" and self.label.target not in ("up", "above_median"):
            wrong.append(
                At(("loss", "kind"), "direction needs label.target up or above_median{there}", also=("label", "target"))
            )
        if self.loss.kind == "rank" and self.label.target != "return":
            wrong.append(At(("loss", "kind"), "rank needs label.target return{there}", also=("label", "target")))
        if self.calibrate in ("platt", "isotonic") and self.loss.kind != "direction":
            wrong.append(At("calibrate", f"{self.calibrate} makes probabilities, which need loss.kind direction"))
        if (self.model.kind == "stock") != (self.label.target == "price"):
            wrong.append(At(("model", "kind"), "stock foretells a price: it needs label.kind close, and only it does"))
        if self.per_symbol and self.label.target != "price":
            wrong.append(At("per_symbol", "a model per symbol foretells a price: it needs label.kind close"))
        if self.training.shift > self.window:
            said = f"expected at most the window, {self.window} slices, got {self.training.shift}"
            wrong.append(At(("training", "shift"), said))
        if wrong:
            raise Mistakes(wrong)
        return self

    @property
    def base(self) -> Path | None:
        """The folder of the recipe's file: relative paths are looked for there first."""
        return self._base

    @property
    def reach(self) -> int:
        """Slices after t of the last price that a label, or the return it is traded for, looks at."""
        return 1 + self.label.horizon

    @property
    def unit(self) -> str:
        """What the forecasts are."""
        if self.label.target == "price":
            return "price"
        if self.loss.kind == "direction":
            return "probability"
        return "return" if self.calibrate == "affine" else "score"

    @property
    def by_date(self) -> bool:
        """Whether a batch is whole dates."""
        return self.loss.kind == "rank"

    def resolved(self) -> dict[str, Any]:
        """Every key explicit, as JSON can hold it; read() of it gives an equal recipe."""
        from engine.config.values import plain

        out: dict[str, Any] = plain(self)
        out["embargo"] = f"{self.embargo} bars"
        out["training"]["budget"] = f"{self.training.budget:.0f} seconds"
        if self.walkforward is not None:
            walk = self.walkforward
            for name in ("train", "validation", "calibration"):
                out["walkforward"][name] = None if getattr(walk, name) is None else str(getattr(walk, name))
        if self.tune is not None:
            out["tune"] = self.tune.resolved()
        return out

    @property
    def learning(self) -> dict[str, Any]:
        """What decides how a fit goes, once its bars and ranges are given."""
        kept = ("features", "window", "label", "model", "loss", "scaler", "calibrate", "embargo", "training")
        told = {name: value for name, value in self.resolved().items() if name in kept}
        del told["training"]["budget"]
        return told


def read(source: str | Path | Mapping[str, Any] | Recipe, sets: Sequence[str] = ()) -> Recipe:
    """The Recipe of a YAML file (or of a mapping of the same shape) with `--set` overrides on top.

    ConfigError lists every mistake as file:line:column, what was expected, what was there, and the nearest right word.
    """
    if isinstance(source, Recipe) and not sets:
        return source
    base = None
    if isinstance(source, Recipe):
        document, base = document_of(source.resolved(), "recipe"), source.base
    elif isinstance(source, Mapping):
        document = document_of(source, "recipe")
    else:
        path = Path(source)
        document, base = parse(read_bytes(path), str(source), NEEDS), path.parent
    recipe = validated(Recipe, Places(document, overrides.apply(document, list(sets))))
    recipe._base = base
    return recipe


__all__ = ["Architecture", "Label", "Loss", "Recipe", "Scaling", "Shares", "Training", "WalkForward", "read"]
