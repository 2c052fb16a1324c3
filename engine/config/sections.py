"""The sections of a strategy file beside its signals and strategy: data, exits, sizing, caps, switches, execution."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from engine.config.base import Model
from engine.config.kinds import (
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
    Wide,
    YesNo,
)
from engine.config.loader import describe
from engine.config.problems import At, Mistakes, listed, nearest
from engine.config.switches import DailyLoss, MaxDrawdown

DECLARED = ("prices", "dividends", "calendar", "missing_open")


class Data(Model):
    """Where bars come from and what they mean."""

    source: Text = Field(description="parquet, csv, packaged, or a registered source", examples=["parquet"])
    path: Text | None = Field(None, description="the file, for parquet and csv; looked for beside this file first")
    name: Text | None = Field(None, description="the packaged set", examples=["sp500", "nasdaq", "us20"])
    prices: Literal["as_traded", "split_adjusted", "total_return"] | None = Field(
        None, description="what prices are; must be said, except for packaged sets, which know"
    )
    dividends: Literal["as_traded", "split_adjusted", "none"] | None = Field(
        None, description="the unit of dividends; must be said, except for packaged sets, which know"
    )
    symbols: tuple[Text, ...] | None = Field(None, description="default: all", examples=[["AAPL", "MSFT"]])
    start: Date | None = Field(None, description="first date of bars used")
    end: Date | None = Field(None, description="last date of bars used")
    calendar: Text | None = Field(None, description="XNYS, XBOM, 24/7 or inferred; default: the set's, else inferred")
    missing_open: Literal["refuse", "previous_close", "close_fills"] | None = Field(
        None, description="bars without an open; default: the packaged set's, else refuse"
    )
    delisting_after: Count | None = Field(
        20, description="days in a row without a bar that make a name dead; null: off"
    )
    delisting_haircut: Fraction = Field(0.0, description="lost on the last close at a death")

    @field_validator("symbols", mode="before")
    @classmethod
    def _symbols(cls, value: Any) -> Any:
        if value is None or isinstance(value, tuple):
            return value
        if not isinstance(value, list):
            raise ValueError(f"expected a list such as [AAPL, MSFT], got {describe(value)}")
        if not value:
            raise ValueError("expected at least one symbol, got an empty list; leave the key out for all")
        return tuple(value)

    @model_validator(mode="after")
    def _agree(self) -> Data:
        wrong = self._twice()
        if self.start is not None and self.end is not None and self.start > self.end:
            wrong.append(At("start", f"{self.start} comes after end {self.end}{{there}}; turn them round", also="end"))
        wrong += self._of_a_set() if self.source == "packaged" else self._of_a_file()
        if self.prices == "total_return" and self.dividends not in (None, "none") and self.source != "packaged":
            said = f"{self.dividends} with prices total_return{{there}} would count dividends twice; write none"
            wrong.append(At("dividends", said, also="prices"))
        if wrong:
            raise Mistakes(wrong)
        return self

    def _twice(self) -> list[At]:
        first: dict[str, int] = {}
        for k, symbol in enumerate(self.symbols or ()):
            if symbol in first:
                said = f"{describe(symbol)} stands twice, first{{there}}; name each symbol once"
                return [At(("symbols", k), said, also=("symbols", first[symbol]))]
            first[symbol] = k
        return []

    def _of_a_file(self) -> list[At]:
        wrong = []
        if self.source in ("parquet", "csv"):
            if self.path is None:
                wrong.append(At("path", f"missing; source {self.source} needs the path of a file"))
            if self.name is not None:
                wrong.append(At("name", f"source {self.source} takes a path and no name; a name is for packaged sets"))
        for key in ("prices", "dividends"):
            if getattr(self, key) is None:
                said = f"must be said for source {self.source}: what {key} are is not guessed"
                words = {
                    "prices": "as_traded, split_adjusted or total_return",
                    "dividends": "as_traded, split_adjusted or none",
                }
                wrong.append(At(key, f"{said}; write {words[key]}"))
        if self.missing_open is None:
            self._fill("missing_open", "refuse")
        return wrong

    def _of_a_set(self) -> list[At]:
        from engine.data import packaged

        wrong = []
        known = f"Known: {listed(list(packaged.SETS))}"
        if self.path is not None:
            wrong.append(At("path", "source packaged takes a name and no path; a path is for parquet and csv"))
        if self.name is None:
            return [*wrong, At("name", f"missing; source packaged needs the name of a set. {known}")]
        if self.name not in packaged.SETS:
            near = nearest(self.name, list(packaged.SETS)) or "."
            return [*wrong, At("name", f"there is no packaged set {describe(self.name)}{near} {known}")]
        truth = packaged.declared(self.name)
        for key in DECLARED:
            said = getattr(self, key)
            if said is None:
                self._fill(key, truth[key])
            elif key in ("prices", "dividends") and said != truth[key]:
                wrong.append(At(key, f"the {key} of {self.name} are {truth[key]}, got {said}; leave the key out"))
        return wrong


class Exits(Model):
    """What protects a position; null is off."""

    stop_loss: Distance | None = Field(None, description="below the entry, of the entry price")
    take_profit: Gain | None = Field(None, description="above the entry; up to 1000% if written with %")
    trailing_stop: Distance | None = Field(None, description="below the best price since the entry")
    break_even: Gain | None = Field(None, description="after this gain the stop moves to the entry")
    time_stop: SomeBars | None = Field(None, description="leave at the close of the n-th bar")


class Exposure(Model):
    """What the long and the short leg are multiplied by; a leg left out keeps the rule's default."""

    long: Wide | None = Field(None, description="of the long leg; above 100% must be written with %")
    short: Wide | None = Field(None, description="of the short leg; above 100% must be written with %")


