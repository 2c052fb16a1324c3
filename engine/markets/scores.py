"""What a market pays for: drivers that can be seen on the bar, and the score that is made of them."""

from __future__ import annotations

import math

from engine.compiled import njit
from engine.markets import chance
from engine.markets.chance import State
from engine.markets.kinds import CLIP, DECAY, ENDOGENOUS, LATCH, LINEAR, MEAN_OF, PRODUCT, TRAIL, WARM, Rules
from engine.types import Floats

# Slots of a name's memory; its past drivers stand in a ring behind them.
DRIVER, TRAILING, RETURNS, HELD, FADING, SEEN, RING = range(7)


@njit(forceinline=True)
def drive(s: State, rules: Rules, moved: float, memory: Floats) -> tuple[State, float]:
    """(next state, this bar's driver): a column of its own, or this bar's return by its trailing volatility; NaN unknown.

    `moved` is the log return since the last bar there was, NaN on the first.
    """
    s, z = chance.normal(s)
    if rules.source != ENDOGENOUS:
        phi = rules.driver_memory
        fresh = memory[SEEN] == 0.0
        memory[DRIVER] = z if fresh else phi * memory[DRIVER] + math.sqrt(1.0 - phi * phi) * z
        return s, memory[DRIVER]
    if math.isnan(moved):
        return s, math.nan
    x = math.nan
    if memory[RETURNS] >= WARM and memory[TRAILING] > 0.0:
        x = min(max(moved / math.sqrt(memory[TRAILING]), -CLIP), CLIP)
    n = memory[RETURNS]
    weight = max(1.0 - TRAIL, 1.0 / (n + 1.0))  # a plain mean until there are enough
    memory[TRAILING] += weight * (moved * moved - memory[TRAILING])
    memory[RETURNS] = n + 1.0
    return s, x


@njit(forceinline=True)
def score(x: float, rules: Rules, memory: Floats) -> float:
    """The score of a bar whose driver is `x`, given the drivers before it; NaN until there were enough of them."""
    if math.isnan(x):
        return math.nan
    length = memory.shape[0] - RING
    seen = int(memory[SEEN])
    out = math.nan
    if rules.shape == LINEAR:
        if rules.lag == 0:
            out = x
        elif seen >= rules.lag:
            out = memory[RING + (seen - rules.lag) % length]
    elif rules.shape == PRODUCT and seen >= MEAN_OF:
        total = 0.0
        for k in range(1, MEAN_OF + 1):
            total += memory[RING + (seen - k) % length]
        out = x * total / math.sqrt(MEAN_OF)
    elif rules.shape == LATCH:
        if abs(x) > rules.threshold:
            memory[HELD] = 1.0 if x > 0.0 else -1.0
        out = memory[HELD] if memory[HELD] != 0.0 else math.nan
    elif rules.shape == DECAY:
        memory[FADING] = x if seen == 0 else rules.decay * memory[FADING] + math.sqrt(1.0 - rules.decay**2) * x
        out = memory[FADING]
    memory[RING + seen % length] = x
    memory[SEEN] = seen + 1.0
    return out
