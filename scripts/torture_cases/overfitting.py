"""Deflated Sharpe, PBO and SPA on sweeps in which the truth is known: how often they cry, and how often they find."""

from __future__ import annotations

import math
import sys

import numpy as np

from tests.trust import experiments as e

CRY = 0.95


def main() -> None:
    failed = False

    def line(what: str, told: str, right: bool) -> None:
        nonlocal failed
        failed |= not right
        print(f"{what:68} {told:>28}  {'' if right else 'FAILS'}".rstrip())

    print("deflated Sharpe, raw trial count, signal is cried from .95 on")
    null = e.deflations(400, 45, 1000, 0.0)[:, 0]
    cried = int((null >= CRY).sum())
    line("400 sweeps of 45 independent trials, T 1,000: cry signal (2 at most)", f"{cried}", cried <= 2)
    line("  mean (.50 +- .03)", f"{null.mean():.3f}", abs(null.mean() - 0.5) <= 0.03)
    near = float((e.deflations(1000, 45, 1000, 0.9)[:, 0] >= CRY).mean())
    line("1,000 sweeps correlated .9: cry signal (1 to 9 %)", f"{near:.1%}", 0.01 <= near <= 0.09)
    found = e.deflations(50, 45, 1250, 0.5, planted=2.5)
    hits = int(((found[:, 0] >= CRY) & (found[:, 1] == 1.0)).sum())
    line("50 sweeps, one annual Sharpe 2.5 planted, T 1,250, correlation .5 (44)", f"{hits} found", hits >= 44)

    print("PBO, T 1,000, 10 blocks")
    plain = e.overfits(250, 50, 1000)
    line(
        "250 sets of 50 independent strategies: mean (.50 +- .04)",
        f"{plain.mean():.3f}",
        abs(plain.mean() - 0.5) <= 0.04,
    )
    tied = e.overfits(250, 50, 1000, correlation=0.9)
    line("250 sets correlated .9: mean (.40 to .55)", f"{tied.mean():.3f}", 0.40 <= tied.mean() <= 0.55)
    for n in (3, 5, 9):
        odd = e.overfits(1000, n, 400, seed=n)
        due, error = (n + 1) / (2 * n), float(odd.std() / math.sqrt(len(odd)))
        line(
            f"1,000 sets of {n}: mean, {due:.3f} due", f"{odd.mean():.3f} +- {error:.3f}", abs(odd.mean() - due) <= 0.04
        )

    print("SPA, 45 trials correlated .5, T 1,000, at 5 %")
    size = float((e.superiorities(400, 45, 1000, 0.0, 500) <= 0.05).mean())
    line("400 sweeps without skill: rejected (1 to 9 %)", f"{size:.1%}", 0.01 <= size <= 0.09)
    for planted, least in ((1.0, 0.0), (1.5, 0.2), (2.5, 0.8)):
        power = float((e.superiorities(100, 45, 1000, planted, 500) <= 0.05).mean())
        line(f"100 sweeps, one annual Sharpe {planted} planted: rejected", f"{power:.0%}", power >= least)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
