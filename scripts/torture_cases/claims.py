"""Five thousand computed reports, rounded: none may raise an alarm. Then one figure of each is made wrong: how many are caught."""

from __future__ import annotations

import sys
from collections import Counter

from tests.trust.claimed import alarms, computed, corrupted

REPORTS = 5000


def main() -> None:
    """The first seed may be given; the rules were made while looking at 0 to 4,999."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    false, caught, asked = 0, Counter[str](), Counter[str]()
    for seed in range(first, first + REPORTS):
        told, decimals = computed(seed)
        found = alarms(told, decimals)
        false += bool(found)
        for one in found:
            print(f"FALSE ALARM in report {seed}: {one.kind}: {one.name}: {one.figures}: {one.why}")
        wrong, where = corrupted(told, seed)
        asked[where] += 1
        caught[where] += bool(alarms(wrong, decimals))
    print(f"{REPORTS:,} computed reports rounded to 2 to 4 decimals: {false} with a false alarm")
    total = sum(caught.values())
    print(
        f"one figure of each made wrong (x 0.3, 0.5, 0.67, 1.5, 2, 3 or turned round): {total:,} caught, {total / REPORTS:.1%}"
    )
    for where, count in sorted(asked.items()):
        print(f"  {where:30} {caught[where]:5} of {count:5}  {caught[where] / count:6.1%}")
    sys.exit(1 if false else 0)


if __name__ == "__main__":
    main()
