"""Run a sweep: batch by batch, in processes by joblib's seam, each batch's results in a file of its own as soon as it is done.

A sweep that was killed goes on where it was: batches whose file is there are not run again. Every cell is a trial of the ledger,
once, whoever ran it and however often. Backends are joblib's: loky, threading, or dask where a client is set up.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import ConfigError
from engine.sweep.grid import Batch, batches
from engine.writing import make, replace

FORMAT = 1
BACKENDS = ("loky", "threading", "dask")
Say = Callable[[str], None]


class Task(NamedTuple):
    """All that a process needs to run a batch, as plain data."""

    config: str
    sets: tuple[str, ...]
    plugins: tuple[str, ...]
    shared: dict[str, Any]
    points: tuple[dict[str, Any], ...]
    numbers: tuple[int, ...]
    file: str
    ledger: str | None
    threads: int | None


class Result(NamedTuple):
    """A cell and its metrics; None where one is undefined."""

    number: int
    point: dict[str, Any]
    metrics: dict[str, float | int | None]
    ended: str
    digest: str


def sweep(
    config: str | Path,
    grid: Mapping[str, Sequence[Any]],
    out: str | Path,
    sets: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    jobs: int = 1,
    backend: str = "loky",
    ledger: str | Path | None = None,
    say: Say = lambda text: None,
    threads: int | None = None,
) -> list[Result]:
    """Every cell's result, in the grid's order. `jobs` processes run batches; one runs them here, on `threads`, else all.

    ConfigError, before anything is run, for a cell whose values make no sense.
    """
    from engine import plugins as registry
    from engine.lane import configure
    from engine.run import load_config

    if backend not in BACKENDS:
        raise ConfigError(f"--backend: expected {', '.join(BACKENDS)}; it was {backend!r}")
    if jobs < 1:
        raise ConfigError(f"--jobs: expected 1 or more, got {jobs}")
    hashes = registry.load_files(plugins)
    base = load_config(config, tuple(sets))
    found = batches(grid, 256 if jobs == 1 else max(1, 64 // jobs))
    for batch in found:
        inner = load_config(config, (*sets, *said(batch.shared)))
        for cell in batch.cells:
            configure(inner, own(cell.point), cell.number)
    place = make(Path(out))
    stamp = (hashes, _stamps(base))
    count = threads if jobs == 1 else 1
    tasks = [_task(batch, config, sets, plugins, place, base.resolved(), stamp, ledger, count) for batch in found]
    todo = [task for task in tasks if read(Path(task.file)) is None]
    say(f"{sum(len(one.points) for one in tasks):,} cells in {len(tasks)} batches, {len(todo)} to run")
    if jobs == 1:
        for task in todo:
            work(task)
            say(f"cells {min(task.numbers) + 1} to {max(task.numbers) + 1} done")
    elif todo:
        _apart(todo, jobs, backend)
    results = [one for task in tasks for one in _read(task)]
    return sorted(results, key=lambda one: one.number)


def own(point: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a point that lanes may vary."""
    from engine.lane import SHARED

    return {key: value for key, value in point.items() if key.split(".")[0] not in SHARED}


def said(point: Mapping[str, Any]) -> list[str]:
    """A point as --set writes it."""
    return [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in point.items()]


def work(task: Task) -> str:
    """Run one batch, note its trials, and write its file last, whole: what is in the file has been counted."""
    from engine import plugins as registry
    from engine import trials
    from engine.lane import run_points
    from engine.run import load_config, prepare

    hashes = registry.load_files(task.plugins)
    config = load_config(task.config, (*task.sets, *said(task.shared)))
    inputs = prepare(config, None, None)
    done = run_points(config, [own(point) for point in task.points], inputs, task.threads)
    if task.ledger is not None:
        trials.note(task.ledger, trials.of_lanes(config, done, inputs, hashes, "sweep"))
    rows = [
        {"number": number, "point": point, "metrics": lane.metrics, "ended": lane.ended, "digest": lane.digest}
        for number, point, lane in zip(task.numbers, task.points, done, strict=True)
    ]
    text = json.dumps({"format": FORMAT, "cells": rows}, default=str)
    replace(Path(task.file), text.encode())
    return task.file


def _apart(todo: Sequence[Task], jobs: int, backend: str) -> None:
    """The batches in processes of their own; with dask, on the workers of the client in charge."""
    import warnings

    from joblib import Parallel, delayed, parallel_config

    with warnings.catch_warnings(), parallel_config(backend=backend):
        # loky replaces a process that has grown by 300 MB, a large panel's worth, and says so; as an error that would end it.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
        Parallel(n_jobs=jobs)(delayed(work)(task) for task in todo)


def _task(
    batch: Batch,
    config: str | Path,
    sets: Sequence[str],
    plugins: Sequence[str | Path],
    place: Path,
    base: Mapping[str, Any],
    stamp: Any,
    ledger: str | Path | None,
    threads: int | None,
) -> Task:
    file = place / f"batch-{batch.key(base, stamp)}.json"
    return Task(
        str(Path(config).resolve()),
        tuple(sets),
        tuple(str(Path(one).resolve()) for one in plugins),
        batch.shared,
        tuple(cell.point for cell in batch.cells),
        tuple(cell.number for cell in batch.cells),
        str(file.resolve()),
        None if ledger is None else str(Path(ledger).resolve()),
        threads,
    )


def _stamps(config: Any) -> list[Any]:
    """Size and time of the file the bars come from: other bars are another sweep."""
    path = config.data.path
    try:
        return [] if path is None else [os.stat(path).st_size, os.stat(path).st_mtime_ns]
    except OSError:
        return []


def read(file: Path) -> list[Result] | None:
    """The results in a batch's file; None where it is not there or not whole."""
    try:
        told = json.loads(file.read_text())
        if told["format"] != FORMAT:
            return None
        return [Result(**row) for row in told["cells"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read(task: Task) -> list[Result]:
    found = read(Path(task.file))
    if found is None:
        raise ConfigError(f"{task.file}: a batch of the sweep is gone; run the sweep again, the rest is kept")
    return found
