"""The disk cache of compiled code cannot serve stale code."""

from __future__ import annotations

import shutil
from pathlib import Path

import numba
import pytest

import engine.compiled as compiled
import engine.places as places
from engine.signatures import DECIDE


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


def test_the_names_of_codes_count_as_kernel_source(tmp_path):
    assert "codes.py" in {path.name for path in compiled.kernel_sources()}


def test_a_strategy_cannot_write_to_the_account():
    def steal(t, day, equity, cash, view, has_bar, member, tradable, sector, rank, f, params, state, target, codes):
        view.quantity[0] = 1e6
        return 0

    with pytest.raises(numba.core.errors.TypingError, match="Cannot modify readonly array"):
        numba.njit(DECIDE)(steal)
