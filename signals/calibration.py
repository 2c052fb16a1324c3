"""Calibration: from a net's raw output to a return or a probability, fitted on a slice of dates of its own, as numbers."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Floats = NDArray[np.float64]
Number = Annotated[float, Field(allow_inf_nan=False)]

ISOTONIC_FROM = 1000  # samples: with fewer a step function learns the noise
CHANCE = 3.841458820694124  # 95% quantile of chi-squared with one degree of freedom
STEPS = 100  # of Newton's method; it needs about ten


class Numbers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Affine(Numbers):
    """r_hat = a + b f: what makes a forecast's sign mean something."""

    kind: Literal["affine"] = "affine"
    a: Number
    b: Number

    def apply(self, raw: NDArray[Any]) -> Floats:
        return self.a + self.b * np.asarray(raw, np.float64)


class Platt(Numbers):
    """p = 1 / (1 + exp(-(a f + b))) of the logit f. Platt (1999)."""

    kind: Literal["platt"] = "platt"
    a: Number
    b: Number

    def apply(self, raw: NDArray[Any]) -> Floats:
        return sigmoid(self.a * np.asarray(raw, np.float64) + self.b)


class Isotonic(Numbers):
    """A rising piecewise linear function of the logit, flat beyond its ends."""

    kind: Literal["isotonic"] = "isotonic"
    x: tuple[Number, ...]
    y: tuple[Annotated[float, Field(ge=0.0, le=1.0)], ...]

    @model_validator(mode="after")
    def _rises(self) -> Isotonic:
        if len(self.x) != len(self.y) or not self.x:
            raise ValueError("x and y need the same number of knots, at least one")
        if any(b <= a for a, b in zip(self.x, self.x[1:], strict=False)):
            raise ValueError("x must rise")
        if any(b < a for a, b in zip(self.y, self.y[1:], strict=False)):
            raise ValueError("y must not fall")
        return self

    def apply(self, raw: NDArray[Any]) -> Floats:
        raw = np.asarray(raw, np.float64)
        return np.where(np.isnan(raw), np.nan, np.interp(raw, self.x, self.y))


Calibration = Annotated[Affine | Platt | Isotonic, Field(discriminator="kind")]


def sigmoid(x: NDArray[Any]) -> Floats:
    """1 / (1 + exp(-x)) in float64, without overflow."""
    small = np.exp(-np.abs(np.asarray(x, np.float64)))
    return np.where(np.asarray(x) >= 0.0, 1.0 / (1.0 + small), small / (1.0 + small))


def log_loss(p: NDArray[Any], rises: NDArray[Any]) -> float:
    """Mean negative log-likelihood in nats; probabilities are kept 1e-12 from 0 and 1."""
    p = np.clip(np.asarray(p, np.float64), 1e-12, 1.0 - 1e-12)
    y = np.asarray(rises, np.float64)
    return float(-(y * np.log(p) + (1.0 - y) * np.log1p(-p)).mean())


def entropy(share: float) -> float:
    """Entropy in nats of a coin with this share of heads: the log loss of always saying the prior."""
    return -sum(p * math.log(p) for p in (share, 1.0 - share) if p > 0.0)


def fit_affine(raw: NDArray[Any], realised: NDArray[Any]) -> Affine:
    """Least squares of what came on what was forecast, over finite pairs; b = 0 where the forecasts never vary."""
    f, y = _finite(raw, realised)
    variance = float(((f - f.mean()) ** 2).mean())
    b = float(((f - f.mean()) * (y - y.mean())).mean()) / variance if variance > 0.0 else 0.0
    return Affine(a=float(y.mean()) - b * float(f.mean()), b=b)


def fit_platt(raw: NDArray[Any], rises: NDArray[Any]) -> Platt:
    """Maximum likelihood by Newton's method, towards Platt's smoothed targets, so that a separable sample stays finite."""
    f, y = _finite(raw, rises)
    ups = float(y.sum())
    high, low = (ups + 1.0) / (ups + 2.0), 1.0 / (len(y) - ups + 2.0)
    a, b = _logistic(f, np.where(y > 0.5, high, low))
    return Platt(a=a, b=b)


def fit_isotonic(raw: NDArray[Any], rises: NDArray[Any]) -> Isotonic:
    """The rising function with the least squared error (pool adjacent violators), as the knots of its steps."""
    from sklearn.isotonic import IsotonicRegression

    f, y = _finite(raw, rises)
    never = 1.0 / (len(y) + 2.0)  # a step without a single failure is no certainty
    found = IsotonicRegression(y_min=never, y_max=1.0 - never).fit(f, y)
    knots = [float(v) for v in found.X_thresholds_], [float(v) for v in found.y_thresholds_]
    return Isotonic(x=tuple(knots[0]), y=tuple(knots[1]))


def fit_probability(raw: NDArray[Any], rises: NDArray[Any]) -> Platt | Isotonic:
    """Platt's two numbers, or from ISOTONIC_FROM samples on a rising function."""
    f, y = _finite(raw, rises)
    return fit_isotonic(f, y) if len(f) >= ISOTONIC_FROM else fit_platt(f, y)


def constant_or_uninformative(raw: NDArray[Any], rises: NDArray[Any]) -> tuple[str, ...]:
    """What speaks against a classifier on dates it has not been fitted on; () where nothing does.

    `constant`: its logits put every row on one side of a half, or do not vary. `uninformative`: a logistic fit on its
    logits has no rising slope, or gains so little likelihood over the prior that chance does as well one time in twenty.
    Both are of the raw logits: no calibration mends them.
    """
    f, y = _finite(raw, rises)
    out = []
    if (f > 0.0).all() or (f <= 0.0).all() or np.ptp(f) < 1e-6:
        out.append("constant")
    prior = float(y.mean())
    a, b = _logistic(f, y) if 0.0 < prior < 1.0 and np.ptp(f) > 0.0 else (0.0, 0.0)
    gain = 2.0 * len(y) * (entropy(prior) - log_loss(sigmoid(a * f + b), y))
    if a <= 0.0 or gain < CHANCE:
        out.append("uninformative")
    return tuple(out)


def _finite(raw: NDArray[Any], truth: NDArray[Any]) -> tuple[Floats, Floats]:
    f, y = np.asarray(raw, np.float64).ravel(), np.asarray(truth, np.float64).ravel()
    both = np.isfinite(f) & np.isfinite(y)
    if not both.any():
        raise ValueError("calibration needs at least one row whose forecast and outcome are both known")
    return f[both], y[both]


def _logistic(f: Floats, target: Floats) -> tuple[float, float]:
    """a and b of sigmoid(a f + b), by damped Newton steps on standardised f."""
    center, spread = float(f.mean()), float(f.std())
    if spread <= 1e-12 * max(1.0, abs(center)):
        share = float(target.mean())
        return 0.0, math.log(share / (1.0 - share))
    z = np.stack([(f - center) / spread, np.ones_like(f)], 1)
    w = np.zeros(2)
    for _ in range(STEPS):
        p = sigmoid(z @ w)
        step = np.linalg.solve((z * (p * (1.0 - p))[:, None]).T @ z + 1e-12 * np.eye(2), z.T @ (target - p))
        w += np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max()) < 1e-12:
            break
    w = np.clip(w, -50.0, 50.0)
    return float(w[0] / spread), float(w[1] - w[0] * center / spread)
