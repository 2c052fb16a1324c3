"""The `strategy` of a file: the two rules of ours, or a registered strategy with arguments of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from engine.config.base import Model
from engine.config.units import Bars, Count, Number, SomeFraction, Text, YesNo, some_bars
from engine.config.values import described

Side = Literal["long", "short", "long_short"]


class Threshold(Model):
    """Enter when the forecast is confident, leave when it no longer is."""

    rule: Literal["threshold"]
    signal: Text = Field(description="a key of signals")
    confidence: Number = Field(description="enter at a forecast of at least this")
    exit_confidence: Number | None = Field(None, description="leave below this; default: confidence")
    size: SomeFraction = Field(0.1, description="of equity, per position")
    max_positions: Count | None = Field(None, description="default: as many as fit, 1 / size")
    side: Side = "long"
    cooldown: Bars = Field(0, description="bars after an exit before the name may enter again")

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            value = dict(value)
            confidence = value.get("confidence")
            if value.get("exit_confidence") is None and isinstance(confidence, int | float):
                value["exit_confidence"] = confidence
        return value

    @model_validator(mode="after")
    def _agree(self) -> Threshold:
        if self.exit_confidence is not None and self.exit_confidence > self.confidence:
            raise ValueError(
                f"exit_confidence {self.exit_confidence:g} is above confidence {self.confidence:g}: "
                f"a position would leave as soon as it entered"
            )
        if self.max_positions is None:
            object.__setattr__(self, "max_positions", max(1, int(1.0 / self.size + 1e-9)))
        return self


def _rebalance(value: Any) -> Any:
    if value in ("daily", "weekly", "monthly"):
        return value
    if isinstance(value, str) and value.split()[-1:] in (["bars"], ["bar"]):
        return some_bars(value)
    raise ValueError(f"expected daily, weekly, monthly or a number of bars such as 5 bars, got {described(value)}")


class Quintile(Model):
    """Hold the best of the cross-section long, the worst short."""

    rule: Literal["quintile"]
    signal: Text = Field(description="a key of signals")
    quantile: SomeFraction = Field(0.2, description="share of the ranked names per leg")
    side: Side = "long"
    positive_only: YesNo = Field(False, description="longs need a forecast above 0")
    negative_only: YesNo = Field(False, description="shorts need a forecast below 0")
    weight: Literal["equal", "slot"] = Field("equal", description="1 over the names left, or over the slots")
    rebalance: Annotated[
        Literal["daily", "weekly", "monthly"] | int,
        BeforeValidator(_rebalance),
        WithJsonSchema({"type": "string", "pattern": r"^(daily|weekly|monthly|\d+ bars?)$"}),
    ] = Field("daily", description="daily, weekly, monthly or n bars")
    min_names: Count = Field(1, description="fewer names with a forecast: no targets")
    cooldown: Bars = Field(0, description="bars after an exit before the name may enter again")
    max_weight: SomeFraction | None = Field(None, description="the same as caps.max_weight")


class PythonStrategy(BaseModel):
    """A registered strategy; every other key is its argument."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    rule: Annotated[Text, WithJsonSchema({"type": "string", "not": {"enum": ["threshold", "quintile"]}})]

    @property
    def params(self) -> dict[str, Any]:
        """The strategy's own arguments."""
        return dict(self.model_extra or {})


def rule_of(value: Any) -> str:
    """Which model a strategy is, by its rule; anything that is no rule of ours is a registered strategy's."""
    rule = value.get("rule") if isinstance(value, Mapping) else getattr(value, "rule", None)
    return rule if rule in ("threshold", "quintile") else "python"
