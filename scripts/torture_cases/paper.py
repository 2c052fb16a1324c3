"""Paper sessions under crashes: seeded ones that die at every row, many that die many times, and real processes killed with -9;
prints a line of figures for each. Fails if a digest differs, verify does not agree, or a planted bug passes.

`--quick` takes a tenth of the seeds.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine import journal
from engine.errors import BarcastError
from engine.live import paper, tape
from tests.live.market import play
from tests.live.planted import PLANTED
from tests.live.test_crashes import FILE, world

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "configs/paper/replay-us20.yaml"
MAIN = [sys.executable, "-c", "from engine.cli import main; main()", "paper", str(CONFIG), "--quiet"]
SHORT = ["--set", "data.start=2020-06-01", "--set", "signals.rank.lookback=40"]


def told(what: str, **figures: object) -> None:
    print(f"{what:<44}" + ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in figures.items()), flush=True)


def without_syncs() -> None:
    """In-process crashes lose what was not written, never what was not synced."""
    os.fdatasync = lambda handle: None  # type: ignore[assignment]
    os.fsync = lambda handle: None  # type: ignore[assignment]


def restarts(folder: Path) -> int:
    return sum(row.kind == tape.RESTART for row in journal.read(folder / "journal"))


def every_row(folder: Path, seeds: int) -> None:
    """One crash before every row of some sessions, the group lost and the group half there."""
    crashes = 0
    for seed in range(seeds):
        panel, script = world(seed, rows=26)
        whole = play(folder / f"e{seed}", FILE, panel, **script)
        for k in range(sum(1 for _ in journal.read(folder / f"e{seed}" / "journal")) - 1):
            for kept in (False, True):
                place = folder / f"e{seed}-{k}-{kept}"
                assert play(place, FILE, panel, crashes=[(k, kept)], **script).fold.digest == whole.fold.digest, (
                    seed,
                    k,
                    kept,
                )
                crashes += 1
    told("a crash before every row", sessions=seeds, crashes=crashes, digests_that_differ=0)


def many(folder: Path, seeds: int) -> None:
    """Sessions with commands, gaps, late bars and corrections that crash again and again; verify ends each."""
    crashes = slices = 0
    for seed in range(1000, 1000 + seeds):
        panel, script = world(seed, rows=90)
        whole = play(folder / f"m{seed}", FILE, panel, **script)
        rng = random.Random(seed)
        falls = [(rng.randrange(1, 60), rng.random() < 0.5) for _ in range(rng.randrange(1, 25))]
        session = play(folder / f"m{seed}-b", FILE, panel, crashes=falls, **script)
        found = paper.verify_session(folder / f"m{seed}-b")
        assert session.fold.digest == whole.fold.digest and found.backtest == found.digest == whole.fold.digest.hex(), (
            seed
        )
        crashes, slices = crashes + restarts(folder / f"m{seed}-b"), slices + found.slices
    told(
        "many crashes, commands, gaps, corrections",
        sessions=seeds,
        restarts=crashes,
        slices=slices,
        digests_that_differ=0,
    )


def size(session: Path) -> int:
    """Bytes of a session's journal."""
    file = session / "journal" / "journal"
    return file.stat().st_size if file.exists() else 0


def killed(folder: Path, kills: int) -> None:
    """One session of a real process, killed with -9 at random moments until it has died so often, then ended and verified."""
    environment, rng, done = os.environ | {"PYTHONPATH": str(ROOT)}, random.Random(7), 0
    whole = subprocess.run(
        [*MAIN, *SHORT, "--session", folder / "whole"], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    place = folder / "killed"
    while done < kills:
        before = size(place)
        process = subprocess.Popen(
            [*MAIN, *SHORT, "--set", "feed.speed=4000000", "--session", place],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        while size(place) <= before and process.poll() is None:
            time.sleep(0.02)
        time.sleep(rng.random() * 0.3)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        done += 1
    last = subprocess.run(
        [*MAIN, *SHORT, "--session", place], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    digest = [line.split()[1] for line in last.stdout.splitlines() if line.startswith("digest")]
    assert digest and digest[0] in whole.stdout
    assert paper.verify_session(place).digest == digest[0]
    told("processes killed with -9", kills=done, restarts=restarts(place), digests_that_differ=0)


def planted(folder: Path) -> None:
    """Bugs that somebody could have written: each must be caught by a crash, by verify or by the digest."""
    caught = [bug.name for bug in PLANTED if bug.caught(folder)]
    missed = [bug.name for bug in PLANTED if bug.name not in caught]
    told("planted bugs", caught=f"{len(caught)} of {len(PLANTED)}")
    assert not missed, missed


def main() -> None:
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        killed(place, 5 if quick else 50)
        without_syncs()
        every_row(place, 1 if quick else 5)
        many(place, 10 if quick else 100)
        planted(place)
    print(json.dumps({"ok": True}))


if __name__ == "__main__":
    try:
        main()
    except BarcastError as error:
        sys.exit(f"failed: {error}")
