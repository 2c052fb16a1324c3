"""Losses. The rank loss of a date is .7 (1 - correlation of soft ranks) + .3 Huber; dates never mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from signals.models import kernels

if TYPE_CHECKING:
    from torch import nn

EPS = 1e-12  # inside every standard deviation's root


@dataclass(frozen=True, slots=True)
class RankSettings:
    """The rank loss's numbers. Predictions and targets are divided by `sigma`, one number of the training range, first.

    On raw daily returns (`literal`) a tau of .05 is some three standard deviations: soft ranks are then linear in the
    values and rank nothing.
    """

    sigma: float = 1.0  # standard deviation of the training labels
    tau: float = 0.05
    delta: float = 0.05  # of the Huber term, in the target's own unit
    rank_weight: float = 0.7
    literal: bool = False
    fewest: int = 5  # names; dates with fewer are skipped

    def __post_init__(self) -> None:
        for name in ("sigma", "tau", "delta"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be a number above 0; it was {getattr(self, name)!r}")
        if not 0.0 <= self.rank_weight <= 1.0:
            raise ValueError(f"rank_weight must lie in 0 to 1; it was {self.rank_weight!r}")


class RankLoss(NamedTuple):
    """A batch's loss: `total` and its weighted `rank` and `huber` terms are means over the dates used, scalars."""

    total: Tensor
    rank: Tensor
    huber: Tensor
    used: int  # dates
    skipped: int

    @property
    def terms(self) -> dict[str, Tensor]:
        return {"rank": self.rank, "huber": self.huber}


def soft_rank(x: Tensor, tau: float) -> Tensor:
    """(N,) -> (N,): sum over j of sigmoid((x_i - x_j) / tau), largest for the largest. They add up to N^2 / 2."""
    return torch.sigmoid((x[:, None] - x[None, :]) / tau).sum(1)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson correlation of two (N,); 0, with a gradient that is finite, where one of them is constant."""
    a, b = a - a.mean(), b - b.mean()
    return (a * b).mean() / (torch.sqrt((a * a).mean() + EPS) * torch.sqrt((b * b).mean() + EPS))


def date_terms(predicted: Tensor, target: Tensor, settings: RankSettings) -> tuple[Tensor, Tensor]:
    """The weighted rank and Huber terms of one date's (N,) predictions and targets."""
    sigma = 1.0 if settings.literal else settings.sigma
    predicted, target = predicted / sigma, target / sigma
    rho = correlation(soft_rank(predicted, settings.tau), soft_rank(target, settings.tau))
    huber = functional.huber_loss(predicted, target, delta=settings.delta / sigma)
    return settings.rank_weight * (1.0 - rho), (1.0 - settings.rank_weight) * huber


def rank_loss(predicted: Tensor, target: Tensor, dates: Tensor, settings: RankSettings) -> RankLoss:
    """The rank loss of (B,) predictions and targets; `dates` (B,) whole numbers say which rows belong together.

    Dates with fewer than `settings.fewest` names, or whose predictions or targets are all the same, are skipped. With no
    date left the loss is 0 and moves nothing.
    """
    ranks, hubers, skipped = [], [], 0
    for date in torch.unique(dates):
        rows = dates == date
        mine, yours = predicted[rows], target[rows]
        if len(mine) < settings.fewest or constant(mine) or constant(yours):
            skipped += 1
            continue
        rank, huber = date_terms(mine, yours, settings)
        ranks.append(rank)
        hubers.append(huber)
    if not ranks:
        nothing = predicted.sum() * 0.0
        return RankLoss(nothing, nothing, nothing, 0, skipped)
    rank, huber = torch.stack(ranks).mean(), torch.stack(hubers).mean()
    return RankLoss(rank + huber, rank, huber, len(ranks), skipped)


def constant(x: Tensor) -> bool:
    return bool(x.detach().max() == x.detach().min())


def direction_loss(logits: Tensor, rises: Tensor) -> Tensor:
    """Mean cross-entropy in nats of (B,) logits against 0 or 1."""
    return functional.binary_cross_entropy_with_logits(logits, rises)


def huber_loss(predicted: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    """Mean Huber loss of (B,) values."""
    return functional.huber_loss(predicted, target, delta=delta)


def penalty(module: nn.Module, weight: float) -> Tensor:
    """weight x the sum of squares of every kernel and dense weight: what Keras calls L2. Report it apart from the data's."""
    return weight * torch.stack([(kernel * kernel).sum() for _, kernel in kernels(module)]).sum()


def gradient_norms(terms: Mapping[str, Tensor], of: Tensor | Sequence[Tensor]) -> dict[str, float]:
    """The L2 norm of each term's gradient with respect to `of` (predictions or parameters); the graph is kept."""
    inputs = [of] if isinstance(of, Tensor) else list(of)
    norms = {}
    for name, term in terms.items():
        parts = torch.autograd.grad(term, inputs, retain_graph=True, allow_unused=True)
        norms[name] = float(sum(float((part * part).sum()) for part in parts if part is not None) ** 0.5)
    return norms
