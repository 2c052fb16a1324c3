"""The loop: epochs of batches, then validation, then what follows from it; read `fit` first.

Everything random in an epoch comes from (seed, epoch), so a fit that was killed and resumed ends with the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import default_rng
from torch import Tensor, nn

from engine.types import Bools, Floats, Ints
from signals.losses import gradient_norms, penalty
from signals.training import batches, flags, state
from signals.training.batches import Batch, Samples
from signals.training.objective import Layout, Objective
from signals.training.recipe import Training
from signals.training.source import Source
from signals.training.state import Progress

EPOCH = 1_000_003  # between the seeds of two runs' epochs
BLOCK = {"cpu": 1024, "cuda": 16384}  # windows forecast together
Clock = Callable[[], float]
Watch = Callable[[Progress], None]


def stopped() -> float:
    """A clock that stands, for those who do not ask what took how long; other processes may be given it."""
    return 0.0


@dataclass(frozen=True)
class Lesson:
    """What is learned from: samples of two ranges with labels in the net's own unit, and the windows they name."""

    train: Samples
    validation: Samples
    source: Source
    known: Bools  # (N, T) windows that are whole, for shifted ones
    by_date: bool  # a batch is whole dates


@dataclass(frozen=True, slots=True)
class Fit:
    """How a fit ended; the net holds the best weights."""

    progress: Progress
    outputs: Floats  # (S,) the best net's raw outputs on the validation samples


def fit(
    net: nn.Module,
    lesson: Lesson,
    objective: Objective,
    rules: Training,
    seed: int,
    clock: Clock,
    folder: Path | None = None,
    key: str = "",
    watch: Watch = lambda progress: None,
) -> Fit:
    """Train `net` until patience, epochs or budget are spent; it resumes the fit `key` that stopped in `folder`."""
    net.to(lesson.source.device)
    adam = optimiser(net, rules)
    now, best = Progress(key, learning_rate=rules.learning_rate), dict[str, Tensor]()
    if folder is not None and (found := state.load(folder, key, net, adam)) is not None:
        now, best = found
    while not now.stopped:
        begun = clock()
        for group in adam.param_groups:
            group["lr"] = now.learning_rate
        told = learn(net, lesson, objective, rules, adam, seed, now.epoch)
        outputs = forecast(net, lesson.source, lesson.validation)
        told |= {"validation_loss": score(outputs, lesson.validation, objective, lesson.by_date)}
        told |= flags.quality(outputs, lesson.validation, objective.kind)
        now.epoch += 1
        if told["validation_loss"] < now.best:
            best = {name: value.detach().clone() for name, value in net.state_dict().items()}
        decide(now, told, rules)
        now.seconds += clock() - begun
        now.history.append({"epoch": now.epoch, **told, "seconds": now.seconds})
        flags.raise_flags(now, objective.kind)
        if now.seconds >= rules.budget and not now.stopped:
            now.stopped = "budget"
        if folder is not None:
            state.save(folder, now, net, best, adam)
        watch(now)
    if best:
        net.load_state_dict(best)
    return Fit(now, forecast(net, lesson.source, lesson.validation))


def learn(
    net: nn.Module, lesson: Lesson, objective: Objective, rules: Training, adam: Any, seed: int, epoch: int
) -> dict[str, float]:
    """One epoch over the training samples: mean data loss, penalty, gradient norm, and how many windows were seen.

    Of a rank loss also how hard each of its terms pulls in the first batch.
    """
    plan = planned(lesson, rules, (seed, epoch))
    torch.manual_seed(seed * EPOCH + epoch)
    net.train()
    device = lesson.source.device
    instrument, end = (
        lesson.source.index(part) for part in (lesson.train.instrument, shifted(lesson, rules, seed, epoch))
    )
    label = torch.from_numpy(lesson.train.label.astype(np.float32)).to(device)
    total, weight, norms = (torch.zeros((), device=device) for _ in range(3))
    pulled: dict[str, float] = {}
    adam.zero_grad(set_to_none=True)
    for k, batch in enumerate(plan):
        chosen = lesson.source.index(batch.samples)
        x = lesson.source.windows(instrument[chosen], end[chosen])
        if rules.noise:
            x = x + rules.noise * torch.randn_like(x)
        with precision(rules, device):
            output = net(x)
        told = (output.float(), label[chosen], layout(batch, device))
        data = objective(*told)
        extra = penalty(net, objective.l2) if objective.l2 else torch.zeros((), device=device)
        if k == 0:
            pulled = pulls(net, objective.terms(*told))
        ((data + extra) / rules.accumulate).backward()
        total += data.detach()
        weight += extra.detach()
        if (k + 1) % rules.accumulate == 0 or k + 1 == len(plan):
            norms += nn.utils.clip_grad_norm_(net.parameters(), rules.clip or math.inf)
            adam.step()
            adam.zero_grad(set_to_none=True)
    steps = math.ceil(len(plan) / rules.accumulate)
    windows = sum(len(batch.samples) for batch in plan)
    parts = {"train_loss": total / len(plan), "penalty": weight / len(plan), "gradient": norms / steps}
    lr = float(adam.param_groups[0]["lr"])
    return {**{name: float(value) for name, value in parts.items()}, "windows": windows, "learning_rate": lr, **pulled}


