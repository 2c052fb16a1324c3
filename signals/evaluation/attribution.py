"""What moves a net's output: integrated gradients (Sundararajan 2017) by feature and by third of the window, through captum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import default_rng

from engine.types import Floats
from signals import folder as folders
from signals import models
from signals.evaluation.subject import Subject

WINDOWS = 512  # over all folds
LEAST = 32  # of a fold
STEPS = 32  # of the integral
CALL = 64  # windows at once
MISSING = "captum is not installed, so nothing is attributed; pip install 'barcast[explain]'"
Told = dict[str, Any]


def attribution(subject: Subject, cells: Any, windows: int = WINDOWS) -> Told:
    """Shares of the absolute attributions, which add up to 1, over test windows of every fold; or {"why": ...} in one line.

    The path begins at the centre of the scaled features (their mean in the sample, where the scaler has no centre). `gap` is
    by how much attributions fail to add up to the change of the output, as a share of it.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        return {"why": MISSING}
    made, walk = subject.made, subject.walks[0]
    total = np.zeros((subject.recipe.window, len(made.columns)))
    signed = np.zeros(len(made.columns))
    missed = moved = 0.0
    count = 0
    for k, split in enumerate(walk.splits):
        assert split.test is not None
        rows = split.test.rows
        row, name = np.nonzero(cells[rows])
        size = min(len(row), max(LEAST, windows // len(walk.splits)))
        if not size:
            continue
        chosen = np.sort(default_rng(k).choice(len(row), size, replace=False))
        found = of_fold(IntegratedGradients, subject, k, rows[row[chosen]], name[chosen])
        total += np.abs(found[0]).sum(axis=0)
        signed += found[0].sum(axis=(0, 1))
        missed, moved, count = missed + found[1], moved + found[2], count + size
    if not count or not total.sum() > 0.0:
        return {"why": "the net's output does not depend on any feature"}
    shares = total / total.sum()
    by_feature = shares.sum(axis=0)
    order = np.argsort(-by_feature, kind="stable")
    return {
        "windows": count,
        "features": [
            {"feature": made.columns[j], "share": float(by_feature[j]), "mean": float(signed[j] / count)} for j in order
        ],
        "thirds": thirds(shares.sum(axis=1)),
        "gap": missed / moved if moved > 0.0 else float("nan"),
    }


def of_fold(method: Any, subject: Subject, k: int, ends: Any, names: Any) -> tuple[Floats, float, float]:
    """((W, L, F) attributions, sum of what they miss, sum of how far outputs moved) of the windows of one fold's net."""
    import torch

    passport, state = folders.read(subject.folder(subject.walks[0], k))
    net = models.build(passport.architecture)
    net.load_state_dict(state, strict=True)
    net.train(False).requires_grad_(False)
    length = passport.window
    windows = np.stack(
        [
            np.asarray(subject.made.values[i, t - length + 1 : t + 1])
            for i, t in zip(names.tolist(), ends.tolist(), strict=True)
        ]
    )
    x = torch.from_numpy(passport.scaler.apply(windows))
    centred = passport.scaler.kind in ("standard", "robust")
    start = torch.zeros_like(x[:1]) if centred else x.mean(dim=(0, 1), keepdim=True).expand(1, length, x.shape[2])
    parts, missed, moved = [], 0.0, 0.0
    for first in range(0, len(x), CALL):
        some = x[first : first + CALL]
        found, left = method(net).attribute(
            some, baselines=start, n_steps=STEPS, internal_batch_size=CALL * 8, return_convergence_delta=True
        )
        with torch.no_grad():
            moved += float((net(some) - net(start)).abs().sum())
        missed += float(left.abs().sum())
        parts.append(found.detach().numpy().astype(np.float64))
    return np.concatenate(parts), missed, moved


def thirds(by_lag: Floats) -> list[Told]:
    """The share of each third of the window, the oldest first; where 3 does not divide it, the newest third is the longest."""
    size = len(by_lag)
    cuts = [0, size // 3, 2 * (size // 3), size]
    out = []
    for name, first, stop in zip(("oldest", "middle", "newest"), cuts, cuts[1:], strict=False):
        ago = f"{size - first - 1} to {size - stop} ago"
        out.append({"third": name, "slices": ago, "share": float(by_lag[first:stop].sum())})
    return out
