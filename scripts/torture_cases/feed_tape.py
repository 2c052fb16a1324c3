"""The assembler under thousands of bad lines: every slice the source's truth, or a recorded gap."""

from __future__ import annotations

import argparse
from collections import Counter

from tests.feeds import simulated


def main() -> None:
    """Print what the lines did and the first seed whose tape is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5_000)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    total: Counter[str] = Counter()
    for seed in range(asked.first, asked.first + asked.seeds):
        source, network, tape, assembler = simulated.run(seed)
        try:
            total.update(simulated.check(source, network, tape, assembler.rules))
        except AssertionError as error:
            raise SystemExit(f"seed {seed}: {error}") from error
    print(f"{asked.seeds:,} seeds, every tape true: " + ", ".join(f"{n:,} {what}" for what, n in sorted(total.items())))


if __name__ == "__main__":
    main()
