"""What a recipe hoped for, held against what was measured: met, missed, or undecidable. Never a gate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from signals.training.intervals import Interval

NAMES = {
    "accuracy": "accuracy", "balanced": "balanced", "precision": "precision", "recall": "recall", "f1": "F1", "mcc": "MCC",
    "auc": "AUC", "r2": "R2", "mae": "MAE", "rmse": "RMSE", "mape": "MAPE", "ic": "IC", "rank_ic": "rank IC", "icir": "ICIR",
    "hit_rate": "hit rate", "log_loss": "log loss", "brier": "Brier",
    "sharpe": "sharpe", "win_rate": "win_rate", "max_drawdown": "max_drawdown",
}  # fmt: skip
LESS = ("log loss", "Brier", "MAE", "RMSE", "MAPE", "max_drawdown")  # less is better
STEPS = ("minimum", "target", "stretch")


def judged(step: float, found: Interval, less: bool = False) -> str:
    """met: the whole interval is at `step` or beyond it; missed: none of it is; undecidable: the rest."""
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return "undecidable"
    low, high, step = (-found.high, -found.low, -step) if less else (found.low, found.high, step)
    return "met" if low >= step else "missed" if high < step else "undecidable"


def all_of(wanted: Mapping[str, tuple[float, ...]], found: Mapping[str, Interval]) -> list[dict[str, Any]]:
    """A row for each step of each target of a recipe: measure, step, wanted, value, low, high, state."""
    out = []
    for name, steps in wanted.items():
        key = NAMES.get(name.lower())
        one = found.get(key) if key is not None else None
        for k, step in enumerate(steps):
            row: dict[str, Any] = {"measure": name, "step": STEPS[k] if k < len(STEPS) else str(k + 1), "wanted": step}
            if one is None:
                out.append({**row, "value": None, "low": None, "high": None, "state": "not measured"})
                continue
            state = judged(step, one, key in LESS)
            out.append({**row, "value": one.value, "low": one.low, "high": one.high, "state": state})
    return out


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """A line per measure, for people."""
    out = []
    for name in dict.fromkeys(row["measure"] for row in rows):
        mine = [row for row in rows if row["measure"] == name]
        first = mine[0]
        if first["value"] is None:
            out.append(f"- {name}: not measured here (a backtest tells)")
            continue
        said = ", ".join(f"{row['wanted']:g} {row['state']}" for row in mine)
        known = first["low"] is not None and math.isfinite(first["low"])
        span = f" [{first['low']:.4f}, {first['high']:.4f}]" if known else ", no interval"
        out.append(f"- {name} {first['value']:.4f}{span}: {said}")
    return out
