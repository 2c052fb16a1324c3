"""The configuration as frozen objects: the keys of a strategy file, their defaults, and what must agree between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from engine.config.base import Model
from engine.config.rules import PythonStrategy, Quintile, Threshold, rule_of
from engine.config.units import (
    Amount,
    Count,
    Date,
    Distance,
    Fraction,
    Gain,
    Positive,
    SomeBars,
    SomeFraction,
    Text,
    Whole,
    YesNo,
    share,
    some_bars,
)
from engine.config.values import described


class Data(Model):
    """Where bars come from and what they mean."""

    source: Text = Field(description="parquet, csv, packaged, or a registered source")
    path: Text | None = Field(None, description="the file, for parquet and csv")
    name: Text | None = Field(None, description="the packaged set: sp500, nasdaq, us20")
    prices: Literal["as_traded", "split_adjusted", "total_return"] | None = Field(None, description="what prices are")
    dividends: Literal["as_traded", "split_adjusted", "none"] | None = Field(None, description="the unit of dividends")
    symbols: tuple[Text, ...] | None = Field(None, description="default: all")
    start: Date | None = Field(None, description="first date of bars used")
    end: Date | None = Field(None, description="last date of bars used")
    calendar: Text | None = Field(None, description="XNYS, XBOM, 24/7 ...; default: counted from the data")
    missing_open: Literal["refuse", "previous_close", "close_fills"] | None = Field(
        None, description="bars without an open"
    )
    delisting_after: Count | None = Field(20, description="days in a row without a bar after which a name is dead")
    delisting_haircut: Fraction = Field(0.0, description="lost on the last close at a death")

    @field_validator("symbols", mode="before")
    @classmethod
    def _symbols(cls, value: Any) -> Any:
        if isinstance(value, list):
            if not value:
                raise ValueError("expected at least one symbol; leave the key out for all")
            if len({str(v) for v in value}) != len(value):
                raise ValueError("a symbol stands twice; name each once")
            return tuple(value)
        if value is not None and not isinstance(value, tuple):
            raise ValueError(f"expected a list such as [AAPL, MSFT], got {described(value)}")
        return value

    @model_validator(mode="after")
    def _agree(self) -> Data:
        if self.start is not None and self.end is not None and self.start > self.end:
            raise ValueError(f"start {self.start} comes after end {self.end}; turn them round")
        if self.source == "packaged":
            if self.name is None or self.path is not None:
                raise ValueError("source packaged takes a name (sp500, nasdaq or us20) and no path")
        elif self.source in ("parquet", "csv"):
            if self.path is None or self.name is not None:
                raise ValueError(f"source {self.source} takes a path and no name")
            for key in ("prices", "dividends"):
                if getattr(self, key) is None:
                    raise ValueError(
                        f"{key} must be said for source {self.source}: barcast does not guess what prices mean"
                    )
        if self.prices == "total_return" and self.dividends not in (None, "none"):
            raise ValueError(
                f"prices total_return with dividends {self.dividends} would count dividends twice; write dividends: none"
            )
        return self


class SignalSpec(BaseModel):
    """A plugin by name; every other key is an argument of the plugin."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    plugin: Text = Field(description="a registered signal: momentum, reversal, precomputed, ...")

    @property
    def params(self) -> dict[str, Any]:
        """The plugin's own arguments."""
        return dict(self.model_extra or {})


class Exits(Model):
    """What protects a position; null is off."""

    stop_loss: Distance | None = Field(None, description="below the entry, of the entry price")
    take_profit: Gain | None = Field(None, description="above the entry")
    trailing_stop: Distance | None = Field(None, description="below the best price since the entry")
    break_even: Gain | None = Field(None, description="after this gain the stop moves to the entry")
    time_stop: SomeBars | None = Field(None, description="leave at the close of the n-th bar")


class Exposure(Model):
    """Multiples of the long and the short leg."""

    long: Fraction = 1.0
    short: Fraction = 0.0


class Sizing(Model):
    """What rescales targets."""

    exposure: Exposure | None = Field(None, description="default by rule and side")
    smoothing: Annotated[Positive, Field(le=1.0)] = Field(1.0, description="a of w = a x target + (1 - a) x previous")
    vol_target: SomeFraction | None = Field(None, description="annualised volatility to aim at")
    no_trade_band: Fraction = Field(0.0, description="no order for a smaller change of weight")


class Caps(Model):
    """What bounds targets. Fractions and multiples of equity."""

    max_weight: SomeFraction = Field(1.0, description="per name")
    max_gross: Positive = Field(1.0, description="sum of |weights|, and buying power")
    max_net: Amount | None = Field(None, description="|sum of weights|")
    max_sector: SomeFraction | None = Field(None, description="sum of |weights| in one sector")


