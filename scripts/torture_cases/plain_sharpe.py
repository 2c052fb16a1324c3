"""A plain market run through the engine earns the Sharpe ratio that the formula gives, for several ICs and universes.

Long the best fifth by the oracle, short the worst, no costs, fractional lots, orders at the open, where a plain market has no
gap. Quintile Sharpe = 2 a ic / sqrt(2 / (N / 5) (1 - ic^2 + ic^2 v) + (2 a spread)^2) x sqrt(bars a year), a and v the mean and
variance of the best fifth of normals; standard error sqrt(bars a year / T (1 + S^2 / 2 / bars a year)) (Lo 2002).
"""

from __future__ import annotations

import math
import sys

import engine
from engine.markets import simulate

MEAN, VARIANCE = 1.39981, 0.21864  # of the best fifth of standard normals
CASES = ((200, 0.05, 0.0), (200, 0.05, 0.05), (200, 0.03, 0.10), (100, 0.03, 0.0), (50, 0.15, 0.0))
STRATEGY = {
    "name": "plain",
    "data": {"source": "parquet", "path": "given.parquet", "prices": "as_traded", "dividends": "none"},
    "signals": {"oracle": {"plugin": "precomputed"}},
    "strategy": {"rule": "quintile", "signal": "oracle", "quantile": "20%", "side": "long_short"},
    "sizing": {"exposure": {"long": "50%", "short": "50%"}},
    "execution": {"lot": 0},
}


def formula(names: int, ic: float, spread: float, per_year: float) -> float:
    """The quintile's annual Sharpe ratio."""
    noise = 2.0 / (names / 5.0) * (1.0 - ic * ic + ic * ic * VARIANCE) + (2.0 * MEAN * spread) ** 2
    return 2.0 * MEAN * ic / math.sqrt(noise) * math.sqrt(per_year)


def market(names: int, bars: int, ic: float, spread: float, seed: int):
    signal = {"shape": "linear", "ic": ic, "ic_spread": spread}
    settings = {"name": "plain", "seed": seed, "names": names, "bars": bars, "mode": "plain", "signal": signal}
    return simulate({**settings, "own": {"volatility": "16%"}})


def main() -> None:
    bars = 6000
    print(f"{'names':>5} {'IC':>5} {'sd IC':>6} {'engine':>8} {'formula':>8} {'error':>6} {'off by':>7}")
    worst = 0.0
    for seed, (names, ic, spread) in enumerate(CASES):
        made = market(names, bars, ic, spread, seed)
        panel = made.panel()
        result = engine.backtest(STRATEGY, panel=panel, forecasts=made.oracle)
        per_year = panel.bars_per_year
        sharpe = result.metrics["sharpe"]
        expected = formula(names, ic, spread, per_year)
        error = math.sqrt(per_year / bars * (1.0 + expected**2 / (2.0 * per_year)))
        off = (sharpe - expected) / error
        worst = max(worst, abs(off))
        print(f"{names:5d} {ic:5.2f} {spread:6.2f} {sharpe:8.3f} {expected:8.3f} {error:6.3f} {off:+6.2f} se")
    sys.exit(0 if worst <= 3.0 else 1)


if __name__ == "__main__":
    main()
