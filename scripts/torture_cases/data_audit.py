"""Two hundred defects of every kind in a thousandth of the rows of a clean market: what the audit finds, and what it invents.

Fails where splits, duplicates, zeros or units are found or believed less than 95 times in 100.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from engine.data.audit import audit
from engine.data.audit.auditing import Audit
from tests.data.audit.planting import KINDS, Field, Score, clean, scores

NAMES, BARS, EACH, AIM = 1500, 4000, 200, 0.95
AIMED = ("duplicate", "conflict", "zero_cell", "unit", "split")
SHARE = 0.001


def main() -> None:
    frame = clean(NAMES, BARS, seed=11)
    field = Field(frame, seed=12)
    for kind in KINDS:
        field.plant(kind, EACH)
    any_size = Field(frame, seed=13)
    any_size.plant("any_jump", EACH)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bars.parquet"
        frame.to_parquet(file)
        bare = audit(file, "XNYS")
        any_size.table().to_parquet(file)
        jumps = audit(file, "XNYS")
        field.table().to_parquet(file)
        begun = time.perf_counter()
        done = audit(file, "XNYS")
        took = time.perf_counter() - begun
    rows = sum(count for _, _, count in field.planted)
    share = rows / len(frame)
    print(
        f"{len(frame):,} rows of {len(done.lines):,} names; {len(field.planted):,} defects in {rows:,} rows ({share:.3%})"
    )
    print(f"audited in {took:.1f} s")
    failed = table(scores(done, field.truth(), frame["date"].to_numpy()), bare) or share > SHARE
    counts = {
        kind: sum(one.kind == kind for line in jumps.lines for one in line.findings) for kind in ("jump", "split")
    }
    print(f"of {EACH} jumps of any size, .5 to 1.3 in log, {counts['jump']} are called jumps, {counts['split']} splits")
    sys.exit(1 if failed else 0)


def table(told: list[Score], bare: Audit) -> bool:
    """Print a line for each kind; whether one that must not is below the aim."""
    before = {kind: sum(one.kind == kind for line in bare.lines for one in line.findings) for kind in KINDS}
    print(
        f"{'kind':16} {'planted':>8} {'found':>6} {'recall':>7} {'as other':>9} {'said':>6} {'precision':>10} {'in clean':>9}"
    )
    failed = False
    for one in told:
        short = one.recall < AIM or one.precision < AIM
        failed |= short and one.kind in AIMED
        numbers = f"{one.planted:8} {one.found:6} {one.recall:7.1%} {one.other:9} {one.said:6} {one.precision:10.1%}"
        print(f"{one.kind:16} {numbers} {before[one.kind]:9} {'below 95 %' if short else ''}".rstrip())
    return failed


if __name__ == "__main__":
    main()
