"""A simulation file as one frozen object, and what must agree between its sections."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from engine.config.base import Model
from engine.config.kinds import Count, Date, Fraction, Number, Text, Whole
from engine.config.loader import describe
from engine.config.problems import At, Mistakes, listed, nearest
from engine.markets.parts import (
    Deaths,
    Dividends,
    Factor,
    Halts,
    Jumps,
    Own,
    Prices,
    Regime,
    Sectors,
    Signal,
    Splits,
    Tails,
    Volatility,
    Volume,
)

US = tuple(
    Regime.model_validate(dict(zip(("name", "length", "drift", "volatility", "own"), row, strict=True)))
    for row in (
        ("calm", "300 bars", 0.15, 0.55, 0.85),
        ("nervous", "300 bars", 0.05, 1.0, 1.05),
        ("crisis", "150 bars", -0.2, 1.8, 1.4),
    )
)
MOST_FACTORS = 20
PLAIN_KEYS = ("name", "seed", "names", "bars", "start", "calendar", "mode", "signal", "own", "prices")


class Settings(Model):
    """A whole simulation file. Everything but name, names and bars has a default, set to resemble large US stocks."""

    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")] = Field(description="of the market")
    seed: Whole = Field(0, description="the same seed, the same bits")
    names: Annotated[Count, Field(le=1_000_000)] = Field(description="how many instruments")
    bars: Annotated[Count, Field(le=1_000_000)] = Field(description="how many sessions")
    start: Date = Field("2000-01-03", description="the first session is on or after it")
    calendar: Text = Field("XNYS", description="an exchange's code, weekdays, or 24/7")
    mode: Literal["full", "plain"] = Field(
        "full", description="plain: iid normal returns of one volatility, nothing else"
    )
    signal: Signal = Field(Signal(), description="what can be known about the next bar")
    factors: tuple[Factor, ...] = Field(
        (
            Factor(name="market", volatility=0.16, beta=1.0, spread=0.3),
            Factor(name="size", volatility=0.06, beta=0.0, spread=0.6),
            Factor(name="value", volatility=0.05, beta=0.0, spread=0.6),
        ),
        description="the first is the market: it has the drift, and the jumps",
    )
    correlation: tuple[tuple[Number, ...], ...] | None = Field(None, description="of the factors; null: none")
    sectors: Sectors | None = Field(Sectors(), description="null: no sectors")
    own: Own = Field(Own(), description="what moves a name alone")
    tails: Tails = Field(Tails(), description="degrees of freedom of the shocks")
    garch: Volatility = Field(Volatility(), description="how volatility moves")
    regimes: tuple[Regime, ...] = Field(US, description="up to 4 states; the first is where it begins")
    jumps: Jumps = Field(Jumps(), description="sudden moves")
    overnight: Fraction = Field(0.25, description="share of variance between close and open")
    volume: Volume = Field(Volume(), description="shares per bar")
    prices: Prices = Field(Prices(), description="where prices begin")
    listings: Fraction = Field(0.2, description="share of names that list after the first bar")
    delistings: Deaths | None = Field(Deaths(), description="null: nobody leaves")
    splits: Splits | None = Field(Splits(), description="null: none")
    dividends: Dividends | None = Field(Dividends(), description="null: none")
    halts: Halts | None = Field(Halts(), description="null: none")
    missing: Fraction = Field(0.0005, description="chance that a single bar is missing")

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        """YAML has lists where these models have tuples."""
        if not isinstance(data, dict):
            return data
        out = {**data}
        for key in ("factors", "regimes", "correlation"):
            if isinstance(out.get(key), list):
                out[key] = tuple(tuple(row) if isinstance(row, list) else row for row in out[key])
        return out

    @model_validator(mode="after")
    def _agree(self) -> Settings:
        wrong = [*self._matrix(), *self._regimes(), *self._plain()]
        if not 1 <= len(self.factors) <= MOST_FACTORS:
            said = f"expected 1 to {MOST_FACTORS} factors, got {len(self.factors)}; leave the key out for three"
            wrong.append(At("factors", said))
        if self.overnight > 0.9:
            wrong.append(At("overnight", f"expected at most 90%, got {self.overnight:g}"))
        if wrong:
            raise Mistakes(wrong)
        return self

    def _plain(self) -> list[At]:
        if self.mode != "plain":
            return []
        extra = sorted(self.model_fields_set - set(PLAIN_KEYS))
        said = "mode plain{there} has none: iid normal returns, no costs, no holes. Leave it out, or say mode full"
        wrong = [At(key, said, also="mode", unknown=True) for key in extra]
        if self.signal.regime is not None:
            wrong.append(At(("signal", "regime"), "mode plain{there} has no regimes; leave it out", also="mode"))
        return wrong

    def _regimes(self) -> list[At]:
        names = [regime.name for regime in self.regimes]
        wrong = []
        if not 1 <= len(names) <= 4:
            wrong.append(At("regimes", f"expected 1 to 4 of them, got {len(names)}"))
        if len(set(names)) < len(names):
            wrong.append(At("regimes", f"expected different names, got {listed(names)}"))
        gate = self.signal.regime
        if gate is not None and gate not in names and self.mode != "plain":
            near = nearest(gate, names) or "."
            wrong.append(
                At(("signal", "regime"), f"no regime is called {describe(gate)}{near} There is {listed(names)}")
            )
        return wrong

    def _matrix(self) -> list[At]:
        if self.correlation is None:
            return []
        rows, count = self.correlation, len(self.factors)
        if len(rows) != count or any(len(row) != count for row in rows):
            return [
                At(
                    "correlation",
                    f"expected {count} rows of {count}, one for each factor; got {[len(r) for r in rows]}",
                )
            ]
        for i in range(count):
            for j in range(count):
                if i == j and rows[i][j] != 1.0:
                    return [At(("correlation", i, j), f"expected 1 on the diagonal, got {rows[i][j]:g}")]
                if rows[i][j] != rows[j][i]:
                    return [
                        At(
                            ("correlation", i, j),
                            f"{rows[i][j]:g} is not its mirror image {rows[j][i]:g}; make them equal",
                        )
                    ]
        if cholesky(rows) is None:
            said = "no returns can have these correlations: the matrix is not positive semidefinite; bring some nearer to 0"
            return [At("correlation", said)]
        return []


def cholesky(rows: tuple[tuple[float, ...], ...]) -> list[list[float]] | None:
    """The lower triangular root of a correlation matrix, or None where it has none; a singular one has."""
    count = len(rows)
    root = [[0.0] * count for _ in range(count)]
    for j in range(count):
        left = rows[j][j] - sum(root[j][m] ** 2 for m in range(j))
        if left < -1e-10:
            return None
        root[j][j] = math.sqrt(left) if left > 1e-10 else 0.0
        for i in range(j + 1, count):
            rest = rows[i][j] - sum(root[i][m] * root[j][m] for m in range(j))
            if root[j][j] == 0.0 and abs(rest) > 1e-7:
                return None
            root[i][j] = rest / root[j][j] if root[j][j] > 0.0 else 0.0
    return root
