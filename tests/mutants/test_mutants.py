"""Every known way of getting the step wrong is noticed by a test. BARCAST_MUTANTS takes part of a name to try only those."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.mutants.mutant import Mutant
from tests.mutants.runner import CAUGHT, INVALID, MUTANTS, ROOT, SURVIVED, patched, try_mutant
from tests.promises import note

WANTED = os.environ.get("BARCAST_MUTANTS", "")


def test_every_patch_fits_the_source_exactly_once_and_changes_it():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    for mutant in MUTANTS:
        text = (ROOT / mutant.file).read_text()
        changed = patched(text, mutant)
        assert changed != text
        compile(changed, mutant.file, "exec")


def test_a_patch_that_fits_nowhere_is_refused():
    with pytest.raises(ValueError, match="0 times"):
        patched("a = 1\n", Mutant("nothing", "x.py", "b = 2", "b = 3"))


def test_a_patch_that_breaks_down_is_no_catch(tmp_path):
    broken = Mutant("broken", "engine/step/marking.py", "fee = fee_of(held, price,", "fee = nothing(held, price,")
    verdict, said = try_mutant(broken, tmp_path / "copy")
    assert verdict == INVALID and "RUNS" in said and "NameError" in said


def test_the_step_as_it_is_survives(tmp_path):
    verdict, said = try_mutant(None, tmp_path / "copy")
    assert verdict == SURVIVED, said[-2000:]


def test_every_mutant_is_caught(tmp_path, capsys):
    chosen = [mutant for mutant in MUTANTS if WANTED in mutant.name]
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda k: try_mutant(chosen[k], tmp_path / str(k)), range(len(chosen))))
    counts = Counter(verdict for verdict, _ in verdicts)
    with capsys.disabled():
        print(f"\nmutants: caught {counts[CAUGHT]} of {len(chosen)}")
    wrong = {m.name: (v, said[-600:]) for m, (v, said) in zip(chosen, verdicts, strict=True) if v != CAUGHT}
    note("planted", in_the_step=f"{counts[CAUGHT]} of {len(chosen)}")
    assert not wrong, "\n".join(f"{name}: {verdict}\n{said}" for name, (verdict, said) in wrong.items())
