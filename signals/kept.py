"""What a passport keeps of the validation range, so that whoever uses the model can tell whether it still does as it did."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST = 500  # numbers of a distribution
Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Forecasts(Part):
    """Their distribution: the share at or below each of rising values; each of `slices` is worth so many independent ones."""

    values: Annotated[tuple[Number, ...], Field(min_length=1, max_length=MOST)]
    shares: Annotated[tuple[Share, ...], Field(min_length=1, max_length=MOST)]
    slices: Amount
    worth: Amount
    mean: Number
    sd: Amount

    @model_validator(mode="after")
    def _rises(self) -> Forecasts:
        if len(self.values) != len(self.shares):
            raise ValueError("values and shares need the same number of entries")
        for name, told in (("values", self.values), ("shares", self.shares)):
            if any(later <= before for before, later in itertools.pairwise(told)):
                raise ValueError(f"{name} must rise")
        return self


class Promised(Part):
    """Its correlation with what came, with the standard error."""

    measure: Literal["rank IC", "correlation"]
    value: Annotated[float, Field(ge=-1.0, le=1.0, allow_inf_nan=False)]
    error: Amount
    slices: Annotated[int, Field(ge=1)]
    on: Literal["validation"] = "validation"


class Kept(Part):
    """All of it; what could not be measured is null."""

    target: Literal["return", "up", "above_median", "price"]
    forecast: Forecasts | None = None
    promise: Promised | None = None
    brier: tuple[Share, Share] | None = None  # of its probabilities, and of always saying the base rate
