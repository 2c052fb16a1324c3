"""Two hundred defects of every kind in a thousandth of the rows of a clean market: what the audit finds, and what it invents.

Fails where splits, duplicates, zeros or units are found or believed less than 95 times in 100.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from engine.audit import audit
from tests.audit.planting import KINDS, Field, clean, scores

NAMES, BARS, EACH, AIM = 1500, 4000, 200, 0.95
AIMED = ("duplicate", "conflict", "zero_cell", "unit", "split")
SHARE = 0.001


def main() -> None:
    frame = clean(NAMES, BARS, seed=11)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bars.parquet"
        frame.to_parquet(file)
        bare = audit(file, "XNYS")
        field = Field(frame, seed=12)
        for kind in KINDS:
            field.plant(kind, EACH)
        field.table().to_parquet(file)
        begun = time.perf_counter()
        done = audit(file, "XNYS")
        took = time.perf_counter() - begun
    rows = sum(count for _, _, count in field.planted)
    print(
        f"{len(frame):,} rows, {len(done.lines):,} names, {len(field.planted):,} defects in {rows:,} rows ({rows / len(frame):.3%}); {took:.1f} s"
    )
    before = {kind: sum(one.kind == kind for line in bare.lines for one in line.findings) for kind in KINDS}
    print(
        f"{'kind':16} {'planted':>8} {'found':>6} {'recall':>7} {'as other':>9} {'said':>6} {'precision':>10} {'in clean':>9}"
    )
    failed = rows > SHARE * len(frame)
    for one in scores(done, field.truth(), frame["date"].to_numpy()):
        short = one.recall < AIM or one.precision < AIM
        failed |= short and one.kind in AIMED
        numbers = f"{one.planted:8} {one.found:6} {one.recall:7.1%} {one.other:9} {one.said:6} {one.precision:10.1%}"
        print(f"{one.kind:16} {numbers} {before[one.kind]:9} {'below 95 %' if short else ''}".rstrip())
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
