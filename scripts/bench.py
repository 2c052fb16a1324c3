"""Measures barcast, alone and against its peers, and prints a Markdown table per case. See bench_cases/cases.py.

Peers run in environments of their own, made once from scripts/peers/*.txt; contenders of a case take turns. A figure is the
median of several runs; the first run, compilation and warm-up included, stands apart; loading is never counted.
"""

from __future__ import annotations

import argparse

from bench_cases.cases import CASES, PEERS, Options
from bench_cases.tables import machine, show
from bench_cases.throughput import throughput


def names(text: str) -> tuple[str, ...]:
    """The words of a comma-separated list."""
    return tuple(word for word in text.replace(" ", "").split(",") if word)


def parse() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, and only peers whose environments exist")
    parser.add_argument("--peers", type=names, default=PEERS, help=f"some of {','.join(PEERS)}; none for ours only")
    parser.add_argument("--cases", type=names, default=("throughput", *CASES), help=f"of throughput,{','.join(CASES)}")
    parser.add_argument("--rows", type=int, default=6000, help="of the throughput table")
    parser.add_argument("--names", type=int, default=1695, help="of the throughput table")
    parser.add_argument("--runs", type=int, help="measured ones per contender; default: 5, --quick 3")
    options = parser.parse_args()
    options.runs = options.runs or (3 if options.quick else 5)
    if options.peers == ("none",):
        options.peers = ()
    for word, known in [(w, PEERS) for w in options.peers] + [(w, ("throughput", *CASES)) for w in options.cases]:
        if word not in known:
            parser.error(f"there is no {word}; expected some of {', '.join(known)}")
    return options


def main() -> None:
    asked = parse()
    show(f"{machine()}; medians of up to {asked.runs} runs")
    options = Options(quick=asked.quick, runs=asked.runs, peers=asked.peers, make=not asked.quick)
    if "throughput" in asked.cases:
        rows, count = (1000, 500) if asked.quick else (asked.rows, asked.names)
        throughput(rows, count, asked.runs)
    for name, case in CASES.items():
        if name in asked.cases:
            case(options)


if __name__ == "__main__":
    main()
