"""Thirty markets of 200 names and 20 years each, one seed after the other: every stylised fact beside the S&P 500's band.

A fact holds if the median of the markets lies in its band and at least seven of ten markets do: bands come from a dozen
windows of one real history, and twenty years of any market may lie outside a few of them.
"""

from __future__ import annotations

import sys

import numpy as np

from engine.markets import simulate
from engine.markets.bands import judge

SEEDS, SHARE = 30, 0.7


def main() -> None:
    told = []
    for seed in range(SEEDS):
        made = simulate({"name": "us-like", "seed": seed, "names": 200, "bars": 5000})
        told.append(judge(made.index, made.volume))
    print(
        f"{'fact':27} {'measured by':40} {'band':>16} {'S&P 500':>8} {'lowest':>8} {'median':>8} {'highest':>8} {'inside':>7}"
    )
    failed = 0
    for facts in zip(*told, strict=True):
        one, values = facts[0], np.array([fact.value for fact in facts])
        inside = float(np.mean([fact.passes for fact in facts]))
        holds = one.low <= np.median(values) <= one.high and inside >= SHARE
        failed += not holds
        numbers = f"{one.real:8.3f} {values.min():8.3f} {np.median(values):8.3f} {values.max():8.3f} {inside:7.0%}"
        print(f"{one.name:27} {one.measured:40} {one.low:7.3f} {one.high:8.3f} {numbers} {'' if holds else 'FAILS'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
