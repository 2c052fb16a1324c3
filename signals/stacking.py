"""Stacking: how much each member of an ensemble counts, fitted on forecasts that their makers had not seen the outcome of.

A stacker has parts that take turns as the folds of a walk-forward do. Each part is numbers and what they have seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.errors import DataError
from engine.types import Bools, Floats, Ints
from signals.calibration import sigmoid
from signals.passport import Instant, Name, Number, Sha256, instant_of, nanoseconds

FORMAT = 1
MOST_BYTES = 20_000_000
FEWEST_ROWS = 100
RIDGE = 1e-3  # of each standardised member's variance: members that say the same share what they are worth
EDGE = 1e-6  # probabilities are kept this far from 0 and 1
STEPS, CLOSE = 100, 1e-12  # of Newton's method


class Numbers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class FoldSeen(Numbers):
    """Rows of one fold: the first decision, and the latest of what the members that forecast it knew."""

    fold: Annotated[int, Field(ge=0)]
    first: Instant
    known_through: Instant

    @model_validator(mode="after")
    def _out_of_fold(self) -> FoldSeen:
        if self.first <= self.known_through:
            raise ValueError(
                f"fold {self.fold}: forecasts from {self.first} are in-sample, a member knew until {self.known_through}"
            )
        return self


class Part(Numbers):
    """y = intercept + sum of coefficients x members (logits for probabilities), for decisions after `valid_from`."""

    valid_from: Instant
    known_through: Instant  # the last price that any label it was fitted on looks at
    rows: Annotated[int, Field(ge=FEWEST_ROWS)]
    seen: Annotated[tuple[FoldSeen, ...], Field(min_length=1)]
    intercept: Number
    coefficients: tuple[Number, ...]

    @model_validator(mode="after")
    def _past(self) -> Part:
        if self.known_through > self.valid_from:
            raise ValueError(f"valid_from {self.valid_from} lies before known_through {self.known_through}")
        return self


class Stacker(Numbers):
    """All parts, in time; `members` are the sha256 of the signals they were fitted on, in order."""

    format: Literal[1] = 1
    unit: Literal["return", "probability"]
    label: Name
    members: Annotated[tuple[Sha256, ...], Field(min_length=1)]
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _agree(self) -> Stacker:
        starts = [part.valid_from for part in self.parts]
        if starts != sorted(set(starts)):
            raise ValueError("parts must follow each other in time")
        if any(len(part.coefficients) != len(self.members) for part in self.parts):
            raise ValueError(f"every part needs {len(self.members)} coefficients, one per member")
        return self

    def turns(self, times: Ints) -> Ints:
        """(T,) the part that speaks at each slice; -1 before the first."""
        starts = np.array([nanoseconds(part.valid_from) for part in self.parts], np.int64)
        return np.searchsorted(starts, times, side="left").astype(np.int64) - 1

    def known_through(self, times: Ints) -> Ints:
        """(T,) ns UTC: what the part that speaks knows; before the first, what that one does."""
        known = np.array([nanoseconds(part.known_through) for part in self.parts], np.int64)
        return known[np.maximum(self.turns(times), 0)]


def read(path: str | Path) -> Stacker:
    """The Stacker in a file; DataError, one line, for anything else, in-sample parts among it."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise DataError(
                f"{path}: more than {MOST_BYTES:,} bytes; expected a stacker that barcast stack has written"
            )
        return Stacker.model_validate_json(raw)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; expected a stacker that barcast stack has written") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise DataError(f"{path}: refused{': ' + where if where else ''}: {said}") from None


def out_of_fold(times: Ints, known: Ints, there: Bools, what: str) -> None:
    """Nothing; DataError where a forecast (T,) at `times` that is `there` is of a slice that its maker `known` (T,)."""
    wrong = np.flatnonzero(there & (times <= known))
    if len(wrong):
        raise DataError(
            f"{what}: refused: its forecast of {instant_of(int(times[wrong[0]]))} is in-sample, its model knew until "
            f"{instant_of(int(known[wrong[0]]))}; a stacker is fitted on out-of-fold forecasts only"
        )


def features(members: list[Floats], unit: str) -> Floats:
    """(M, ...) what a stacker adds up: the forecasts, or the logits of probabilities."""
    if unit != "probability":
        return np.stack(members)
    p = np.clip(np.stack(members), EDGE, 1.0 - EDGE)
    return np.log(p) - np.log1p(-p)


def fit(x: Floats, y: Floats, unit: str) -> tuple[float, tuple[float, ...]]:
    """Intercept and coefficients of (R, M) features on (R,) outcomes: ridge, or logistic regression with the same penalty.

    A member that does not vary gets 0.
    """
    center, spread = x.mean(axis=0), x.std(axis=0)
    varies = spread > 1e-12 * np.maximum(1.0, np.abs(center))
    scale = np.where(varies, spread, 1.0)
    z = np.where(varies, (x - center) / scale, 0.0)
    b = _logistic(z, y) if unit == "probability" else _ridge(z, y)
    slopes = np.where(varies, b[1:] / scale, 0.0)
    return float(b[0] - slopes @ center), tuple(float(v) for v in slopes)


def _ridge(z: Floats, y: Floats) -> Floats:
    n, m = z.shape
    slopes = np.linalg.solve(z.T @ z / n + RIDGE * np.eye(m), z.T @ (y - y.mean()) / n)
    return np.concatenate(([y.mean()], slopes))


def _logistic(z: Floats, y: Floats) -> Floats:
    """Newton's method on the mean log loss with the penalty RIDGE / 2 |b|^2, the intercept free; damped."""
    n, m = z.shape
    design = np.column_stack((np.ones(n), z))
    penalty = RIDGE * np.diag([CLOSE, *[1.0] * m])
    b = np.zeros(m + 1)
    for _ in range(STEPS):
        p = sigmoid(design @ b)
        slope = design.T @ (p - y) / n + penalty @ b
        step = np.linalg.solve((design * (p * (1.0 - p))[:, None]).T @ design / n + penalty, slope)
        b -= np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max()) < CLOSE:
            break
    return b


def apply(part: Part, x: Floats, unit: str) -> Floats:
    """(N,) forecasts of (M, N) features; NaN where a member says nothing."""
    out = np.full(x.shape[1], part.intercept)
    for weight, member in zip(part.coefficients, x, strict=True):
        out = out + weight * member
    return sigmoid(out) if unit == "probability" else out
