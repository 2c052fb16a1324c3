"""What paper trading promises, each row with the figures of this run: the tests that prove it at their full sizes, then the table.

The same table ends every run of the suite, with the suite's sizes. Fails if a test fails, a row lacks a figure, or a figure is below
what was promised: 1,000 crash images, 50 real kills, 10,000 states after a power cut, 1,000 seeds, a year of minutes. Takes hours.
`--quick` takes the suite's sizes.
"""

from __future__ import annotations

import os
import sys

TESTS = [
    "tests/journal",
    *(
        f"tests/live/test_{name}.py"
        for name in ("crashes", "parity", "killed", "planted", "gate", "soak", "ending", "hostile")
    ),
    *(f"tests/brokers/test_{name}.py" for name in ("one_order", "canary")),
    "tests/feeds",
    "tests/web/test_guard.py",
    "tests/mutants",
]


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    if not quick:
        os.environ["BARCAST_LONG"] = "1"  # before the tests are read
    import pytest

    from tests import promises

    code = pytest.main(["-q", *TESTS])
    lacking = [said for said in promises.short_of() if not (quick and "fewer than" in said)]
    for said in lacking:
        print(f"promises: {said}")
    sys.exit(1 if code or lacking else 0)


if __name__ == "__main__":
    main()
