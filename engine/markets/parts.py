"""The sections of a simulation file. Volatilities, drifts and rates are per year; fractions are written 2% or 0.02."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from engine.config import units
from engine.config.base import Model
from engine.config.kinds import Amount, Bars, Count, Fraction, Gain, Number, Positive, SomeBars, Text, Wide
from engine.config.loader import describe
from engine.config.problems import At, Mistakes

LARGEST_IC = 0.95
MOST_PAID = 0.2  # of the price, in one dividend
_SIGNED = re.compile(r"([-+]?[0-9.eE+-]+)\s*(%|bps?)")


def rate(value: Any) -> float:
    """A fraction of either sign: -2%, 10 bps, -0.02."""
    found = _SIGNED.fullmatch(value) if isinstance(value, str) else None
    if found and found.group(1)[0] in "-+":
        size = units.share(f"{found.group(1)[1:]}{found.group(2)}", most=units.WIDEST)
        return -size if value[0] == "-" else size
    if isinstance(value, int | float) and not isinstance(value, bool) and -1.0 <= value < 0.0:
        return float(value)
    return units.share(value, most=units.WIDEST)


def _df(value: Any) -> float | None:
    """Degrees of freedom above 2, or none for a normal."""
    if value is None:
        return None
    df = units.number(value, "degrees of freedom above 2, or null for a normal")
    if not df > 2.0:
        raise ValueError(f"expected degrees of freedom above 2 (below, there is no variance), got {describe(value)}")
    return df


def _ic(value: Any) -> float:
    """A correlation well inside -1 to 1."""
    ic = units.number(value, "a correlation such as 0.03")
    if abs(ic) > LARGEST_IC:
        raise ValueError(f"expected a correlation from -{LARGEST_IC} to {LARGEST_IC}, got {describe(value)}")
    return ic


def _memory(value: Any) -> float:
    """An autocorrelation from 0 to just below 1."""
    share = units.share(value)
    if share >= 1.0:
        raise ValueError(f"expected less than 100%, got {describe(value)}")
    return share


Rate = Annotated[float, BeforeValidator(rate)]
Df = Annotated[float | None, BeforeValidator(_df)]
Memory = Annotated[float, BeforeValidator(_memory)]
Correlation = Annotated[float, BeforeValidator(_ic)]


class Factor(Model):
    """One common factor and the names' exposures to it."""

    name: Text = Field(description="what it is called")
    volatility: Wide = Field(description="per year")
    beta: Number = Field(0.0, description="mean exposure of the names")
    spread: Amount = Field(0.0, description="sd of their exposures")


class Sectors(Model):
    """Groups of names with a factor of their own."""

    count: Annotated[Count, Field(le=1000)] = Field(11, description="how many")
    volatility: Wide = Field(0.08, description="of each sector's factor, per year")


class Own(Model):
    """What moves a name alone."""

    volatility: Gain = Field(0.28, description="of the median name, per year")
    spread: Wide = Field(0.30, description="sd of its logarithm across names")


class Tails(Model):
    """Degrees of freedom of Student's t; null is a normal."""

    factors: Df = Field(6.0, description="of factor and sector shocks together")
    own: Df = Field(4.5, description="of a name's own shocks")


class Garch(Model):
    """h' = 1 - alpha - gamma / 2 - beta + (alpha + gamma [e < 0]) e^2 + beta h, for shocks e of variance h."""

    alpha: Amount = Field(0.05, description="what a shock adds")
    gamma: Amount = Field(0.0, description="what a fall adds beside it: the leverage effect")
    beta: Amount = Field(0.93, description="what remains")

    @model_validator(mode="after")
    def _stationary(self) -> Garch:
        total = self.alpha + 0.5 * self.gamma + self.beta
        if total >= 1.0:
            said = (
                f"alpha + gamma / 2 + beta is {total:.6g}; expected below 1, or variance grows without end. Lower one"
            )
            raise At("beta", said)
        return self


class Volatility(Model):
    """How volatility moves."""

    factors: Garch = Field(Garch(alpha=0.0, gamma=0.15, beta=0.85), description="of the factors")
    own: Garch = Field(Garch(alpha=0.05, gamma=0.02, beta=0.92), description="of a name's own shocks")


class Regime(Model):
    """A state of the whole market."""

    name: Text = Field(description="what it is called")
    length: SomeBars = Field(description="mean bars until another one comes", examples=["250 bars"])
    drift: Rate = Field(0.0, description="of the first factor, per year")
    volatility: Positive = Field(1.0, description="multiplies factors and sectors")
    own: Positive = Field(1.0, description="multiplies the names' own; less of it is more correlation")


class Jump(Model):
    """Sudden moves between close and open; their mean is taken out of the drift."""

    per_year: Amount = Field(0.0, description="how many")
    mean: Rate = Field(0.0, description="log return")
    spread: Wide = Field(0.0, description="sd")


