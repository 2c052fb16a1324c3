"""The fault list is true: every id once, every test there, and the page says the same."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.feeds.faults import COVERED, NOT_APPLICABLE, OPEN, table
from tests.promises import note

ROOT = Path(__file__).resolve().parents[2]


def test_every_fault_from_f01_to_f72_is_covered_not_applicable_or_open_and_only_one_of_these():
    groups = (set(COVERED), set(NOT_APPLICABLE), set(OPEN))
    assert set.union(*groups) == {f"F{k:02d}" for k in range(1, 73)}
    assert sum(map(len, groups)) == 72
    note("faults", covered=len(COVERED), not_applicable=len(NOT_APPLICABLE), open=len(OPEN))


def test_every_test_that_the_list_names_is_there():
    for key, (_, file, name) in COVERED.items():
        tree = ast.parse((ROOT / file).read_text())
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in names, f"{key}: {file} has no {name}"


def test_the_page_has_the_list():
    assert table() in (ROOT / "docs/feeds.md").read_text()
