"""Runs wrong journals against the journal's tests: python -m tests.journal.mutating [--every=N] [PART OF A NAME] says which survive.

One process loads what all need and forks for each mutant; the fork finds the patched module in place of the file. Nothing here
may import the journal before that.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import re
import signal
import sys
import tempfile
import traceback
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy  # noqa: F401 - loaded once for all
import pytest

from tests.journal.patches import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.runner import CAUGHT, INVALID, ROOT, SURVIVED, patched

FILES = ("rows", "latch", "damage", "faults", "migrating", "writers", "crash")
LEFT_OUT = "not real_kills and not misses_no_system_call"
LIMIT = 60  # seconds for one mutant
BROKEN = re.compile(r"^\S*engine/\S+\.py:\d+: (?:Name|Syntax|UnboundLocal|Attribute)Error", re.MULTILINE)  # no catch


class Patched(SourceFileLoader):
    """A module from changed text, never from a compiled file."""

    text = ""

    def get_code(self, fullname):
        return compile(self.text, self.path, "exec", dont_inherit=True)


class Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant):
        self.path = ROOT / mutant.file
        self.name = mutant.file.removesuffix(".py").replace("/", ".")
        self.text = patched(self.path.read_text(), mutant)

    def find_spec(self, fullname, path, target=None):
        if fullname != self.name:
            return None
        loader = Patched(fullname, str(self.path))
        loader.text = self.text
        return importlib.util.spec_from_file_location(fullname, self.path, loader=loader)


def judged(mutant: Mutant | None, said: Path) -> str:
    """The verdict of the tests in a fork; what they print goes into `said`."""
    child = os.fork()
    if not child:
        signal.alarm(LIMIT)
        code = 3
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        try:
            if mutant:
                sys.meta_path.insert(0, Finder(mutant))
            with said.open("w") as out, redirect_stdout(out), redirect_stderr(out):
                files = [str(ROOT / f"tests/journal/test_{name}.py") for name in FILES]
                code = pytest.main(["-x", "-q", "--no-header", "-k", LEFT_OUT, "--assert=plain", *files])
        except BaseException:
            said.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return CAUGHT  # it hangs
    code = os.WEXITSTATUS(status)
    text = said.read_text()
    if code not in (0, 1) or (mutant and BROKEN.search(text)):
        return INVALID
    return CAUGHT if code else SURVIVED


def main(part: str, every: int) -> int:
    chosen = [mutant for mutant in MUTANTS if part in mutant.name][::every]
    loaded = [name for name in sys.modules if name.startswith("engine.journal")]
    assert not loaded, f"{loaded} must not be loaded before the forks"
    counts = {CAUGHT: 0}
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        verdict = judged(None, said)
        if verdict != SURVIVED:
            print(f"the journal as it is: {verdict}\n{said.read_text()[-3000:]}")
            return 1
        for mutant in chosen:
            verdict = judged(mutant, said)
            counts[verdict] = counts.get(verdict, 0) + 1
            if verdict != CAUGHT:
                print(f"{mutant.name}: {verdict}", said.read_text()[-1500:] if verdict == INVALID else "", flush=True)
    print(f"journal: planted bugs caught {counts[CAUGHT]} of {len(chosen)}")
    return 0 if counts[CAUGHT] == len(chosen) else 1


if __name__ == "__main__":
    given = sys.argv[1:]
    every = int(given.pop(0).removeprefix("--every=")) if given and given[0].startswith("--every=") else 1
    sys.exit(main(given[0] if given else "", every))
