"""Planted bugs in the journal are caught: all of them by scripts/torture journal, a sample here."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.journal.patches import MUTANTS
from tests.journal.script import ROOT
from tests.mutants.runner import patched
from tests.promises import note, size

EVERY = 20  # one in so many is tried in the suite


def test_every_patch_fits_the_source_exactly_once_and_changes_it():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 70
    for mutant in MUTANTS:
        text = (ROOT / mutant.file).read_text()
        changed = patched(text, mutant)
        assert changed != text
        compile(changed, mutant.file, "exec")


def test_a_sample_of_the_planted_bugs_is_caught(capsys):
    every = size(EVERY, 1)
    command = [sys.executable, "-m", "tests.journal.mutating", f"--every={every}"]
    single = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=single)
    with capsys.disabled():
        print("\n" + done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    tried = len(MUTANTS[::every])
    assert f"caught {tried} of {tried}" in done.stdout
    note("planted", in_the_journal=f"{tried} of {tried}")
