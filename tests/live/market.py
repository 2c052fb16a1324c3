"""Small markets with every disease, feeds that play them, commands at their place, and crashes on demand."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

import engine
from engine import digest, run
from engine.errors import BarcastError
from engine.live import paper
from engine.live.clock import StoppedClock
from engine.live.commands import Command
from engine.live.feed import Correction, Gap, Late
from engine.live.replay import Replay

ROOT = Path(__file__).resolve().parents[2]
NAMES = tuple(f"S{i}" for i in range(6))


def messy(seed: int, rows: int = 80, names: tuple[str, ...] = NAMES, per_day: int = 1) -> engine.Panel:
    """Random bars with gaps, splits, dividends, holes, and a name that leaves."""
    rng = np.random.default_rng(seed)
    n = len(names)
    step = 86_400_000_000_000 // per_day
    times = np.datetime64("2020-01-01", "ns").astype(np.int64) + step * np.arange(1, rows + 1)
    moves = rng.normal(0.0, 0.03, (rows, n))
    splits, dividends = np.ones((rows, n)), np.zeros((rows, n))
    acts = rng.random((rows, n))
    splits[acts < 0.01] = rng.choice([2.0, 3.0, 0.1, 1.5], int((acts < 0.01).sum()))
    paid = (acts > 0.008) & (acts < 0.03)
    close = rng.uniform(20.0, 60.0, n) * np.exp(np.cumsum(moves, axis=0)) / np.cumprod(splits, axis=0)
    dividends[paid] = 0.01 * close[paid]
    opened = close * np.exp(rng.normal(0.0, 0.01, (rows, n)))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0.0, 0.01, (rows, n))))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0.0, 0.01, (rows, n))))
    volume = rng.choice([0.0, 500.0, 50_000.0], (rows, n), p=[0.02, 0.18, 0.8])
    holes = rng.random((rows, n)) < 0.05
    holes[rows // 2 :, n - 1] = True
    holes[0] = False
    for grid in (opened, high, low, close, volume):
        grid[holes] = np.nan
    splits[0], dividends[0] = 1.0, 0.0
    return engine.Panel.from_arrays(
        names,
        times,
        opened,
        high,
        low,
        close,
        volume,
        splits,
        dividends,
        verify=False,
        missing_open="previous_close",
        calendar="24/7",
    )


def config(name: str = "small", **more: Any) -> dict[str, Any]:
    """A threshold on momentum with stops and costs; `more` replaces whole sections."""
    return {
        "name": name,
        "data": {
            "source": "parquet",
            "path": "none",
            "prices": "as_traded",
            "dividends": "as_traded",
            "delisting_after": 10,
        },
        "signals": {"up": {"plugin": "momentum", "lookback": 5, "skip": 0}},
        "strategy": {"rule": "threshold", "signal": "up", "confidence": 0.02, "exit_confidence": -0.01, "size": "20%"},
        "exits": {"stop_loss": "6%", "take_profit": "9%"},
        "execution": {"commission": "5 bps", "slippage": "5 bps"},
        "capital": 100_000.0,
        "feed": {"source": "replay"},
    } | more


def backtest_digest(
    file: dict[str, Any], panel: engine.Panel | None, forecasts: Any = None, strategy: Any = None
) -> str:
    """The digest of engine.backtest's own road."""
    loaded = run.load_config(file)
    bars, signals, arrays = run.prepare(loaded, panel, forecasts)
    made = run.engine_of(loaded, bars, signals, arrays, strategy)
    made.run()
    return digest.of_run(made)[-1].hex()


class Crash(BaseException):
    """The process is gone."""


class Faulty:
    """A writer that dies at its k-th append; `kept`: what was appended before it had reached the disk."""

    def __init__(self, writer: Any, left: int, kept: bool) -> None:
        self.writer, self.left, self.kept = writer, left, kept

    def append(self, kind: str, body: Any) -> Any:
        if self.left == 0:
            if self.kept:
                self.writer.commit()
            self.writer._let_go()
            raise Crash
        self.left -= 1
        return self.writer.append(kind, body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.writer, name)


