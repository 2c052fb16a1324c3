"""threshold and quintile a second time: plain Python over lists, written from docs/step.md and sharing nothing with the kernels.

They read forecasts and an account that somebody else keeps, and say how many shares they want. A name that is not in the
answer is left alone.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from engine.config.rules import Quintile, Threshold

if TYPE_CHECKING:
    from engine.config import Config

ROUNDING = 1e-12  # a confidence, a cap: reached but for the last bits is reached
LOT_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a decision after slice `t` may read."""

    t: int
    equity: float
    closes: Sequence[float]
    held: Sequence[int]  # signed shares
    left: Sequence[int | None]  # the slice at which a name last became flat; None never


PERIOD: dict[str, Callable[[datetime.date], object]] = {
    "daily": lambda date: date,
    "weekly": lambda date: date.isocalendar()[:2],
    "monthly": lambda date: (date.year, date.month),
}
Weights = dict[int, float]
Decide = Callable[[Seen], dict[int, int]]


def decider(config: Config, forecasts: Sequence[Sequence[float]], unit: str, due: Sequence[bool]) -> Decide:
    """Seen -> shares wanted by name, for the rule of `config` over (T, N) forecasts; `due` says which slices rebalance."""
    assert isinstance(config.strategy, Threshold | Quintile)
    rule: Threshold | Quintile = config.strategy
    long, short = config.exposure()

    def decide(seen: Seen) -> dict[int, int]:
        if isinstance(rule, Threshold):
            raw = threshold(rule, forecasts[seen.t], unit == "probability", seen)
        else:
            raw = quintile(rule, forecasts[seen.t], seen) if due[seen.t] else {}
        weights = {i: w * (long if w > 0.0 else short) for i, w in raw.items()}
        weights = within(weights, config.max_weight(), config.caps.max_gross)
        return {i: shares(w * seen.equity / seen.closes[i]) for i, w in weights.items()}

    return decide


def threshold(rule: Threshold, forecasts: Sequence[float], probability: bool, seen: Seen) -> Weights:
    """`size` for a name that enters, 0 for one that leaves; names held with enough confidence are left alone."""
    assert rule.exit_confidence is not None
    assert rule.max_positions is not None
    out: Weights = {}
    candidates = []
    for i, up in enumerate(forecasts):
        if math.isnan(up):
            continue
        down = 1.0 - up if probability else -up
        if seen.held[i]:
            if (up if seen.held[i] > 0 else down) < rule.exit_confidence - ROUNDING:
                out[i] = 0.0
            continue
        sides = [(up, 1.0)] if rule.side != "short" else []
        sides += [(down, -1.0)] if rule.side != "long" else []
        strength, side = max(sides)  # of equal confidences the long one
        if strength >= rule.confidence - ROUNDING and not resting(i, rule.cooldown, seen):
            candidates.append((-strength, i, side))
    free = max(0, rule.max_positions - sum(1 for quantity in seen.held if quantity))
    for _, i, side in sorted(candidates)[:free]:
        out[i] = side * rule.size
    return out


def quintile(rule: Quintile, forecasts: Sequence[float], seen: Seen) -> Weights:
    """A weight for every name: the best k long, the worst k short, as side and signs allow, and 0 for the rest."""
    ranked = [i for i, forecast in enumerate(forecasts) if not math.isnan(forecast)]
    if len(ranked) < max(1, rule.min_names):
        return {}
    k = max(1, math.floor(rule.quantile * len(ranked) + LOT_ROUNDING))
    best = sorted(ranked, key=lambda i: (-forecasts[i], i))[:k] if rule.side != "short" else []
    worst = sorted(ranked, key=lambda i: (forecasts[i], i))[:k] if rule.side != "long" else []
    both = set(best) & set(worst)
    longs = [i for i in best if i not in both and (forecasts[i] > 0.0 or not rule.positive_only)]
    shorts = [i for i in worst if i not in both and (forecasts[i] < 0.0 or not rule.negative_only)]
    out = dict.fromkeys(range(len(forecasts)), 0.0)
    for leg, side in ((longs, 1.0), (shorts, -1.0)):
        for i in leg:
            if seen.held[i] or not resting(i, rule.cooldown, seen):
                out[i] = side / (len(leg) if rule.weight == "equal" else k)
    return out


def resting(i: int, cooldown: int, seen: Seen) -> bool:
    """Whether name `i` has left too short a time ago to enter again."""
    left = seen.left[i]
    return left is not None and seen.t - left < cooldown


def within(weights: Weights, most: float, gross: float) -> Weights:
    """The weights, each at most `most`, then all scaled down where their sum exceeds `gross`."""
    bounded = {i: math.copysign(min(abs(w), most), w) if abs(w) > most + ROUNDING else w for i, w in weights.items()}
    total = sum(map(abs, bounded.values()))
    return {i: w * gross / total for i, w in bounded.items()} if total > gross + ROUNDING else bounded


def shares(quantity: float) -> int:
    """Whole shares, toward zero."""
    return int(math.copysign(math.floor(abs(quantity) + LOT_ROUNDING), quantity))


def due_slices(sessions: Sequence[datetime.date], rebalance: str | int) -> list[bool]:
    """For each slice whether a quintile rebalances on it: the last of its day, ISO week or month, or every n-th.

    The last slice of the data counts as due: its orders meet no bar, so nothing depends on it.
    """
    if isinstance(rebalance, int):
        return [t % rebalance == 0 for t in range(len(sessions))]
    keys = [PERIOD[rebalance](date) for date in sessions]
    return [a != b for a, b in pairwise(keys)] + [True]
