"""Three kinds of strategy, 30 seeds each: a planted signal, the best of a sweep on noise, a good one that is too short.

At least 27 of 30 must get their verdict. The rules (engine/belief/verdict.py) were written before any of these was run.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.trust.kinds import KINDS

SEEDS, LEAST = 30, 27


def main() -> None:
    failed = False
    for due, make in KINDS.items():
        told: Counter[str] = Counter()
        for seed in range(SEEDS):
            with tempfile.TemporaryDirectory() as folder:
                told[make(seed, Path(folder)).verdict] += 1
        failed |= told[due] < LEAST
        words = ", ".join(f"{which} {count}" for which, count in told.most_common())
        print(f"{make.__name__:12} due {due:8} {told[due]:2} of {SEEDS}   ({words})")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
