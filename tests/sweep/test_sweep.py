"""Sweeps: the same cells whoever runs them, resumed after a kill, counted once, and read for plateaus."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine import trials
from engine.cli import app
from engine.errors import ConfigError
from engine.lane import lanes
from engine.sweep.grid import batches, parsed
from engine.sweep.plateau import around, heatmap, verdict
from engine.sweep.running import Result, sweep

ROOT = Path(__file__).resolve().parents[2]
CONFIG = str(ROOT / "configs/demo/us20-quintile.yaml")
SETS = ("data.start=2015-01-01",)
GRID = {"signals.rank.lookback": [60, 120], "strategy.quantile": ["20%", "40%"], "exits.stop_loss": [0.1, 0.2]}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    place = tmp_path_factory.mktemp("alone")
    return place, sweep(CONFIG, GRID, place / "s", SETS, ledger=place / "trials.sqlite")


def test_cells_that_read_the_same_are_lanes_of_one_batch():
    made = batches(GRID)
    assert [len(one.cells) for one in made] == [4, 4]
    assert made[0].shared == {"signals.rank.lookback": 60}
    assert [cell.number for one in made for cell in one.cells] == list(range(8))
    assert [len(one.cells) for one in batches(GRID, 3)] == [3, 1, 3, 1]


def test_a_cell_is_the_lane_it_would_be_by_itself(alone):
    _, results = alone
    lane = lanes(_config(60), grid=[{"strategy.quantile": "40%", "exits.stop_loss": 0.1}])[0]
    assert results[2].point == {"signals.rank.lookback": 60, "strategy.quantile": "40%", "exits.stop_loss": 0.1}
    assert results[2].digest == lane.digest and results[2].metrics == lane.metrics


def _config(lookback):
    from engine.run import load_config

    return load_config(CONFIG, (*SETS, f"signals.rank.lookback={lookback}"))


def test_processes_give_the_same_as_threads_and_every_cell_is_counted_once(alone, tmp_path):
    place, results = alone
    ledger = place / "trials.sqlite"
    assert trials.count(ledger) == 8
    apart = sweep(CONFIG, GRID, tmp_path / "s", SETS, jobs=2, ledger=ledger)
    assert apart == results
    assert trials.count(ledger) == 8


def test_a_process_that_joblib_replaces_is_no_error(tmp_path, monkeypatch):
    """It warns of one that has grown by 300 MB; where that were an error, as here, the sweep would wait for ever."""

    class Replacing:
        def __init__(self, n_jobs):
            assert n_jobs == 2

        def __call__(self, calls):
            warnings.warn("A worker stopped while some jobs were given to the executor. This can be ...", UserWarning)  # noqa: B028
            return [call(*words, **more) for call, words, more in calls]

    monkeypatch.setattr("joblib.Parallel", Replacing)
    assert len(sweep(CONFIG, GRID, tmp_path / "s", SETS, jobs=2)) == math.prod(map(len, GRID.values()))


def test_a_sweep_that_was_killed_goes_on_and_ends_the_same(alone, tmp_path):
    """The first batch's file stands; the process dies; what is left is run, and nothing twice."""
    _, results = alone
    code = (
        "import os, signal\nfrom engine.sweep import running\n"
        "whole = running.work\n"
        "def once(task):\n    whole(task)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "running.work = once\n"
        f"running.sweep({CONFIG!r}, {GRID!r}, {str(tmp_path)!r}, {SETS!r})\n"
    )
    dead = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert dead.returncode == -signal.SIGKILL
    kept = list(tmp_path.glob("batch-*.json"))
    assert len(kept) == 1
    before = kept[0].stat().st_mtime_ns
    said = []
    assert sweep(CONFIG, GRID, tmp_path, SETS, say=said.append) == results
    assert said[0] == "8 cells in 2 batches, 1 to run"
    assert kept[0].stat().st_mtime_ns == before


