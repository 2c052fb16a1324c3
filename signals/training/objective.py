"""What an epoch lowers: a loss over padded dates or over plain windows, without a single wait for the device.

The net's output is in units of the training labels' sigma (literal rank loss: raw), a logit, or a scaled price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from signals.losses import EPS, RankSettings


class Layout(NamedTuple):
    """Where a batch's windows stand in a (D, M) table of dates by names."""

    date: Tensor  # (B,) row
    slot: Tensor  # (B,) column
    dates: int
    widest: int


@dataclass(frozen=True, slots=True)
class Objective:
    """A data loss: `kind` rank, direction or huber; and the weight of an L2 penalty that is counted apart."""

    kind: str
    rank: RankSettings | None = None
    delta: float = 1.0
    l2: float = 0.0

    def __call__(self, output: Tensor, label: Tensor, layout: Layout) -> Tensor:
        """The mean loss of (B,) outputs and labels, a scalar; of a rank loss over the dates that can be ranked."""
        if self.kind == "rank":
            assert self.rank is not None
            return rank_loss(output, label, layout, self.rank)
        if self.kind == "direction":
            return functional.binary_cross_entropy_with_logits(output, label)
        return functional.huber_loss(output, label, delta=self.delta)

    def terms(self, output: Tensor, label: Tensor, layout: Layout) -> dict[str, Tensor]:
        """The weighted terms that add up to a rank loss, scalars by name; {} for a loss that is one term."""
        if self.kind != "rank":
            return {}
        assert self.rank is not None
        rank, huber, used = rank_terms(output, label, layout, self.rank)
        count = used.sum().clamp(min=1)
        return {"rank": (rank * used).sum() / count, "huber": (huber * used).sum() / count}


def rank_loss(output: Tensor, label: Tensor, layout: Layout, settings: RankSettings) -> Tensor:
    """signals.losses.rank_loss over all dates at once: absent names carry no weight.

    Labels come in the unit of the outputs, so that sigma is 1 here. A date that is too small or constant counts nothing.
    """
    rank, huber, used = rank_terms(output, label, layout, settings)
    return ((rank + huber) * used).sum() / used.sum().clamp(min=1)


def rank_terms(output: Tensor, label: Tensor, layout: Layout, settings: RankSettings) -> tuple[Tensor, Tensor, Tensor]:
    """(D,) weighted rank and Huber terms of each date, and whether it counts."""
    at = (layout.date, layout.slot)
    table = output.new_zeros((3, layout.dates, layout.widest))
    predicted, target, there = table[0].index_put(at, output), table[1].index_put(at, label), table[2].clone()
    there[at] = 1.0
    count = there.sum(1)
    sigma = 1.0 if settings.literal else settings.sigma
    predicted, target = predicted / sigma, target / sigma
    rho = correlation(soft_rank(predicted, there, settings.tau), soft_rank(target, there, settings.tau), there)
    each = functional.huber_loss(predicted, target, delta=settings.delta / sigma, reduction="none")
    huber = (each * there).sum(1) / count.clamp(min=1.0)
    rank, huber = settings.rank_weight * (1.0 - rho), (1.0 - settings.rank_weight) * huber
    return rank, huber, (count >= settings.fewest) & varies(predicted, there) & varies(target, there)


def soft_rank(x: Tensor, there: Tensor, tau: float) -> Tensor:
    """(D, M) soft ranks within each date among the names that are there."""
    return (torch.sigmoid((x[:, :, None] - x[:, None, :]) / tau) * there[:, None, :]).sum(2)


def correlation(a: Tensor, b: Tensor, there: Tensor) -> Tensor:
    """(D,) Pearson correlations over the names that are there."""
    count = there.sum(1, keepdim=True).clamp(min=1.0)
    a = (a - (a * there).sum(1, keepdim=True) / count) * there
    b = (b - (b * there).sum(1, keepdim=True) / count) * there
    n = count[:, 0]
    return ((a * b).sum(1) / n) / (torch.sqrt((a * a).sum(1) / n + EPS) * torch.sqrt((b * b).sum(1) / n + EPS))


def varies(x: Tensor, there: Tensor) -> Tensor:
    """(D,) whether the names that are there differ."""
    away = 1.0 - there
    huge = torch.finfo(x.dtype).max
    return (x.detach() - away * huge).amax(1) > (x.detach() + away * huge).amin(1)
