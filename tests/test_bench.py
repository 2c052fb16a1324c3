"""The bench's own plumbing: every case of ours makes its table, and a peer without an environment is said to have none.

No figure is asserted: what a machine does in a second is its own affair.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.compiled import cache_folder

ROOT = Path(__file__).resolve().parent.parent
PEERS = {path.stem for path in (ROOT / "scripts/peers").glob("*.txt")}


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """scripts/bench.py with a cache folder that has no environments, and our compiled code where it always is."""
    where = {"XDG_CACHE_HOME": str(folder), "BARCAST_CACHE_DIR": str(cache_folder().parent)}
    command = [sys.executable, str(ROOT / "scripts/bench.py"), *arguments]
    return subprocess.run(command, env=os.environ | where, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    arguments = ("--quick", "--runs", "1", "--cases", "quintile,bars,curve,read", "--peers", "quantstats")
    done = bench(tmp_path_factory.mktemp("cache"), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tables(text: str) -> list[list[list[str]]]:
    """Tables as rows of cells, the rule under the head left out."""
    found = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    rows = [[line.strip("| ").split(" | ") for line in table.splitlines()] for table in found]
    return [[row for row in table if not set(row[0]) <= {"-", "|"}] for table in rows]


def test_every_case_makes_a_table_with_figures_of_ours(printed):
    made = tables(printed)
    assert len(made) == 4
    for table in made[:3]:
        assert table[0][:4] == ["contender", "version", "seconds", "first run"]
        assert table[1][0] == "barcast" and re.fullmatch(r"[\d.e+]+ (s|ms|us) \(one run\)", table[1][2])
    assert re.fullmatch(r"[\d.]+%", made[3][1][-1])


def test_the_journal_is_measured_without_leaving_anything(tmp_path):
    before = sorted(ROOT.iterdir())
    done = bench(tmp_path, "--quick", "--cases", "journal", "--peers", "none")
    assert done.returncode == 0, done.stderr
    one, many = tables(done.stdout)
    assert [row[0] for row in one[1:]] == ["a command", "500 names", "1,695 names"] and len(many) == 3
    assert all(re.fullmatch(r"[\d,.]+", row[-1]) for row in (*one[1:], *many[1:]))
    assert sorted(ROOT.iterdir()) == before


def test_a_paper_session_is_measured_without_leaving_anything(tmp_path):
    before = sorted(ROOT.iterdir())
    done = bench(tmp_path, "--quick", "--cases", "paper", "--peers", "none")
    assert done.returncode == 0, done.stderr
    (table,) = tables(done.stdout)
    assert [row[:2] for row in table[1:]] == [["momentum", "1"], ["momentum", "500"]]
    assert all(re.fullmatch(r"[\d,.]+", row[3]) for row in table[1:])
    assert sorted(ROOT.iterdir()) == before


def test_a_sweep_is_measured_on_one_thread_and_two_with_the_same_cells(tmp_path):
    done = bench(tmp_path, "--quick", "--runs", "1", "--cases", "sweep,bootstrap", "--peers", "none")
    assert done.returncode == 0, done.stderr
    swept, drawn = tables(done.stdout)
    assert [row[0] for row in swept[1:]] == ["barcast, 1 thread", "barcast, 2 threads"]
    assert swept[1][-3] == "8" and swept[1][-3:] == swept[2][-3:]
    assert [row[0] for row in drawn[1:]] == ["ours", "arch", "numpy"]
    assert drawn[1][-4:] == drawn[2][-4:]  # the same draws, so the same paths
    ours, plain = (float(row[-3]) for row in drawn[2:])
    assert abs(ours / plain - 1.0) < 0.05


def test_threads_processes_and_a_cluster_sweep_to_the_same_sum(tmp_path):
    pytest.importorskip("distributed")
    done = bench(tmp_path, "--quick", "--runs", "1", "--cases", "scaling")
    assert done.returncode == 0, done.stderr
    (table,) = tables(done.stdout)
    assert len(table) == 5 and table[1][4] == "1.00"
    assert {tuple(row[-2:]) for row in table[1:]} == {tuple(table[1][-2:])} and table[1][-2] == "16"


def test_training_and_features_are_measured(tmp_path):
    pytest.importorskip("torch", reason="training needs torch")
    done = bench(tmp_path, "--quick", "--runs", "1", "--cases", "training,features", "--peers", "none")
    assert done.returncode == 0, done.stderr
    fits, sets = tables(done.stdout)
    assert [row[:3] for row in fits[1:]] == [["A", "32,501", "60 x 1"]] and fits[1][-1].endswith(" GB")
    assert [row[0] for row in sets[1:]] == ["core14", "core_close", "d27", "d_plus", "wide95"] and sets[-1][1] == "95"


def test_a_peer_without_an_environment_is_said_to_have_none(printed):
    row = next(row for table in tables(printed) for row in table if row[0] == "quantstats")
    assert "no environment yet" in " ".join(row)


def test_the_machine_and_the_versions_are_named(printed):
    assert re.match(r"\d+ cores, .+, Python \d+\.\d+\.\d+", printed)


def test_a_peer_that_there_is_not_is_refused(tmp_path):
    done = bench(tmp_path, "--quick", "--peers", "nobody")
    assert done.returncode == 2 and "nobody" in done.stderr and "vectorbt" in done.stderr


def test_the_weights_handed_to_peers_are_the_best_fifth_that_is_positive(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from bench_cases.inputs import INVESTED, weights_of

    forecasts = np.array([[5.0, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0, -2.0, -3.0, -4.0], [-1.0] * 9 + [0.5]])
    weights = weights_of(forecasts)
    assert np.flatnonzero(weights[0]).tolist() == [0, 1]
    assert weights[0, 0] == INVESTED / 2
    assert np.flatnonzero(weights[1]).tolist() == [9]


@pytest.mark.parametrize("peer", sorted(PEERS))
def test_what_a_peer_needs_is_pinned_exactly(peer):
    head, *lines = (ROOT / "scripts/peers" / f"{peer}.txt").read_text().splitlines()
    assert re.search(r"Python \d+\.\d+ or newer", head)
    assert lines and all(re.fullmatch(r"[\w.\-]+==[\w.]+", line) for line in lines)
    assert any(line.startswith(f"{peer}==") for line in lines)


def test_no_peer_is_a_dependency_of_the_project():
    dependencies = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[0]
    assert not [peer for peer in PEERS if peer in dependencies]
