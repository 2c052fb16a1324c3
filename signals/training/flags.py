"""What is wrong with a fit while it runs: NaN, divergence, an accuracy that does not move, forecasts that are all the same."""

from __future__ import annotations

import numpy as np

from engine.types import Floats
from signals.training.batches import Samples
from signals.training.quality import rank_correlations
from signals.training.state import Progress

DIVERGED = 3.0  # times the least training loss so far
STUCK = 5  # epochs with one and the same accuracy
FLAT = 1e-6  # a standard deviation of outputs below this is none


def quality(outputs: Floats, wanted: Samples, kind: str) -> dict[str, float]:
    """What the outputs of the validation samples look like: spread, and accuracy or rank IC."""
    told = {"spread": float(np.std(outputs))}
    if kind == "direction":
        told["accuracy"] = float(np.mean((outputs > 0.0) == (wanted.label > 0.5)))
    elif kind == "rank":
        daily = rank_correlations(outputs, wanted.label, wanted.dates)
        told["rank_ic"] = float(np.nanmean(daily)) if np.isfinite(daily).any() else float("nan")
    else:
        told["error"] = float(np.mean(np.abs(outputs - wanted.label)))
    return told


def raise_flags(now: Progress, kind: str) -> None:
    """Add to the progress what its history gives reason for; each flag stands once."""
    latest, past = now.history[-1], now.history
    raised = {
        "nan": not np.isfinite(latest["train_loss"]) or not np.isfinite(latest["validation_loss"]),
        "diverged": latest["train_loss"] > DIVERGED * min(row["train_loss"] for row in past),
        "constant": latest["spread"] < FLAT,
        "stuck": kind == "direction"
        and len(past) >= STUCK
        and len({round(row["accuracy"], 6) for row in past[-STUCK:]}) == 1,
    }
    now.flags += [name for name, there in raised.items() if there and name not in now.flags]