class Jumps(Model):
    """Of the first factor, and of each name."""

    factor: Jump = Field(Jump(per_year=0.5, mean=-0.02, spread=0.015), description="of the first factor")
    own: Jump = Field(Jump(per_year=3.0, mean=0.0, spread=0.06), description="of each name")


class Volume(Model):
    """Shares per bar: exp(elasticity x log of the bar's volatility over its usual + noise)."""

    shares: Positive = Field(1_000_000.0, description="of the median name on a usual bar")
    elasticity: Amount = Field(0.5, description="1: volume doubles where volatility does")
    noise: Amount = Field(0.25, description="sd of the noise of log volume, a name's own")
    common: Amount = Field(0.15, description="sd of the noise that all names share")
    memory: Memory = Field(0.7, description="autocorrelation of both noises")


class Prices(Model):
    """Where prices begin and how they are written."""

    first: Positive = Field(40.0, description="of the median name")
    spread: Annotated[Amount, Field(le=10.0)] = Field(0.6, description="sd of its logarithm across names")
    tick: Positive | None = Field(None, description="prices are rounded to it; null: not at all", examples=[0.01])


class Splits(Model):
    """A name splits (2, 3 or 1.5 for 1) soon after it rises above one price, and merges (1 for 10) below the other."""

    above: Positive | None = Field(200.0, description="null: no splits")
    below: Positive | None = Field(2.0, description="null: no reverse splits")

    @model_validator(mode="after")
    def _apart(self) -> Splits:
        if self.above is not None and self.below is not None and self.above <= 10.0 * self.below:
            said = (
                f"{self.above:g} is not above 10 x below {self.below:g}{{there}}: a name would split for ever; raise it"
            )
            raise At("above", said, also="below")
        return self


class Dividends(Model):
    """Some names pay a share of their price at fixed intervals."""

    payers: Fraction = Field(0.6, description="share of the names")
    annual: Fraction = Field(0.02, description="of the price, per year")
    every: SomeBars = Field(63, description="bars between payments")

    @model_validator(mode="after")
    def _affordable(self) -> Dividends:
        share = self.annual * self.every / 252.0
        if share > MOST_PAID:
            said = f"{self.annual:.0%} a year every {self.every} bars{{there}} is {share:.0%} of the price at once; at most"
            raise At("annual", f"{said} {MOST_PAID:.0%} can be paid", also="every")
        return self


class Deaths(Model):
    """Names that leave."""

    per_year: Fraction = Field(0.03, description="chance")
    loss: Fraction = Field(0.3, description="of the last close, in what holders are paid")


class Halts(Model):
    """Stretches without a bar, after which the price has moved on."""

    per_year: Amount = Field(0.2, description="per name")
    length: SomeBars = Field(3, description="mean; at most 15")


HOMES = {"lag": "linear", "half_life": "decaying", "threshold": "latch"}  # keys of one shape alone


class Signal(Model):
    """What can be known about the next bar."""

    shape: Literal["none", "linear", "product", "latch", "decaying"] = Field("none", description="of the score")
    source: Literal["exogenous", "endogenous"] = Field(
        "exogenous", description="a column `x` of its own, or the bar's return by its trailing volatility"
    )
    ic: Correlation = Field(0.0, description="correlation of the score and the next return across names")
    ic_spread: Amount = Field(0.0, description="sd of it from bar to bar")
    lag: Bars = Field(0, description="linear: bars between what is seen and the bar whose close decides")
    half_life: SomeBars = Field(5, description="decaying: bars in which what a driver pays halves")
    threshold: Positive = Field(2.0, description="latch: a driver beyond it sets the sign, which then stays")
    memory: Memory = Field(0.0, description="exogenous: autocorrelation of the driver")
    regime: Text | None = Field(None, description="the regime in which it pays; null: all")
    leak: Literal["next_return", "centred_mean", "whole_scaler", "back_adjusted", "back_filled"] | None = Field(
        None, description="a column `leak` that has seen the future, for audits to catch"
    )

    @model_validator(mode="after")
    def _agree(self) -> Signal:
        wrong = []
        if self.shape == "none" and (self.ic != 0.0 or self.ic_spread != 0.0):
            wrong.append(At("ic", f"{self.ic:g} with shape none{{there}}; name a shape, or leave ic out", also="shape"))
        if self.shape != "none" and self.ic == 0.0:
            wrong.append(At("ic", "expected a correlation other than 0, such as 0.03; or say shape none"))
        if self.ic_spread > LARGEST_IC:
            wrong.append(At("ic_spread", f"expected at most {LARGEST_IC}, got {self.ic_spread:g}"))
        for key, shape in HOMES.items():
            if key in self.model_fields_set and self.shape != shape:
                wrong.append(At(key, f"belongs to shape {shape}, but shape is {self.shape}{{there}}", also="shape"))
        if self.lag > 500:
            wrong.append(At("lag", f"expected at most 500 bars, got {self.lag} bars"))
        if wrong:
            raise Mistakes(wrong)
        return self
