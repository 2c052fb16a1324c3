"""crosscheck over random markets: how many were the same fill by fill, and of what kind their fills were."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from engine.crosscheck import Comparison
from engine.crosscheck import crosscheck as compare
from engine.crosscheck.ground import OffGroundError
from scripts.torture_cases.markets import Case, make_case

SHOWN = 3  # differences per market


@dataclass(slots=True)
class Tally:
    """What a series of markets came to."""

    markets: Counter[str] = field(default_factory=Counter)  # by rule, compared ones
    off: int = 0
    matched: int = 0
    mismatched: int = 0
    wrong: list[int] = field(default_factory=list)  # numbers of markets that differ in anything
    price: float = 0.0  # biggest differences
    fee: float = 0.0
    equity: float = 0.0

    def add(self, case: Case, result: Comparison) -> None:
        """Count one comparison."""
        protected = " with exits" if case.config["exits"] else ""
        self.markets[case.config["strategy"]["rule"] + protected] += 1
        self.matched += result.matched
        self.mismatched += result.mismatched
        self.price, self.fee = max(self.price, result.price), max(self.fee, result.fee)
        self.equity = max(self.equity, result.equity)
        if not result.same:
            self.wrong.append(case.seed)


def torture(markets: int, first: int) -> Tally:
    """The tally of `markets` compared markets, numbered from `first`; differences are printed as they are found."""
    tally, seed = Tally(), first
    while sum(tally.markets.values()) < markets:
        case = make_case(seed)
        seed += 1
        try:
            result = compare(case.config, case.panel, case.forecasts)
        except OffGroundError:
            tally.off += 1
            continue
        tally.add(case, result)
        for line in result.differences[:SHOWN]:
            print(f"market {case.seed}: {line}", flush=True)
        if not result.equity_agrees:
            print(f"market {case.seed}: equity differs by up to {result.equity:.6g}", flush=True)
    return tally


def crosscheck(markets: int, first: int) -> int:
    """0 if every fill of every market had its equal, else 1."""
    started = time.perf_counter()
    tally = torture(markets, first)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tally.markets.items()))
    print(f"markets      {sum(tally.markets.values()):,} ({kinds}); {tally.off:,} more left the common ground")
    print(f"fills        {tally.matched:,} matched, {tally.mismatched:,} mismatched")
    print(f"differences  price {tally.price:.2g}, fee {tally.fee:.2g}, equity {tally.equity:.2g} at most")
    if tally.wrong:
        print(f"markets that differ: {', '.join(map(str, tally.wrong[:20]))}; --first N --markets 1 runs one alone")
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    return 1 if tally.wrong else 0


def parse() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(prog="scripts/torture crosscheck", description=__doc__)
    parser.add_argument("--markets", type=int, default=1000, help="compared ones")
    parser.add_argument("--first", type=int, default=0, help="number of the first market; each has its own seed")
    return parser.parse_args()


if __name__ == "__main__":
    asked = parse()
    sys.exit(crosscheck(asked.markets, asked.first))