class Switch(Model):
    """Stops trading when a loss reaches `at`."""

    at: Distance
    action: Literal["flatten", "halt", "reduce"]
    factor: Distance | None = Field(None, description="for reduce: targets are multiplied by this")
    resume: Literal["never", "next day"] | int

    @field_validator("resume", mode="before")
    @classmethod
    def _resume(cls, value: Any) -> Any:
        if value in ("never", "next day"):
            return value
        if isinstance(value, str) and "bar" in value:
            return some_bars(value)
        raise ValueError(f"expected never, next day or a number of bars such as 20 bars, got {described(value)}")


def _switch(kind: str, resume: str) -> Any:
    def read(value: Any) -> Any:
        if value is None or isinstance(value, Switch):
            return value
        if not isinstance(value, Mapping):
            share(value)
            return {"at": value, "action": "flatten", "resume": resume}
        filled = {"action": "flatten", "resume": resume, **value}
        action = filled["action"]
        if isinstance(action, str) and action.startswith("reduce"):
            given = action.removeprefix("reduce").lstrip(": ").strip()
            filled["action"], filled["factor"] = "reduce", given or filled.get("factor")
        elif isinstance(action, Mapping) and set(action) == {"reduce"}:
            filled["action"], filled["factor"] = "reduce", action["reduce"]
        if filled["action"] == "reduce" and filled.get("factor") is None:
            raise ValueError("reduce needs a factor: write action: {reduce: 50%}")
        if kind == "max_drawdown" and filled["resume"] == "next day":
            raise ValueError("a drawdown has no next day; write resume: never or a number of bars")
        return filled

    schema = {"anyOf": [{"type": ["number", "string", "object", "null"]}], "examples": ["15%"]}
    return Annotated[Switch | None, BeforeValidator(read), WithJsonSchema(schema)]


class Switches(Model):
    """Brakes on the whole account; null is off."""

    max_drawdown: _switch("max_drawdown", "never") = Field(None, description="from the highest marked equity")  # type: ignore[valid-type]
    daily_loss: _switch("daily_loss", "next day") = Field(None, description="from the equity at the last day's end")  # type: ignore[valid-type]


class Execution(Model):
    """How orders fill and what they cost."""

    fill: Literal["open", "close"] = Field("open", description="of the bar after the decision")
    delay: Annotated[Whole, Field(le=100)] = Field(0, description="further bars between decision and fill")
    commission: Fraction = Field(0.0, description="of value")
    per_share: Amount = Field(0.0, description="money per share")
    per_order: Amount = Field(0.0, description="money per fill")
    min_fee: Amount = Field(0.0, description="money per fill at least")
    slippage: Fraction = Field(0.0, description="of price, against the order")
    impact: Amount = Field(0.0, description="x volatility x sqrt(quantity / volume), added to slippage")
    lot: Amount = Field(1.0, description="smallest tradable quantity; 0: any fraction")
    tick: Positive | None = Field(None, description="price step of levels")
    intrabar: Literal["pessimistic", "optimistic", "nearest"] = Field(
        "pessimistic", description="a bar touches both levels"
    )
    max_participation: SomeFraction | None = Field(None, description="of a bar's volume")
    entry_bar_protection: YesNo = Field(True, description="levels act on the bar of the entry")
    borrow: Fraction = Field(0.0, description="per year, on short value")
    interest: Fraction = Field(0.0, description="per year, on cash")
    maintenance: Distance | None = Field(None, description="equity / gross below this: everything is closed")


class Config(Model):
    """A whole strategy file."""

    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")] = Field(
        description="names the run directory"
    )
    data: Data
    signals: Annotated[dict[str, SignalSpec], Field(min_length=1)]
    strategy: Annotated[
        Annotated[Threshold, Tag("threshold")]
        | Annotated[Quintile, Tag("quintile")]
        | Annotated[PythonStrategy, Tag("python")],
        Discriminator(rule_of),
    ]
    exits: Exits = Exits()
    sizing: Sizing = Sizing()
    caps: Caps = Caps()
    switches: Switches = Switches()
    execution: Execution = Execution()
    benchmark: Text = Field("none", description="equal_weight, none, or a symbol")
    capital: Positive = 100_000.0
    seed: Whole = 0
    _base: Path | None = PrivateAttr(None)

    @property
    def base(self) -> Path | None:
        """The folder of the file this was read from: relative paths are looked for there first."""
        return self._base

    def max_weight(self) -> float:
        """The cap per name, wherever it was said."""
        own = getattr(self.strategy, "max_weight", None)
        return self.caps.max_weight if own is None else float(own)

    def exposure(self) -> tuple[float, float]:
        """(long, short) multiples: as said, else by rule and side. A quintile's long_short is 65 / 35 % of max_gross."""
        said = self.sizing.exposure
        if said is not None:
            return said.long, said.short
        side = getattr(self.strategy, "side", "both")
        if isinstance(self.strategy, Quintile) and side == "long_short":
            return 0.65 * self.caps.max_gross, 0.35 * self.caps.max_gross
        return (float(side != "short"), float(side != "long"))

    def resolved(self) -> dict[str, Any]:
        """Every key explicit, as JSON can hold it; load() of it gives an equal Config."""
        from engine.config.values import plain

        out: dict[str, Any] = plain(self)
        return out
