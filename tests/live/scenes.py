"""Scenes of the same tape in backtest, paper and after kills: python -m tests.live.scenes FOLDER KILLS prints the short ones.

A process of its own, because it forks: nothing here may have started a thread.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine import Panel
from engine.feeds.schedule import MINUTE_NS, Schedule
from engine.live.feed import Arrival, Arrived, Resume
from engine.live.replay import Replay
from engine.run import load_config, load_panel
from tests.feeds.recorded import RecordedFeed
from tests.live.killing import HEAD, Line, Scene, busiest, every_command, lines, model, plugin

QUINTILE = {"rule": "quintile", "signal": "up", "quantile": "20%", "side": "long", "rebalance": "weekly"}
QUICK = {"rule": "threshold", "signal": "up", "confidence": 0.001, "exit_confidence": -0.001, "size": "30%"}


def file_of(name: str, data: dict[str, Any], signal: Path, strategy: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A strategy file over the plugin's signal, with stops and costs."""
    return {
        "name": name,
        "data": data,
        "signals": {"up": {"plugin": "kept", "model": str(signal)}},
        "strategy": strategy,
        "exits": {"stop_loss": "8%", "trailing_stop": "12%"},
        "execution": {"commission": "5 bps", "slippage": "5 bps"},
        "feed": {"source": "replay"},
    } | more


def told_apart(
    market: str, file: dict[str, Any], panel: Panel, window: int, schedule: Schedule | None, folder: Path,
    crashes: Sequence[int], say: Callable[[str], None],
) -> list[Line]:  # fmt: skip
    """One market's lines: without commands, with every command, and where `schedule` is said, as a live source with its gaps."""
    kept = [plugin(folder)]
    plain = Scene(market, file, lambda: Replay(panel, warm_up=window - 1), panel, plugins=kept)
    out = lines(plain, folder, crashes, say)
    names = busiest(folder / f"{market}-0")
    newer = model(folder, f"{file['name']}-newer", window, -0.7)
    script = every_command(panel, window, "up", newer, names)
    out += lines(replace(plain, market=f"{market} + commands", script=script, alone=False), folder, crashes, say)
    if schedule is not None:
        live = replace(
            plain, market=f"{market} live", alone=False, feed=lambda: RecordedFeed(panel, schedule, window - 1)
        )
        out += lines(live, folder, crashes, say)
        span = int((panel.times[-1] - panel.times[0]) // schedule.step)
        late = every_command(grid(panel, schedule, span), window, "up", newer, names)
        out += lines(replace(live, market=f"{live.market} + commands", script=late), folder, crashes, say)
    return out


def grid(panel: Panel, schedule: Schedule, slices: int) -> Any:
    """The times of the slices that a live source makes of a panel's bars; only these are asked for."""

    class Times:
        times = panel.times[0] + schedule.step * np.arange(slices + 1)

        def __len__(self) -> int:
            return len(self.times)

    return Times()


def minutes(seed: int, rows: int = 600) -> Panel:
    """Two names of minute bars that trade not every minute, with two outages of the source."""
    draw = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0.0, 0.002, (rows, 2)), axis=0))
    opened = close * np.exp(draw.normal(0.0, 0.0005, (rows, 2)))
    high, low = np.maximum(opened, close) * 1.0005, np.minimum(opened, close) * 0.9995
    grids = np.stack((opened, high, low, close, draw.integers(1, 900, (rows, 2)).astype(float)))
    grids[:, draw.random((rows, 2)) < (0.02, 0.15)] = np.nan
    there = np.isfinite(grids[3]).any(axis=1)
    there[200:225] = there[400:440] = False
    times = np.datetime64("2024-01-01", "ns").astype(np.int64) + MINUTE_NS * np.arange(1, rows + 1)
    return Panel.from_arrays(("AAA", "BBB"), times[there], *(g[there] for g in grids), calendar="24/7")


def short(folder: Path, crashes: Sequence[int], say: Callable[[str], None] = print) -> list[Line]:
    """The scenes of the suite: packaged stocks by the day, made minutes with outages."""
    data = {"source": "packaged", "name": "us20", "start": "2021-01-01", "end": "2021-12-31"}
    daily = file_of("us20", data, model(folder, "us20-model", 20, 1.0), QUINTILE)
    panel = load_panel(load_config_with(daily, folder), None, lambda text: None)
    out = told_apart("us20 daily", daily, panel, 20, None, folder, crashes, say)
    data = {"source": "parquet", "path": "unused", "prices": "as_traded", "dividends": "none", "calendar": "24/7"}
    made = file_of("minutes", data, model(folder, "minutes-model", 15, 1.0), QUICK)
    made["execution"] |= {"lot": 0}
    bars = load_panel(load_config_with(made, folder), minutes(5), lambda text: None)
    return out + told_apart("made minutes", made, bars, 15, Schedule(MINUTE_NS, None), folder, crashes, say)


def load_config_with(file: dict[str, Any], folder: Path) -> Any:
    """The configuration, its plugin loaded."""
    from engine import plugins

    plugins.load_files([plugin(folder)])
    return load_config(file)


def without_syncs() -> None:
    """A kill loses what was not written, never what was not synced."""
    os.fdatasync = lambda handle: None  # type: ignore[assignment]
    os.fsync = lambda handle: None  # type: ignore[assignment]


class Shifted(Replay):
    """Wrong: after a restart it gives other bars than the first process would have got."""

    def arrivals(self, resume: Resume) -> Iterator[Arrival | None]:
        for arrival in super().arrivals(resume):
            if resume.slices and isinstance(arrival, Arrived):
                arrival = dataclasses.replace(arrival, bars=arrival.bars * 1.001)
            yield arrival


def wrong_is_found_out(folder: Path) -> bool:
    """Whether a feed that is another after a restart fails the comparison."""
    data = {"source": "packaged", "name": "us20", "start": "2020-06-01", "end": "2020-12-31"}
    file = file_of("wrong", data, model(folder, "wrong-model", 20, 1.0), QUINTILE)
    panel = load_panel(load_config_with(file, folder), None, lambda text: None)
    scene = Scene("wrong", file, lambda: Shifted(panel, warm_up=19), panel, plugins=[plugin(folder)])
    try:
        lines(scene, folder, [0, 1], lambda text: None)
    except AssertionError as error:
        return "changed the digest" in str(error) or "digests differ" in str(error)
    return False


if __name__ == "__main__":
    without_syncs()
    place = Path(sys.argv[1])
    print(HEAD)
    found = short(place, [0, 1, int(sys.argv[2])])
    print(json.dumps({"lines": [asdict(line) for line in found], "wrong found out": wrong_is_found_out(place)}))
