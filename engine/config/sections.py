"""The sections of a strategy file beside its signals and strategy: data, exits, sizing, caps, switches, execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from engine.config.base import Model
from engine.config.kinds import (
    IN_ATR,
    PLAIN,
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
    Window,
    YesNo,
)
from engine.config.loader import describe
from engine.config.problems import At, Mistakes, listed, nearest
from engine.config.switches import ALosingStreak, ARollingSharpe, ASigmaLoss, DailyLoss, MaxDrawdown
from engine.data.fetch.vendors import FETCHED

DECLARED = ("prices", "dividends", "calendar", "missing_open")


class Data(Model):
    """Where bars come from and what they mean."""

    source: Text = Field(
        description="parquet, csv, packaged, yfinance or ccxt (fetched files), or a registered source",
        examples=["parquet"],
    )
    path: Text | None = Field(
        None,
        description="the file, of parquet, csv and what was fetched; beside this one, here, or in the folder that BARCAST_DATA names",
    )
    name: Text | None = Field(None, description="the packaged set", examples=["sp500", "nasdaq", "us20"])
    prices: Literal["as_traded", "split_adjusted", "total_return"] | None = Field(
        None, description="what prices are; must be said, except for packaged sets and fetched files, which know"
    )
    dividends: Literal["as_traded", "split_adjusted", "none"] | None = Field(
        None, description="the unit of dividends; must be said, except for packaged sets and fetched files, which know"
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
        wrong += self._of_a_vendor()
        if self.source in ("parquet", "csv", *FETCHED):
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

    def _of_a_vendor(self) -> list[At]:
        """A fetched file knows what its prices are."""
        wrong = []
        for key, known in FETCHED.get(self.source, {}).items():
            said = getattr(self, key)
            if said is None:
                self._fill(key, known)
            elif said != known:
                wrong.append(At(key, f"the {key} of {self.source} are {known}, got {said}; leave the key out"))
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


class InAtr(Model):
    """A distance in average true ranges, as they are when the order is written."""

    atr: Positive = Field(description="how many average true ranges", examples=[2.0])
    window: Count = Field(14, description="bars of the average true range (Wilder)")


def _unit(value: Any) -> str:
    return IN_ATR if isinstance(value, Mapping | InAtr) else PLAIN


Distances = Annotated[
    Annotated[Distance | None, Tag(PLAIN)] | Annotated[InAtr, Tag(IN_ATR)],
    Discriminator(_unit),
]
Gains = Annotated[Annotated[Gain | None, Tag(PLAIN)] | Annotated[InAtr, Tag(IN_ATR)], Discriminator(_unit)]


class Exits(Model):
    """What protects a position; null is off. `{atr: 2.0, window: 14}` is a distance in average true ranges."""

    stop_loss: Distances = Field(None, description="below the entry, of the entry price, or in ATR")
    take_profit: Gains = Field(None, description="above the entry, or in ATR; up to 1000% if written with %")
    trailing_stop: Distances = Field(None, description="below the best price since the entry, or in ATR")
    break_even: Gain | None = Field(None, description="after this gain the stop moves to the entry")
    time_stop: SomeBars | None = Field(None, description="leave at the close of the n-th bar")


class Exposure(Model):
    """What the long and the short leg are multiplied by; a leg left out keeps the rule's default."""

    long: Wide | None = Field(None, description="of the long leg; above 100% must be written with %")
    short: Wide | None = Field(None, description="of the short leg; above 100% must be written with %")


class InverseVolatility(Model):
    """Each leg's weight, shared among its names in proportion to 1 / volatility."""

    window: Window = Field(description="bars whose returns make the volatility", examples=[60])


class RiskPerTrade(Model):
    """Every target's size is risk / (multiple x ATR / close)."""

    risk: SomeFraction = Field(description="of equity, lost if the price moves by the multiple", examples=["1%"])
    multiple: Positive = Field(2.0, description="average true ranges")
    window: Count = Field(14, description="bars of the average true range (Wilder)")


class Sizing(Model):
    """What rescales targets."""

    inverse_volatility: InverseVolatility | None = Field(None, description="weights in proportion to 1 / volatility")
    atr: RiskPerTrade | None = Field(None, description="the same risk in every position")
    exposure: Exposure | None = Field(None, description="default by rule and side")
    smoothing: Annotated[Positive, Field(le=1.0)] = Field(1.0, description="a of w = a x target + (1 - a) x previous")
    vol_target: SomeFraction | None = Field(None, description="annualised volatility to aim at; null is off")
    no_trade_band: Fraction = Field(0.0, description="no order for a smaller change of weight")

    @model_validator(mode="after")
    def _one_sizer(self) -> Sizing:
        if self.inverse_volatility is not None and self.atr is not None:
            said = "sizing.inverse_volatility{there} already says how large a position is; keep one of the two"
            raise Mistakes([At("atr", said, also="inverse_volatility")])
        return self


class Caps(Model):
    """What bounds targets. Fractions and multiples of equity."""

    max_weight: SomeFraction = Field(1.0, description="per name")
    max_gross: Positive = Field(1.0, description="sum of |weights|, and buying power; a plain multiple")
    max_net: Amount | None = Field(None, description="|sum of weights|; a plain multiple")
    max_sector: SomeFraction | None = Field(None, description="sum of |weights| in one sector")
    min_cash: Fraction = Field(0.0, description="of equity, that the longs leave")
    max_order_value: Positive | None = Field(
        None, description="money; a larger order that grows a position is not written"
    )


class Switches(Model):
    """Brakes on the whole account; null is off."""

    max_drawdown: MaxDrawdown = Field(None, description="from the highest marked equity; resumes never unless told")
    daily_loss: DailyLoss = Field(None, description="from the equity at the last day's end; resumes the next day")
    sigma_loss: ASigmaLoss = Field(
        None,
        description="a return this many deviations of the `window` returns before it below 0; resumes the next day",
    )
    rolling_sharpe: ARollingSharpe = Field(
        None, description="annualised Sharpe ratio of the last `window` returns, at or below; resumes never unless told"
    )
    losing_streak: ALosingStreak = Field(None, description="days in a row that lost; resumes never unless told")


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
