"""threshold and quintile a second time: plain Python over lists, written from docs/step.md and sharing nothing with the kernels.

They read forecasts and an account that somebody else keeps, and say how many shares they want. A name that is not in the
answer is left alone.
"""

from __future__ import annotations

import datetime
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from engine.config.gates import Trailing
from engine.config.rules import Quintile, Threshold

if TYPE_CHECKING:
    from engine.config import Config

ROUNDING = 1e-12  # a confidence, a cap: reached but for the last bits is reached
LOT_ROUNDING = 1e-9
SIDES = {1.0: "long", -1.0: "short"}


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
Shares = (
    tuple[float, float] | None
)  # of a name's last forecasts, below and above the new one; None before there are enough


def decider(config: Config, forecasts: Sequence[Sequence[float]], unit: str, due: Sequence[bool]) -> Decide:
    """Seen -> shares wanted by name, for the rule of `config` over (T, N) forecasts; `due` says which slices rebalance."""
    assert isinstance(config.strategy, Threshold | Quintile)
    rule: Threshold | Quintile = config.strategy
    long, short = config.exposure()
    gate = getattr(rule, "confidence", None)
    shares = standings(forecasts, gate.window) if isinstance(gate, Trailing) else None

    def decide(seen: Seen) -> dict[int, int]:
        if isinstance(rule, Threshold):
            raw = threshold(rule, forecasts[seen.t], unit == "probability", seen, shares[seen.t] if shares else ())
        else:
            raw = quintile(rule, forecasts[seen.t], seen) if due[seen.t] else {}
        weights = {i: w * (long if w > 0.0 else short) for i, w in raw.items()}
        weights = within(weights, config.max_weight(), config.caps.max_gross)
        return {i: whole(w * seen.equity / seen.closes[i]) for i, w in weights.items()}

    return decide


def threshold(
    rule: Threshold, forecasts: Sequence[float], probability: bool, seen: Seen, shares: Sequence[Shares] = ()
) -> Weights:
    """`size` for a name that enters, 0 for one that leaves; names held with enough confidence are left alone.

    `shares`: where a gate is a share of the name's last forecasts, what today's lies above and below.
    """
    assert rule.exit_confidence is not None
    assert rule.max_positions is not None
    out: Weights = {}
    candidates = []
    for i, up in enumerate(forecasts):
        strengths = (up, 1.0 - up if probability else -up)
        measured = shares[i] if isinstance(rule.confidence, Trailing) else strengths
        if math.isnan(up) or measured is None:
            continue
        if seen.held[i]:
            if measured[seen.held[i] < 0] < least(rule.exit_confidence) - ROUNDING:
                out[i] = 0.0
            continue
        told = zip(strengths, measured, (1.0, -1.0), strict=True)
        sure = [(strength, sign) for strength, reached, sign in told if reached >= least(rule.confidence) - ROUNDING]
        sure = [(strength, sign) for strength, sign in sure if rule.side in ("long_short", SIDES[sign])]
        if sure and not resting(i, rule.cooldown, seen):
            strength, sign = max(sure)  # of equal confidences the long one
            candidates.append((-strength, i, sign))
    free = max(0, rule.max_positions - sum(1 for quantity in seen.held if quantity))
    for _, i, sign in sorted(candidates)[:free]:
        out[i] = sign * rule.size
    return out


def least(gate: float | Trailing) -> float:
    """What must be reached: in the forecast's unit, or as a share of the last forecasts."""
    return 1.0 - gate.share if isinstance(gate, Trailing) else gate


def standings(forecasts: Sequence[Sequence[float]], window: int) -> list[list[Shares]]:
    """For every slice and name the shares of its last `window` known forecasts that lie below and above this one."""
    out: list[list[Shares]] = []
    past: list[list[float]] = [[] for _ in forecasts[0]] if forecasts else []
    ordered: list[list[float]] = [[] for _ in past]
    for row in forecasts:
        told: list[Shares] = []
        for i, now in enumerate(row):
            full, known = len(past[i]) >= window, not math.isnan(now)
            below, above = bisect_left(ordered[i], now), len(ordered[i]) - bisect_right(ordered[i], now)
            told.append((below / window, above / window) if full and known else None)
            if known:
                past[i].append(now)
                insort(ordered[i], now)
                if full:
                    del ordered[i][bisect_left(ordered[i], past[i][-window - 1])]
        out.append(told)
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


def whole(quantity: float) -> int:
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
