"""Tortures barcast: random markets, a number each, until as many as asked for have been compared. Exits 1 at a difference.

`crosscheck` runs each market in barcast and in backtrader and compares every fill; markets that leave the ground both share
(cash ran short) are counted apart and replaced by the next ones.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.torture_cases.crosscheck import crosscheck

CASES = {"crosscheck": crosscheck}


def parse() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--markets", type=int, default=1000, help="compared ones")
    parser.add_argument("--first", type=int, default=0, help="number of the first market; each has its own seed")
    return parser.parse_args()


def main() -> None:
    asked = parse()
    sys.exit(CASES[asked.case](asked.markets, asked.first))


if __name__ == "__main__":
    main()
