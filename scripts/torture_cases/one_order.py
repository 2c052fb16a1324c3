"""The mirror broker under thousands of bad venues and kills: never two live orders for one intent."""

from __future__ import annotations

import argparse
from collections import Counter

from tests.brokers import worlds


def main() -> None:
    """Print what happened to the orders, and the first seed that broke the promise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    total: Counter[str] = Counter()
    for seed in range(asked.first, asked.first + asked.seeds):
        try:
            total.update(worlds.run(seed))
        except AssertionError as error:
            raise SystemExit(f"seed {seed}: {error}") from error
    told = ", ".join(f"{n:,} {what}" for what, n in sorted(total.items()))
    print(f"{asked.seeds:,} seeds, never two live orders for one intent: {told}")


if __name__ == "__main__":
    main()
