"""Every shape and source of a signal, over N x T of a million: the oracle's pooled IC against the planted one, in standard errors.

Then the three range estimators of a market with everything in it, against the variance of its closes over its opens.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from engine.markets import simulate

SHAPES = ({"shape": "linear"}, {"shape": "linear", "lag": "20 bars"}, {"shape": "product"}, {"shape": "latch"},
          {"shape": "decaying"}, {"shape": "linear", "regime": "calm"})  # fmt: skip
WORST = 3.5  # standard errors: fifteen are looked at


def oracle(name: str, signal: dict[str, object], **changes: object) -> float:
    """How many standard errors the oracle's IC is off; prints its row."""
    settings = {"name": "m", "seed": 17, "names": 250, "bars": 4000, "signal": signal, **changes}
    told = simulate(settings).measured
    off = (told.pooled - told.expected) / told.pooled_error
    numbers = f"{told.expected:8.4f} {told.pooled:8.4f} {told.pooled_error:7.4f} {off:+6.2f} {told.daily:8.4f}"
    print(f"{name:34} {numbers}")
    return abs(off)


def ranges() -> float:
    """How many standard errors the worst range estimator is off; prints a row each."""
    b = simulate({"name": "m", "seed": 17, "names": 250, "bars": 4000, "dividends": None}).block
    high, low, close = (np.log(x / b.open) for x in (b.high, b.low, b.close))
    estimators = {
        "Parkinson": (high - low) ** 2 / (4 * math.log(2)),
        "Garman-Klass": 0.5 * (high - low) ** 2 - (2 * math.log(2) - 1) * close**2,
        "Rogers-Satchell": high * (high - close) + low * (low - close),
    }
    worst = 0.0
    print(f"\n{'estimator':34} {'/ closes':>8} {'off by':>7}")
    for name, values in estimators.items():
        daily = np.nanmean(values - close**2, axis=0)
        off = float(daily.mean() / (daily.std() / math.sqrt(len(daily))))
        worst = max(worst, abs(off))
        print(f"{name:34} {np.nanmean(values) / np.nanmean(close**2):8.4f} {off:+6.2f} se")
    return worst


def main() -> None:
    print(f"{'signal':34} {'planted':>8} {'IC':>8} {'error':>7} {'off by':>6} {'daily IC':>8}")
    offs = []
    for shape in SHAPES:
        for source in ("exogenous", "endogenous"):
            told = " ".join(str(value) for value in shape.values())
            offs.append(oracle(f"{told}, {source}", {**shape, "source": source, "ic": 0.05}))
    offs.append(oracle("plain, linear", {"shape": "linear", "ic": 0.05}, mode="plain"))
    offs.append(oracle("plain, linear, sd of IC .1", {"shape": "linear", "ic": 0.03, "ic_spread": 0.1}, mode="plain"))
    offs.append(ranges())
    sys.exit(1 if max(offs) > WORST else 0)


if __name__ == "__main__":
    main()
