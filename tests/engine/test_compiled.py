"""The disk cache of compiled code cannot serve stale code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import engine.compiled as compiled
import engine.places as places
from engine.signatures import DECIDE

CALLEE = "from engine.compiled import njit\n\n\n@njit()\ndef once(x):\n    return x * {}\n"
CALLER = (
    "from engine.callee import once\nfrom engine.compiled import njit\n\n\n@njit()\ndef twice(x):\n    return once(x)\n"
)


def copy_of_the_sources(folder: Path) -> Path:
    for name in compiled.PACKAGES:
        shutil.copytree(places.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_an_edit_of_any_kernel_file_names_another_cache_folder(tmp_path):
    root = copy_of_the_sources(tmp_path)
    before = places.digest(compiled.kernel_sources(root), root)
    edited = root / "engine/step/money.py"
    edited.write_text(edited.read_text().replace("EPSILON = 1e-9", "EPSILON = 2e-9"))
    assert places.digest(compiled.kernel_sources(root), root) != before


def test_files_whose_constants_compiled_code_freezes_count_as_kernel_source():
    assert {"codes.py", "signatures.py", "types.py"} <= {path.name for path in compiled.kernel_sources()}


def test_no_kernel_is_parallel_inside_since_it_would_share_the_cache_of_its_serial_twin():
    for path in compiled.kernel_sources():
        text = path.read_text()
        assert "prange" not in text and "parallel=" not in text, path


def test_an_edited_callee_in_another_file_is_compiled_anew(tmp_path):
    root = copy_of_the_sources(tmp_path / "copy")
    (root / "engine/callee.py").write_text(CALLEE.format(1.0))
    (root / "engine/caller.py").write_text(CALLER)
    environment = {**os.environ, "BARCAST_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", "from engine.caller import twice; print(twice(2.0))"]

    def said() -> str:
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert said() == "2.0"
    (root / "engine/callee.py").write_text(CALLEE.format(10.0))
    assert said() == "20.0"


def test_an_unwritable_cache_folder_leaves_the_run_without_one(tmp_path):
    environment = {**os.environ, "BARCAST_CACHE_DIR": "/proc/no/such/folder", "PYTHONPATH": str(places.ROOT)}
    (tmp_path / "one.py").write_text("from engine.compiled import njit\n\n\n@njit()\ndef more(x):\n    return x + 1\n")
    code = "from engine.compiled import cache_folder; from one import more; print(cache_folder()); print(more(1))"
    environment["PYTHONPATH"] += os.pathsep + str(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    folder, answer = done.stdout.split()
    assert answer == "2" and Path(folder).name.startswith("barcast-") and done.stderr == ""
    shutil.rmtree(folder, ignore_errors=True)


def test_a_strategy_cannot_write_to_the_account():
    def steal(t, day, equity, cash, view, has_bar, member, tradable, sector, rank, f, params, state, target, codes):
        view.quantity[0] = 1e6
        return 0

    with pytest.raises(numba.core.errors.TypingError, match="Cannot modify readonly array"):
        numba.njit(DECIDE)(steal)
