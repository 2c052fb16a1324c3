"""Runs one wrong version of the step in a process of its own: copy, patch, import, and see whether a test notices."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.mutants import patches, patches_orders, patches_risk
from tests.mutants.mutant import Mutant

MUTANTS = [*patches.MUTANTS, *patches_orders.MUTANTS, *patches_risk.MUTANTS]
ROOT = Path(__file__).resolve().parents[2]
COPIED = ("engine", "risk", "signals", "strategies", "tests/step", "tests/reference")
CAUGHT, SURVIVED, INVALID = "caught", "survived", "invalid"
LIMIT = 120  # seconds for one mutant

# The tests nearest to a file go first, so that most mutants are caught within a second; a name without a file is passed
# over. Then comes the agreement over random markets, which catches most of the rest, and at last all tests by hand.
NEAREST = {
    "closing": ["close"],
    "marking": ["mark"],
    "levels": ["inside", "atr_exits"],
    "looking": ["look", "atr_exits", "trailing"],
    "money": ["opening"],
    "growing": ["opening", "orders"],
    "trade": ["rounds", "survivors"],
    "fused": ["shaping", "trailing"],
    "admitting": ["caps", "survivors"],
    "explicit": ["orders", "rounds", "survivors"],
    "rounds": ["rounds", "survivors"],
    "caps": ["shaping", "caps"],
    "sizing": ["shaping", "sizers"],
    "measures": ["sizers", "atr_exits", "survivors"],
    "orders": ["orders", "survivors"],
    "switches": ["switches", "survivors"],
    "threshold": ["threshold", "trailing"],
    "loop": ["trailing"],
}

# A wrong version that breaks down has computed nothing wrong: what fails then is the patch.
# (Where a test stumbles over a wrong result, that is a catch.)
BROKEN = re.compile(r"^(?!.*/tests/)\S+\.py:\d+: (?:Name|Type|Attribute|UnboundLocal|Value|Index)Error\b", re.MULTILINE)

# Plain Python for a few random markets first: a patch that cannot run at all is a bad patch and no catch.
CHILD = """
import sys
from pathlib import Path
import engine
assert Path(engine.__file__).is_relative_to(Path.cwd()), engine.__file__
from tests.reference.bridge import build
from tests.reference.messy import make_case
for seed in range(4):
    build(*make_case(seed, 3, 30)).run()
import pytest
print("RUNS", flush=True)
hand = [str(p) for p in sorted(Path("tests/step").glob("test_*.py")) if p.name != "test_invariants.py"]
first = [p for p in (f"tests/step/test_{name}.py" for name in sys.argv[1:]) if p in hand]
hand = [p for p in hand if p not in first]
random = ["tests/reference/test_agreement.py", "-k", "equals_the_reference"]
quiet = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
sys.exit(next((code for run in (first, random, hand) if run and (code := int(pytest.main([*quiet, *run])))), 0))
"""


def patched(text: str, mutant: Mutant) -> str:
    """`text` with the patch applied; ValueError unless the right text occurs exactly once."""
    found = text.count(mutant.right)
    if found != 1:
        raise ValueError(f"{mutant.name}: {mutant.file} has the text {found} times, expected once: {mutant.right!r}")
    return text.replace(mutant.right, mutant.wrong)


def copy_of_the_engine(folder: Path) -> None:
    """Copy what the tests need into `folder`, compiled bytecode included, which stays valid for what is not patched."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.nbi", "*.nbc"))
    shutil.copy2(ROOT / "pyproject.toml", folder)


def run_copy(folder: Path, first: list[str]) -> tuple[str, str]:
    """(verdict, what was printed) of the tests over the packages in `folder`, those named `first` first; interpreted, not compiled."""
    quick = {"NUMBA_DISABLE_JIT": "1", "BARCAST_CACHE_DIR": str(folder / "cache"), "BARCAST_CASES": "60"}
    quick["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
    try:
        ran = subprocess.run(
            [sys.executable, "-c", CHILD, *first],
            cwd=folder,
            env=kept | quick,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        return INVALID, f"not done after {LIMIT} s"
    said = ran.stdout + ran.stderr
    if "RUNS" not in ran.stdout or ran.returncode not in (0, 1) or BROKEN.search(said):
        return INVALID, said
    return (SURVIVED if ran.returncode == 0 else CAUGHT), said


def try_mutant(mutant: Mutant | None, folder: Path) -> tuple[str, str]:
    """(verdict, what was printed); None tries the source as it is."""
    copy_of_the_engine(folder)
    if mutant is not None:
        file = folder / mutant.file
        file.write_text(patched(file.read_text(), mutant))
    stem = Path(mutant.file).stem if mutant is not None else "actions"
    verdict = run_copy(folder, NEAREST.get(stem, [stem]))
    shutil.rmtree(folder, ignore_errors=True)
    return verdict
