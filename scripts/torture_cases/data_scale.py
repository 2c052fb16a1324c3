"""Ten million bars made and audited: 1,695 names x 6,000 sessions, each in well under a minute, or this fails."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from engine.data.audit import audit
from engine.markets.reading import read
from engine.markets.writing import BARS as FILE
from engine.markets.writing import write

NAMES, BARS, LIMIT = 1695, 6000, 60.0  # seconds


def main() -> None:
    settings = read({"name": "large", "seed": 7, "names": NAMES, "bars": BARS})
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        written = write(settings, Path(folder) / "market")
        made = time.perf_counter() - begun
        begun = time.perf_counter()
        done = audit(written.folder / FILE, "XNYS")
        audited = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{NAMES:,} names x {BARS:,} sessions simulated and written in {made:.1f} s")
    print(f"{done.rows:,} rows audited in {audited:.1f} s; {peak:.1f} GB at most for both")
    sys.exit(1 if max(made, audited) > LIMIT else 0)


if __name__ == "__main__":
    main()
