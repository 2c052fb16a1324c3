"""The journal under every crash, power cut, damaged byte, failing disk and planted bug; prints a line of figures for each proof.

Fails if anything acknowledged is lost, if a crash image is refused, if damage goes unnoticed, if a fault never comes, or if a
disk whose syncs do nothing is not found out. `--quick` takes a tenth of the seeds and no planted bugs.
"""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import tempfile
import time

from tests.journal.proofs import (
    FLIPS,
    cut_everywhere,
    failed_sync,
    failing_everywhere,
    flipped_everywhere,
    killed,
    killed_twice,
    power_cut,
    sample,
    together,
    without_sync,
)
from tests.journal.script import ROOT

NUMBERS = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG)


def crashes(quick: bool) -> bool:
    n = 1 if quick else 5
    cases = [
        ("crash images", lambda: [killed(120, seed) for seed in range(1, 1 + n)], 1_000),
        ("power cuts", lambda: [power_cut(40, 24, seed) for seed in range(1, 1 + n)], 10_000),
        ("second crashes", lambda: [killed_twice(15, seed) for seed in range(1, 1 + n)], 1_000),
        ("failing calls", lambda: [failing_everywhere(40, NUMBERS)], 400),
        ("power cuts after a failed sync", lambda: [failed_sync(12, 3, seed) for seed in range(1, 1 + n)], 1_000),
    ]
    good = True
    for name, run, least in cases:
        started = time.perf_counter()
        figures = together(run())
        fine = not figures.wrong and (quick or figures.states >= least)
        print(figures.line(name) + f" ({time.perf_counter() - started:.0f} s)", flush=True)
        if not fine:
            print(f"  FAILS: {figures.first or f'fewer than {least:,} states'}")
        good &= fine
    bad = power_cut(12, 12, wrap=without_sync)
    print(bad.line("power cuts without any sync") + ": must not be clean")
    return good and bad.wrong["lost"] > 0


def damage() -> bool:
    good = True
    for closed in (True, False):
        word = "closed" if closed else "open"
        for name, figures in (
            (f"flips in a {word} journal", flipped_everywhere(sample(closed), FLIPS)),
            (f"cuts of a {word} journal", cut_everywhere(sample(closed))),
        ):
            print(figures.told(name), flush=True)
            if figures.wrong:
                print(f"  FAILS: {figures.first}")
            good &= not figures.wrong
    return good


def kills(quick: bool) -> bool:
    exact, loose = (12, 4) if quick else (60, 40)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.journal.killing", folder, str(exact), str(loose)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr)
        return False
    told = json.loads(done.stdout)
    print(
        f"journal: {told['exact']} real kills at chosen calls agree with the model byte for byte, {told['loose']} from outside "
        f"({told['told']:,} rows told), {told['wrong']} wrong {''.join(told['first'])}"
    )
    return told["wrong"] == 0 and told["exact"] == exact and told["loose"] == loose


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    good = [crashes(quick), damage(), kills(quick)]
    if not quick:
        good.append(subprocess.run([sys.executable, "-m", "tests.journal.mutating"], cwd=ROOT).returncode == 0)
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