class Sizing(Model):
    """What rescales targets."""

    exposure: Exposure | None = Field(None, description="default by rule and side")
    smoothing: Annotated[Positive, Field(le=1.0)] = Field(1.0, description="a of w = a x target + (1 - a) x previous")
    vol_target: SomeFraction | None = Field(None, description="annualised volatility to aim at; null is off")
    no_trade_band: Fraction = Field(0.0, description="no order for a smaller change of weight")


class Caps(Model):
    """What bounds targets. Fractions and multiples of equity."""

    max_weight: SomeFraction = Field(1.0, description="per name")
    max_gross: Positive = Field(1.0, description="sum of |weights|, and buying power; a plain multiple")
    max_net: Amount | None = Field(None, description="|sum of weights|; a plain multiple")
    max_sector: SomeFraction | None = Field(None, description="sum of |weights| in one sector")


class Switches(Model):
    """Brakes on the whole account; null is off."""

    max_drawdown: MaxDrawdown = Field(None, description="from the highest marked equity; resumes never unless told")
    daily_loss: DailyLoss = Field(None, description="from the equity at the last day's end; resumes the next day")


class Execution(Model):
    """How orders fill and what they cost."""

    fill: Literal["open", "close"] = Field("open", description="of the bar after the decision")
    delay: Annotated[Whole, Field(le=100)] = Field(0, description="further bars between decision and fill")
    commission: Fraction = Field(0.0, description="of value", examples=["10 bps"])
    per_share: Amount = Field(0.0, description="money per share")
    per_order: Amount = Field(0.0, description="money per fill")
    min_fee: Amount = Field(0.0, description="money per fill at least")
    slippage: Fraction = Field(0.0, description="of price, against the order", examples=["5 bps"])
    impact: Amount = Field(0.0, description="x volatility x sqrt(quantity / volume), added to slippage")
    lot: Amount = Field(1.0, description="smallest tradable quantity; 0: any fraction")
    tick: Positive | None = Field(None, description="price step of levels; null is none", examples=[0.01])
    intrabar: Literal["pessimistic", "optimistic", "nearest"] = Field(
        "pessimistic", description="which comes first in a bar that touches both levels"
    )
    max_participation: SomeFraction | None = Field(None, description="of a bar's volume; null is no limit")
    entry_bar_protection: YesNo = Field(True, description="levels act on the bar of the entry")
    borrow: Fraction = Field(0.0, description="per year, on short value")
    interest: Fraction = Field(0.0, description="per year, on cash")
    maintenance: Distance | None = Field(
        None, description="equity / gross below this: everything is closed; null is off"
    )
