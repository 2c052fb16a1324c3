"""Lanes: one configuration run under many overrides over the same bars and forecasts, as many at once as there are cores.

A lane is the fused run itself, which holds no lock while it computes, so lanes on several threads give the same bits as
one after the other; each is summed up in its equity, its metrics and a digest of all its fills and codes.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.compiled import njit
from engine.errors import ConfigError
from engine.shapes import ENDED
from engine.types import Fills, Floats
from engine.writing import instead, make

if TYPE_CHECKING:
    import pandas as pd

    from engine.config import Config
    from engine.loop import Engine
    from engine.panel import Panel
    from engine.run import Inputs

PRIME, OFFSET = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)  # FNV-1a, 64 bits
SHARED = ("data", "signals", "universe", "benchmark")  # what all lanes have in common, since it decides what is read
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane's outcome. `digest` is the same for the same fills and codes, whichever road ran them."""

    overrides: dict[str, Any]
    equity: Floats  # (S,) marked at each close
    metrics: dict[str, float | int | None]
    fills: int
    ended: str  # "complete" | "ruin"
    digest: str  # 16 hex digits


def lanes(
    config: str | Path | Mapping[str, Any] | Config,
    panel: Panel | None = None,
    grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]] = (),
    *,
    forecasts: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Lane]:
    """The outcome of `config` under each point of `grid`, in its order.

    `grid` maps dotted keys to values, of which every combination is run (the last key varies fastest), or is a list of
    mappings, one per lane. Data and forecasts are read once, so no lane may change them. `threads` defaults to the number
    of cores. ConfigError names the lane whose values make no sense, before any is run.
    """
    from engine import run

    points = combinations(grid)
    base = run.load_config(config)
    for k, point in enumerate(points):
        configure(base, point, k)
    return run_points(base, points, run.prepare(base, panel, forecasts), threads, progress)


def run_points(
    base: Config,
    points: Sequence[dict[str, Any]],
    inputs: Inputs,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Lane]:
    """The same, of inputs that have been read: `base` under each of `points`."""
    from engine import run
    from engine.assembly import needs

    configs = [configure(base, point, k) for k, point in enumerate(points)]
    bars, signals, arrays = inputs
    first = run.engine_of(base, bars, signals, arrays)

    def one(k: int) -> Lane:
        execution = configs[k].execution
        same = needs(configs[k]) == needs(base)
        stepped = run.stepped(bars, execution, {key.removeprefix("execution.") for key in points[k]})
        lane = run.engine_of(configs[k], stepped, signals, arrays, None, first.market if same else None)
        return outcome(points[k], configs[k], lane, stepped)

    out: list[Lane] = []
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for lane in pool.map(one, range(len(points))):
            out.append(lane)
            if progress is not None:
                progress(len(out), len(points))
    return out


def combinations(grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One mapping of dotted keys to values per lane; ConfigError where there is none, or a key has no list of values."""
    if isinstance(grid, Mapping):
        for key, values in grid.items():
            if isinstance(values, str | bytes) or not isinstance(values, Sequence | np.ndarray) or len(values) == 0:
                raise ConfigError(f"lanes: {key}: expected a list of values such as [1%, 2%], got {values!r}")
        points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    else:
        points = [dict(point) for point in grid]
    if not points or (isinstance(grid, Mapping) and not grid):
        raise ConfigError("lanes: there is none; give keys with lists of values, or a list of mappings")
    return points


def configure(base: Config, point: Mapping[str, Any], k: int) -> Config:
    """The configuration of lane `k`; ConfigError if it changes what lanes share or says something wrong."""
    from engine.config import load

    for key in point:
        if key.split(".")[0] in SHARED:
            raise ConfigError(f"lanes: {key} cannot vary: lanes share {', '.join(SHARED)}. Run it as a file of its own")
    try:
        return load(base, [f"{key}={_said(value)}" for key, value in point.items()])
    except ConfigError as error:
        raise ConfigError(f"lanes: lane {k + 1}: {error}") from None


def _said(value: Any) -> str:
    """A value as YAML's flow style writes it."""
    import json

    from engine.manifest import plain

    return value if isinstance(value, str) else json.dumps(plain(value))


def outcome(point: dict[str, Any], config: Config, engine: Engine, panel: Panel) -> Lane:
    """Run one lane and sum it up."""
    from engine.metrics import compute
    from engine.run import record_of
    from engine.trades import round_trips

    engine.run()
    record = record_of(engine, panel, {}, config.capital, 0.0)
    metrics, _ = compute(record, round_trips(record))
    ended = "ruin" if engine.book.account.money[ENDED] != 0.0 else "complete"
    return Lane(point, record.equity.copy(), metrics, len(record.fills), ended, digest_of(record.fills, record.codes))


def digest_of(fills: Fills, codes: np.ndarray) -> str:
    """16 hex digits over every bit of every fill and code: FNV-1a, word by word."""
    columns = (fills.t, fills.instrument, fills.quantity, fills.price, fills.reference, fills.fee, fills.reason)
    value = np.full(1, OFFSET)
    for column in columns:
        absorb(np.ascontiguousarray(column).view(np.uint64), value)
    flat = np.ascontiguousarray(codes).reshape(-1)
    absorb(flat.astype(np.uint64) if len(flat) % 2 else flat.view(np.uint64), value)
    return f"{int(value[0]):016x}"


@njit()
def absorb(words: np.ndarray, value: np.ndarray) -> None:
    """Fold (n,) uint64 words into value[0]."""
    total = value[0]
    for k in range(words.shape[0]):
        total = (total ^ words[k]) * PRIME
        total ^= total >> np.uint64(29)  # a plain FNV never carries a high bit downwards
    value[0] = total


def read_grid(path: str | Path) -> dict[str, Any]:
    """The grid of a YAML file: dotted keys with lists of values, read by the rules of strategy files; ConfigError else."""
    from engine.config.loader import parse
    from engine.config.loading import read_bytes

    grid: dict[str, Any] = parse(read_bytes(Path(path)), str(path)).data
    return grid


def save(lanes: Sequence[Lane], config: Config, out: str | Path) -> Path:
    """out/<name>-lanes-<8 hex>.csv with the table of lanes, in place of an equal one; OutputError if it cannot be written."""
    told = "".join(f"{lane.overrides}{lane.digest}" for lane in lanes).encode()
    place = Path(out) / f"{config.name}-lanes-{hashlib.sha256(told).hexdigest()[:8]}.csv"
    make(place.parent)
    with instead(place) as draft:
        frame_of(lanes).to_csv(draft, index=False)
    return place


def frame_of(lanes: Sequence[Lane]) -> pd.DataFrame:
    """One row per lane: its overrides, then its headline metrics, fills, how it ended and its digest."""
    import pandas as pd

    names = ("total_return", "cagr", "sharpe", "max_drawdown", "trades", "turnover")
    rows = [
        {**lane.overrides, **{name: lane.metrics.get(name) for name in names}}
        | {"fills": lane.fills, "ended": lane.ended, "digest": lane.digest}
        for lane in lanes
    ]
    return pd.DataFrame(rows)
