"""The configuration as one frozen object: a whole strategy file, its defaults, and what follows from its parts together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Field, PrivateAttr, Tag, model_validator

from engine.config.base import Model
from engine.config.feeds import FeedSpec, VenueLimits
from engine.config.kinds import Positive, Text, Whole
from engine.config.rules import OrderFile, PythonStrategy, Quintile, SignalSpec, Threshold, rule_of
from engine.config.sections import (
    Caps,
    Data,
    Execution,
    Exits,
    Exposure,
    InAtr,
    InverseVolatility,
    RiskPerTrade,
    Sizing,
    Switches,
)
from engine.config.switches import LosingStreak, RollingSharpe, SigmaLoss, Switch
from engine.config.universe import Universe

if TYPE_CHECKING:
    from engine.config.translate import Places

__all__ = [
    "Caps",
    "Config",
    "Data",
    "Execution",
    "Exits",
    "Exposure",
    "FeedSpec",
    "InAtr",
    "InverseVolatility",
    "LosingStreak",
    "OrderFile",
    "PythonStrategy",
    "Quintile",
    "RiskPerTrade",
    "RollingSharpe",
    "SigmaLoss",
    "SignalSpec",
    "Sizing",
    "Switch",
    "Switches",
    "Threshold",
    "Universe",
    "VenueLimits",
]
LONG_LEG, SHORT_LEG = 0.65, 0.35  # of max_gross, of a quintile that is long and short


class Config(Model):
    """A whole strategy file."""

    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")] = Field(
        description="names the run directory", examples=["us20-quintile"]
    )
    data: Data = Field(description="where bars come from and what they mean")
    universe: Universe = Field(Universe(), description="who may be held when, and sectors")
    signals: dict[str, SignalSpec] = Field(
        {}, description="forecasts by name: a registered plugin and its arguments; threshold and quintile need one"
    )
    strategy: Annotated[
        Annotated[Threshold, Tag("threshold")]
        | Annotated[Quintile, Tag("quintile")]
        | Annotated[OrderFile, Tag("orders")]
        | Annotated[PythonStrategy, Tag("python")],
        Discriminator(rule_of),
    ] = Field(description="forecasts to targets: threshold, quintile, or a registered strategy; or a file of orders")
    exits: Exits = Field(Exits(), description="what protects a position")
    sizing: Sizing = Field(Sizing(), description="what rescales targets")
    caps: Caps = Field(Caps(), description="what bounds targets")
    switches: Switches = Field(Switches(), description="brakes on the whole account")
    execution: Execution = Field(Execution(), description="how orders fill and what they cost")
    benchmark: Text = Field("none", description="equal_weight, none, or a symbol", examples=["equal_weight"])
    capital: Positive = Field(100_000.0, description="money at the start, in the quote currency")
    seed: Whole = Field(0, description="of whatever draws random numbers")
    feed: FeedSpec | None = Field(None, description="of a paper session: where its slices come from")
    broker: Text = Field(
        "simulated",
        description="of a paper session: simulated, or who repeats its positions: alpaca-paper, or a registered one",
    )
    limits: VenueLimits = Field(VenueLimits(), description="of a paper session: what may leave it")
    _base: Path | None = PrivateAttr(None)
    _places: Places | None = PrivateAttr(None)  # where its keys stand, for mistakes that are only seen later
    _said: dict[str, Any] | None = PrivateAttr(None)  # as it was written: an override may change what follows from it

    @model_validator(mode="after")
    def _one_place_for_max_weight(self) -> Config:
        """Two spellings, one meaning, one run hash: what a strategy says of max_weight moves to caps."""
        own = self.strategy.max_weight if isinstance(self.strategy, Quintile) else None
        if own is not None:
            self._fill("strategy", self.strategy.model_copy(update={"max_weight": None}))
            self._fill("caps", self.caps.model_copy(update={"max_weight": own}))
        return self

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, wherever they were read from."""
        return isinstance(other, Config) and self.resolved() == other.resolved()

    def __hash__(self) -> int:
        return hash(json.dumps(self.resolved(), sort_keys=True))

    @property
    def base(self) -> Path | None:
        """The folder of the file this was read from: relative paths are looked for there first. Not part of the run hash."""
        return self._base

    def max_weight(self) -> float:
        """The cap per name, wherever it was said."""
        return self.caps.max_weight

    def remembers(self) -> int:
        """How many forecasts of a name must come before the first that can enter it, beside the signal's own window."""
        return int(getattr(getattr(self.strategy, "confidence", None), "window", 0))

    def exposure(self) -> tuple[float, float]:
        """(long, short) multiples: as said, else by rule and side. A quintile's long_short is 65 / 35 % of max_gross."""
        side = getattr(self.strategy, "side", "long_short")
        if isinstance(self.strategy, Quintile) and side == "long_short":
            long, short = LONG_LEG * self.caps.max_gross, SHORT_LEG * self.caps.max_gross
        else:
            long, short = float(side != "short"), float(side != "long")
        said = self.sizing.exposure or Exposure()
        return (long if said.long is None else said.long, short if said.short is None else said.short)

    def resolved(self) -> dict[str, Any]:
        """Every key explicit, as JSON can hold it; load() of it gives an equal Config."""
        from engine.config.values import plain

        out: dict[str, Any] = plain(self)
        return out
