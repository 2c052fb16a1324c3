"""barcast sweep: a strategy under every combination of a grid, resumable, counted, and read for plateaus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import AsJson, Plugins, Quiet, Sets

if TYPE_CHECKING:
    from engine.sweep.plateau import Verdict


def sweep(
    config: Annotated[str, typer.Argument(help="a strategy file")],
    grid: Annotated[
        list[str] | None, typer.Option("--grid", metavar="KEY=A,B,C", help="values of one key; may be repeated")
    ] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="a YAML file of keys with lists of values")] = None,
    out: Annotated[str, typer.Option(metavar="FOLDER", help="where sweeps go")] = "runs",
    metric: Annotated[str, typer.Option(help="what the maps show")] = "sharpe",
    jobs: Annotated[int, typer.Option(min=1, help="processes; 1: threads of this one")] = 1,
    backend: Annotated[str, typer.Option(help="loky, threading or dask")] = "loky",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="of a dask cluster, with --backend dask")
    ] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    ledger: Annotated[bool, typer.Option("--ledger/--no-ledger", help="count its cells among the trials")] = True,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a strategy under every combination of a grid; a sweep that was stopped goes on."""
    import json
    from pathlib import Path

    from engine.cli.show import talking
    from engine.errors import ConfigError
    from engine.metrics import DEFINITIONS
    from engine.run import load_config
    from engine.sweep import page
    from engine.sweep.grid import parsed
    from engine.sweep.plateau import verdict
    from engine.sweep.running import sweep as run
    from engine.trials import LEDGER

    if metric not in DEFINITIONS:
        raise ConfigError(f"--metric: there is no {metric!r}; expected one of {', '.join(sorted(DEFINITIONS))}")
    cells = parsed(grid or [], file)
    name = load_config(config, tuple(sets or ())).name
    place = Path(out) / f"{name}-sweep"
    noted = Path(out) / LEDGER if ledger else None
    with talking(quiet or as_json) as say, cluster(backend, scheduler):
        results = run(config, cells, place, sets or (), plugin or (), jobs, backend, noted, say)
    told = verdict(results, cells, metric)
    table(results, place / "sweep.parquet")
    html = page.write(place / "sweep.html", name, results, cells, told)
    if as_json:
        typer.echo(json.dumps(document(results, told)))
        return
    typer.echo(f"{len(results):,} cells of {', '.join(cells)}\n{spoken(told)}\n{html}")


def cluster(backend: str, scheduler: str | None) -> Any:
    """The dask client in charge while the sweep runs; nothing for other backends. ConfigError without dask or an address."""
    from contextlib import nullcontext

    from engine.errors import ConfigError

    if backend != "dask":
        if scheduler is not None:
            raise ConfigError(f"--scheduler: only --backend dask has one; it was {backend}")
        return nullcontext()
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError("--backend dask: distributed is not installed; pip install 'barcast[cluster]'") from error
    if scheduler is None:
        raise ConfigError("--backend dask: expected --scheduler ADDRESS, such as tcp://127.0.0.1:8786")
    try:
        return Client(scheduler, timeout="10s")  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ConfigError(f"--scheduler {scheduler}: nobody answers ({error}); is the scheduler running?") from error


def spoken(told: Verdict) -> str:
    """Peak and plateau in two lines."""
    from engine.sweep.page import shown
    from engine.sweep.plateau import figure

    lines = []
    for word, one, level in (("peak", told.peak, told.peak_around), ("plateau", told.plateau, told.plateau_around)):
        if one is not None:
            where = ", ".join(f"{key} {value}" for key, value in one.point.items())
            lines.append(
                f"{word:8} {told.metric} {shown(figure(one, told.metric))}, with its neighbours {shown(level)}: {where}"
            )
    return "\n".join(lines) or f"no cell has a {told.metric}"


def document(results: Any, told: Verdict) -> dict[str, Any]:
    """JSON's view of a sweep."""
    best = {"peak": (told.peak, told.peak_around), "plateau": (told.plateau, told.plateau_around)}
    return {
        "schema_version": 1,
        "metric": told.metric,
        **{word: None if one is None else {"point": one.point, "around": level} for word, (one, level) in best.items()},
        "cells": [{"point": one.point, "metrics": one.metrics, "ended": one.ended} for one in results],
    }


def table(results: Any, path: Any) -> None:
    """Every cell as a row: its keys, then its metrics."""
    import pandas as pd

    rows = [
        {**{key: str(value) for key, value in one.point.items()}, **one.metrics, "ended": one.ended} for one in results
    ]
    pd.DataFrame(rows).to_parquet(path, index=False)
