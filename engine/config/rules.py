"""The `signals` and the `strategy` of a file: the three rules of ours, or registered plugins with arguments of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from engine.config.base import Model, WithArguments
from engine.config.gates import Gate, Trailing, at_odds
from engine.config.kinds import Bars, Count, SomeFraction, Text, YesNo, words_or_bars
from engine.config.problems import At, Mistakes
from engine.config.units import bars_or

Side = Literal["long", "short", "long_short"]
PERIODS = ("daily", "weekly", "monthly")
OURS = ("threshold", "quintile", "orders")


class SignalSpec(WithArguments):
    """A plugin by name; every other key is an argument of the plugin."""

    plugin: Text = Field(description="a registered signal", examples=["momentum", "reversal", "precomputed", "lstm"])
    in_sample: Literal["refuse", "mark"] = Field(
        "refuse", description="decisions that a trained model knows the outcome of: left out, or run and shown apart"
    )


class Threshold(Model):
    """Enter when the forecast is confident, leave when it no longer is."""

    rule: Literal["threshold"] = Field(description="which rule: threshold")
    signal: Text = Field(description="a key of signals")
    confidence: Gate = Field(
        description="enter at a forecast of at least this, in its own unit, or among the highest (for shorts, lowest) of the name's "
        "last ones, as in `top 10% trailing 252`",
        examples=[0.7],
    )
    exit_confidence: Gate | None = Field(
        None, description="leave below this, or outside this share; default: confidence"
    )
    size: SomeFraction = Field(0.1, description="of equity, per position")
    max_positions: Count | None = Field(None, description="default: as many as fit, 1 / size")
    side: Side = Field("long", description="which way positions may go")
    cooldown: Bars = Field(0, description="bars after an exit before the name may enter again")

    @model_validator(mode="after")
    def _agree(self) -> Threshold:
        if isinstance(self.confidence, Trailing) and self.confidence.share >= 1.0:
            raise Mistakes([At("confidence", f"{self.confidence} lets every forecast in; expected less than 100%")])
        if self.exit_confidence is None:
            self._fill("exit_confidence", self.confidence)
        elif (wrong := at_odds(self.confidence, self.exit_confidence)) is not None:
            raise Mistakes([At("exit_confidence", wrong, also="confidence")])
        if self.max_positions is None:
            self._fill("max_positions", max(1, int(1.0 / self.size + 1e-9)))
        return self


class Quintile(Model):
    """Hold the best of the cross-section long, the worst short."""

    rule: Literal["quintile"] = Field(description="which rule: quintile")
    signal: Text = Field(description="a key of signals")
    quantile: SomeFraction = Field(0.2, description="share of the ranked names per leg")
    side: Side = Field("long", description="which legs are held")
    positive_only: YesNo = Field(False, description="longs need a forecast above 0")
    negative_only: YesNo = Field(False, description="shorts need a forecast below 0")
    weight: Literal["equal", "slot"] = Field("equal", description="1 over the names left, or over the slots")
    rebalance: Annotated[
        Literal["daily", "weekly", "monthly"] | int,
        BeforeValidator(bars_or(PERIODS)),
        WithJsonSchema(words_or_bars(PERIODS, "5 bars")),
    ] = Field("daily", description="daily, weekly, monthly or n bars")
    min_names: Count = Field(1, description="fewer names with a forecast: no targets")
    cooldown: Bars = Field(0, description="bars after an exit before the name may enter again")
    max_weight: SomeFraction | None = Field(None, description="the same as caps.max_weight; say it in one place")


class OrderFile(Model):
    """Explicit orders written down beforehand; sizing does not touch them, caps refuse them."""

    rule: Literal["orders"] = Field(description="which rule: orders")
    path: Text = Field(
        description="Parquet or CSV: date, symbol, quantity, and kind, limit, stop, reduce_only, stop_loss, take_profit, "
        "trailing_stop where wanted; looked for beside this file first",
        examples=["orders.csv"],
    )


class PythonStrategy(WithArguments):
    """A registered strategy; every other key is its argument."""

    rule: Annotated[Text, WithJsonSchema({"type": "string", "not": {"enum": list(OURS)}})] = Field(
        description="the name of a registered strategy"
    )


def rule_of(value: Any) -> str:
    """Which model a strategy is, by its rule; anything that is no rule of ours is a registered strategy's."""
    rule = value.get("rule") if isinstance(value, Mapping) else getattr(value, "rule", None)
    return rule if isinstance(rule, str) and rule in OURS else "python"
