"""Scaling: numbers fitted on training rows, stored as numbers, applied in float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["standard", "robust", "minmax", "none"]
Floats32 = NDArray[np.float32]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Scaler(BaseModel):
    """(clip(x, low, high) - center) / scale per column; every number is a float32 written out. NaN stays NaN.

    standard: mean and standard deviation; robust: median and quartile distance / 1.349; minmax: low end and range.
    A column that never varied in training has scale 1, and `constant` names it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Kind = "none"
    center: tuple[Number, ...] = ()
    scale: tuple[Annotated[float, Field(gt=0.0, allow_inf_nan=False)], ...] = ()
    low: tuple[Number, ...] | None = None  # winsor limits; None: none
    high: tuple[Number, ...] | None = None
    constant: tuple[int, ...] = ()  # columns without variation

    @model_validator(mode="after")
    def _agree(self) -> Scaler:
        for name in ("scale", "low", "high"):
            numbers = getattr(self, name)
            if numbers is not None and len(numbers) != len(self.center):
                raise ValueError(f"{name} has {len(numbers)} columns, center {len(self.center)}")
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high come together")
        if self.low is not None and any(a > b for a, b in zip(self.low, self.high or (), strict=True)):
            raise ValueError("low lies above high")
        if any(not 0 <= k < len(self.center) for k in self.constant):
            raise ValueError("constant names no column")
        return self

    def __len__(self) -> int:
        """How many columns it scales."""
        return len(self.center)

    def apply(self, x: NDArray[Any]) -> Floats32:
        """(..., F) -> (..., F) float32, a copy; ValueError for another number of columns."""
        if x.shape[-1] != len(self):
            raise ValueError(f"the scaler knows {len(self)} columns, got {x.shape[-1]}")
        out = x.astype(np.float32)
        if self.low is not None:
            np.clip(out, _narrow(self.low), _narrow(self.high or ()), out=out)
        if self.kind != "none":
            out -= _narrow(self.center)
            out /= _narrow(self.scale)
        return out


def _narrow(numbers: tuple[float, ...]) -> Floats32:
    return np.array(numbers, np.float32)


def fit(kind: Kind, rows: NDArray[Any], winsor: Sequence[float] | None = None) -> Scaler:
    """The scaler of training rows (..., F), NaN left out; `winsor` (.01, .99) are the quantiles to clip at first.

    ValueError for a column without a single finite number.
    """
    if winsor is not None and not (len(winsor) == 2 and 0.0 <= winsor[0] < winsor[1] <= 1.0):
        raise ValueError(f"winsor must be two rising quantiles such as [0.01, 0.99]; it was {list(winsor)}")
    told = [_column(kind, rows[..., k], k, winsor) for k in range(rows.shape[-1])]
    limits = {} if winsor is None else {"low": tuple(c[2] for c in told), "high": tuple(c[3] for c in told)}
    return Scaler(
        kind=kind,
        center=tuple(c[0] for c in told),
        scale=tuple(c[1] if c[1] > 0.0 else 1.0 for c in told),
        constant=tuple(k for k, c in enumerate(told) if c[1] <= 0.0),
        **limits,
    )


def _column(kind: Kind, column: NDArray[Any], k: int, winsor: Sequence[float] | None) -> tuple[float, ...]:
    """Centre, scale (0: constant) and limits of one column, each a float32."""
    x = np.asarray(column, np.float64).ravel()
    x = x[np.isfinite(x)]
    if not len(x):
        raise ValueError(f"column {k} has no finite number in the training rows")
    low, high = (float("-inf"), float("inf")) if winsor is None else np.quantile(x, winsor)
    if winsor is not None:
        x = np.clip(x, low, high)
    center, scale = 0.0, 1.0
    if x.min() == x.max():
        center, scale = float(x[0]), 0.0
    elif kind == "standard":
        center, scale = float(x.mean()), float(x.std())
    elif kind == "robust":
        first, center, third = (float(q) for q in np.quantile(x, (0.25, 0.5, 0.75)))
        scale = (third - first) / 1.349 or float(x.std())  # half the rows may share one value
    elif kind == "minmax":
        center, scale = float(x.min()), float(x.max() - x.min())
    if kind == "none":
        center = 0.0
    narrow = float(np.float32(scale))
    return float(np.float32(center)), narrow, float(np.float32(low)), float(np.float32(high))