def test_a_torn_batch_is_run_again(alone, tmp_path):
    _, results = alone
    sweep(CONFIG, GRID, tmp_path, SETS)
    file = sorted(tmp_path.glob("batch-*.json"))[0]
    file.write_text(file.read_text()[:-20])
    assert sweep(CONFIG, GRID, tmp_path, SETS) == results


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["exits.stop_loss"], "expected KEY=VALUE"),
        (["exits.stop_loss=1%,,2%"], "expected KEY=VALUE"),
        (["exits.stop_loss=1%,1%"], "stands twice"),
        ([], "there is none"),
    ],
)
def test_a_wrong_grid_is_refused_in_one_line(options, said):
    with pytest.raises(ConfigError, match=said):
        parsed(options)


def test_a_cell_that_makes_no_sense_is_told_before_anything_runs(tmp_path):
    with pytest.raises(ConfigError, match=r"lane 2.*stop_loss"):
        sweep(CONFIG, {"exits.stop_loss": [0.1, 2]}, tmp_path / "s", SETS)
    assert not (tmp_path / "s").exists()


def made(values, keys):
    from itertools import product

    points = [dict(zip(keys, point, strict=True)) for point in product(*keys.values())]
    return [
        Result(n, point, {"sharpe": value}, "complete", "")
        for n, (point, value) in enumerate(zip(points, values, strict=True))
    ]


def test_a_lonely_peak_is_no_plateau():
    keys = {"a": [1, 2, 3, 4, 5], "b": ["x"]}
    results = made([0.1, 3.0, 0.1, 1.0, 1.1], keys)
    told = verdict(results, keys)
    assert told.peak.point["a"] == 2 and told.peak_around == 0.1  # median of 0.1, 3.0, 0.1
    assert told.plateau.point["a"] == 4 and told.plateau_around == 1.0
    assert around(results, keys, "sharpe")[3] == 1.0  # of 0.1, 1.0, 1.1


def test_words_have_no_neighbours_and_an_undefined_cell_no_plateau():
    keys = {"a": ["long", "short"], "b": [1, 2]}
    results = made([1.0, 2.0, None, 4.0], keys)
    assert around(results, keys, "sharpe") == [1.0, 1.0, None, 4.0]


def test_a_map_of_two_keys_takes_the_median_over_the_others():
    keys = {"a": [1, 2], "b": [1, 2], "c": [1, 2, 3]}
    results = made([1, 2, 9, 4, None, 6, 7, 7, 7, None, None, None], keys)
    assert heatmap(results, keys, "a", "b", "sharpe") == [[2, 5], [7, None]]


def test_the_command_leaves_a_page_a_table_and_a_verdict(tmp_path):
    words = [
        "sweep",
        CONFIG,
        "--set",
        SETS[0],
        "--grid",
        "strategy.quantile=20%,40%",
        "--grid",
        "exits.stop_loss=10%,20%",
    ]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path), "--json", "--quiet"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert len(told["cells"]) == 4 and set(told["peak"]["point"]) == {"strategy.quantile", "exits.stop_loss"}
    page = (tmp_path / "us20-quintile-sweep/sweep.html").read_text()
    assert "strategy.quantile by exits.stop_loss" in page and "<script" not in page
    assert trials.count(tmp_path / "trials.sqlite") == 4


def test_a_dask_cluster_that_loses_a_worker_ends_the_same(alone, tmp_path):
    distributed = pytest.importorskip("distributed")
    _, results = alone
    start = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
    ]
    file = tmp_path / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": ROOT}
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard", "--no-nanny"]  # fmt: skip
    running = [subprocess.Popen([*start, "--scheduler-file", str(file)], **quiet)]
    try:
        for _ in range(300):
            if file.exists():
                break
            time.sleep(0.1)
        running += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        with distributed.Client(scheduler_file=str(file), timeout="30s") as client:
            client.wait_for_workers(2, timeout=60)
            import threading

            threading.Timer(1.0, running[1].kill).start()
            apart = sweep(CONFIG, GRID, tmp_path / "s", SETS, jobs=2, backend="dask")
        assert running[1].wait(30) == -signal.SIGKILL
        assert apart == results
    finally:
        for one in running:
            one.kill()
            one.wait()