class Box:
    """Commands that wait from a slice on, and stay until they are journaled, as files do."""

    def __init__(self, script: dict[int, list[Command]]) -> None:
        self.script = [(at, command) for at, told in script.items() for command in told]
        self.session: Any = None

    def waiting(self, symbols: tuple[str, ...]) -> list[Command]:
        return [command for at, command in self.script if self.session.fold.met >= at]

    def done(self, key: str) -> None:
        self.script = [(at, command) for at, command in self.script if command.key != key]


class Disturbed(Replay):
    """A replay with late bars, corrections and gaps between its slices."""

    noise: dict[int, list[Any]] = {}  # noqa: RUF012
    catch_up: frozenset[int] = frozenset()

    def arrivals(self, resume):
        for arrival in super().arrivals(resume):
            if hasattr(arrival, "last_of_day"):
                t = int(np.searchsorted(self.panel.times, arrival.time))
                yield from self.noise.get(t, [])
                if t in self.catch_up:
                    arrival = type(arrival)(**{f: getattr(arrival, f) for f in arrival.__slots__} | {"catch_up": True})
            yield arrival


def noise(seed: int, panel: engine.Panel) -> dict[int, list[Any]]:
    """Late bars, corrections and gaps at random places."""
    rng, out = random.Random(seed), {}
    bar = np.array([10.0, 11.0, 9.0, 10.5, 100.0])
    for t in range(10, len(panel)):
        told, i = [], rng.randrange(len(panel.universe))
        if rng.random() < 0.1:
            told.append(Late(int(panel.times[t - 2]), i, bar))
        if rng.random() < 0.1:
            told.append(Correction(int(panel.times[t - 1]), i, bar))
        if rng.random() < 0.08:
            told.append(Gap(int(panel.times[t - 1]), int(panel.times[t]), np.array([i]), "no answer"))
        if told:
            out[t] = told
    return out


def commands(seed: int, panel: engine.Panel) -> dict[int, list[Command]]:
    """A few of every command at random places."""
    rng, out = random.Random(seed + 1), {}
    for k in range(8):
        t, name = rng.randrange(8, len(panel)), rng.choice(["pause", "resume", "resume", "exit", "lock", "kill"])
        symbol = rng.choice(panel.universe.symbols) if name in ("exit", "lock") else ""
        until = int(panel.times[min(t + 9, len(panel) - 1)]) if name == "lock" else 0
        out.setdefault(t, []).append(
            Command(name, f"c{k}", symbol, until, name == "kill" and rng.random() < 0.5, "test")
        )
    return out


def play(
    folder: Any,
    file: dict[str, Any],
    panel: engine.Panel,
    *,
    script: dict[int, list[Command]] | None = None,
    disturbed: dict[int, list[Any]] | None = None,
    catch_up: frozenset[int] = frozenset(),
    crashes: list[tuple[int, bool]] | None = None,
    every: int = 25,
    **more: Any,
) -> Any:
    """A session run to its end, however often it crashes: (appends until then, whether the disk had them) in turn."""
    box, falls = Box(script or {}), list(crashes or [])
    while True:
        feed = Disturbed
        feed.noise, feed.catch_up = disturbed or {}, catch_up
        session = None
        try:
            session = open_with(folder, file, panel, feed, falls, box, every, more)
            session.run()
            return session
        except Crash:
            falls.pop(0)
        except BarcastError:
            if session is not None:
                session.writer._let_go()
            raise


def open_with(folder, file, panel, feed, falls, box, every, more):
    """The session with its faulty writer in place before anything is written after the start row."""
    from engine.live import replay, session

    real = session.Session.__init__

    def init(self, place, writer, *rest):
        wrapped = Faulty(writer, *falls[0]) if falls else writer
        box.session = self
        real(self, place, wrapped, *rest)
        self.box, self.every = box, every

    before = replay.Replay
    session.Session.__init__, replay.Replay = init, feed
    try:
        return paper.open_session(file, folder, panel=panel, clock=StoppedClock(1), **more)
    finally:
        session.Session.__init__, replay.Replay = real, before
