"""How often a session ends outside the 5 to 95 % cone of its backtest, when it goes on as the backtest did, and when it does not."""

from __future__ import annotations

import sys

import numpy as np

from engine.types import Floats
from risk.overfitting.bootstrap import BAND, LEVELS, cone

REPS = 499


def process(seed: tuple[int, ...], count: int, memory: float, drift: float) -> Floats:
    """`count` daily returns: heavy tails, 1 % a day, each with `memory` of the noise of the day before."""
    noise = 0.01 * np.random.default_rng(seed).standard_t(6, count + 1) / np.sqrt(1.5)
    out: Floats = drift + noise[1:] + memory * noise[:-1]
    return out


def outside(
    sessions: int, past: int, ahead: int, memory: float, then: float, seed: int, drift: float = 0.0005
) -> float:
    """The share of sessions that end outside; their drift is `then`."""
    low, high, left = LEVELS.index(BAND[0]), LEVELS.index(BAND[1]), 0
    for k in range(sessions):
        returns = process((seed, k), past + ahead, memory, drift)
        growth = float(np.prod(1.0 + returns[past:] - drift + then))
        edge = cone(returns[:past], ahead, REPS, k, block=None if memory else 1.0).growth[:, -1]
        left += not edge[low] <= growth <= edge[high]
    return left / sessions


def main() -> None:
    count, failed = int(sys.argv[1]) if len(sys.argv) > 1 else 2000, False
    print(f"{count:,} sessions each; daily returns of 1 % and drift .0005, t(6); a cone of {REPS} paths")
    for past, ahead, memory in ((400, 60, 0.0), (300, 250, 0.0), (1000, 250, 0.0), (1000, 250, 0.1)):
        share = outside(count, past, ahead, memory, 0.0005, past + ahead)
        error = (0.1 * 0.9 / count) ** 0.5
        right = abs(share - 0.1) < 3.0 * error or memory > 0.0
        failed |= not right
        due = "10 % due" if not memory else "the length of the blocks is guessed"
        print(
            f"backtest {past:5,}, session {ahead:3}, memory {memory}: {share:.1%} end outside, +- {error:.1%} ({due})"
            f"{'' if right else '  FAILS'}"
        )
    for then in (0.0, -0.0005, -0.002):
        share = outside(count // 4, 1000, 250, 0.0, then, 9)
        print(f"backtest 1,000, session 250, drift {then:+.4f} instead of +.0005: {share:.1%} end outside")
        failed |= share < 0.1
    sys.exit(failed)


if __name__ == "__main__":
    main()
