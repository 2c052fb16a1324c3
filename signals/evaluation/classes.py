"""Probabilities of a rise: confusion with intervals, reliability, and whether the classifier says anything at all."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from engine.report.quality import calibrate
from engine.types import Bools, Floats, Ints
from signals.training import intervals, measured, quality
from signals.training.verdict import constant

Told = dict[str, Any]


def classification(p: Floats, rises: Bools, edges: Ints, overlap: int = 1) -> Told:
    """All measures of (S,) probabilities by date, with intervals where there are any; JSON but for NaN."""
    known = measured.classes(p, rises, edges, overlap)
    told = asdict(quality.classified(p, rises))
    return {
        "measures": told,
        "intervals": {name: intervals.told(one) for name, one in known.items()},
        "confusion": confusion(p, rises),
        "reliability": reliability(p, rises),
        "flags": flags(p, rises),
    }


def confusion(p: Floats, rises: Bools) -> Told:
    """The four counts, and the shares made of them with Wilson's intervals."""
    said = p >= 0.5
    tp, fp = int((said & rises).sum()), int((said & ~rises).sum())
    fn, tn = int((~said & rises).sum()), int((~said & ~rises).sum())
    shares = {
        "accuracy": (tp + tn, tp + fp + fn + tn), "precision": (tp, tp + fp), "recall": (tp, tp + fn),
        "specificity": (tn, tn + fp), "negative precision": (tn, tn + fn), "rises": (tp + fn, tp + fp + fn + tn),
    }  # fmt: skip
    out: Told = {"tp": tp, "fp": fp, "fn": fn, "tn": tn, "shares": {}}
    for name, (hits, count) in shares.items():
        low, high = quality.wilson(hits, count)
        out["shares"][name] = {
            "value": hits / count if count else float("nan"),
            "low": low,
            "high": high,
            "count": count,
        }
    return out


def reliability(p: Floats, rises: Bools) -> Told | None:
    """Ten bins of probability: mean forecast, how often it came, Wilson's interval, count; None for too few forecasts."""
    found = calibrate(p, rises.astype(np.float64) - 0.5)
    if found is None:
        return None
    bins = [
        {"from": k / 10, "to": (k + 1) / 10, "forecast": float(found.forecast[k]), "happened": float(found.happened[k]),
         "low": float(found.low[k]), "high": float(found.high[k]), "count": int(found.count[k])}
        for k in range(len(found.count))
    ]  # fmt: skip
    return {"bins": bins, "error": found.error, "brier": found.brier, "brier of the base rate": found.brier_base}


def flags(p: Floats, rises: Bools) -> list[str]:
    """What speaks against the classifier on the very rows it is judged on."""
    out = constant(p, rises)
    told = quality.classified(p, rises)
    if len(p) and told.log_loss >= told.entropy:
        out.append(
            f"uninformative: its log loss {told.log_loss:.6f} is no less than {told.entropy:.6f}, that of always saying the "
            f"share of rises"
        )
    return out