def pulls(net: nn.Module, terms: dict[str, Tensor]) -> dict[str, float]:
    """The norm of each term's gradient over all parameters, unclipped; taken from the forward pass that is there.

    No parameter, gradient or random stream is touched: the fit goes on as it would have.
    """
    norms = gradient_norms(terms, list(net.parameters()))
    return {f"gradient_{name}": norm for name, norm in norms.items()}


def decide(now: Progress, told: dict[str, float], rules: Training) -> None:
    """Note what a validation loss means: the best so far, patience, a lower learning rate, the end."""
    loss = told["validation_loss"]
    now.waited, now.flat = now.waited + 1, now.flat + 1
    if loss < now.best - rules.min_delta:
        now.waited = 0
    if loss < now.plateau - rules.min_delta:
        now.plateau, now.flat = loss, 0
    if loss < now.best:
        now.best, now.best_epoch = loss, now.epoch
    if rules.plateau is not None and now.flat > rules.plateau.patience:
        lower = max(now.learning_rate * rules.plateau.factor, rules.plateau.floor)
        now.learning_rate, now.flat = min(now.learning_rate, lower), 0  # a rate that began below the floor stays
    if not math.isfinite(told["train_loss"]) or not math.isfinite(loss):
        now.stopped = "nan"
    elif now.waited >= rules.patience:
        now.stopped = "patience"
    elif now.epoch >= rules.epochs:
        now.stopped = "epochs"


def planned(lesson: Lesson, rules: Training, seed: tuple[int, int]) -> list[Batch]:
    """The batches of an epoch, in its own order."""
    if lesson.by_date:
        return batches.by_date(
            lesson.train, rules.dates_per_batch, seed, rules.max_windows_per_epoch, rules.date_stride
        )
    return batches.by_window(lesson.train, rules.batch_size, seed, rules.max_windows_per_epoch, rules.date_stride)


def shifted(lesson: Lesson, rules: Training, seed: int, epoch: int) -> Ints:
    """(S,) where each training window ends: up to `shift` slices before its label's own, where that window is whole."""
    end = lesson.train.end
    if not rules.shift:
        return end
    earlier = end - default_rng((seed, epoch, 1)).integers(0, rules.shift + 1, len(end))
    return np.where((earlier >= 0) & lesson.known[lesson.train.instrument, np.maximum(earlier, 0)], earlier, end)


def layout(batch: Batch, device: torch.device) -> Layout:
    """Where a batch's windows stand in a table of dates by names."""
    sizes = batch.sizes
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    date = torch.from_numpy(np.repeat(np.arange(len(sizes)), sizes)).to(device)
    slot = torch.from_numpy(np.arange(len(batch.samples)) - first).to(device)
    return Layout(date, slot, len(sizes), int(sizes.max()))


def forecast(net: nn.Module, source: Source, wanted: Samples) -> Floats:
    """(S,) raw outputs of the net as it stands, in float32 and blocks of one size."""
    net.train(False)
    block = BLOCK[source.device.type]
    instrument, end = source.index(wanted.instrument), source.index(wanted.end)
    with torch.no_grad():
        parts = [net(source.windows(instrument[part], end[part])) for part in batches.chunks(len(wanted), block)]
    return np.asarray(torch.cat(parts).double().cpu().numpy(), np.float64)


def score(outputs: Floats, wanted: Samples, objective: Objective, dated: bool) -> float:
    """The data loss of (S,) outputs: the mean over dates, or over windows."""
    made = torch.from_numpy(outputs.astype(np.float32)), torch.from_numpy(wanted.label.astype(np.float32))
    cpu = torch.device("cpu")
    if not dated:
        whole = Batch(np.arange(len(wanted)), np.array([len(wanted)]))
        return float(objective(*made, layout(whole, cpu)))
    total = weight = 0.0
    for batch in batches.by_date(wanted, 8):
        chosen = torch.from_numpy(batch.samples)
        total += float(objective(made[0][chosen], made[1][chosen], layout(batch, cpu))) * len(batch.sizes)
        weight += len(batch.sizes)
    return total / weight


def optimiser(net: nn.Module, rules: Training) -> torch.optim.Adam:
    """Adam with the recipe's settings."""
    return torch.optim.Adam(
        net.parameters(), rules.learning_rate, rules.betas, rules.eps, weight_decay=rules.weight_decay
    )


def precision(rules: Training, device: torch.device) -> Any:
    """Where matrix products are made in bfloat16, if the recipe says so; weights and losses stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=rules.precision == "bf16")
