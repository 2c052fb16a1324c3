"""A long session over a live feed of minutes, its page open, watched for what it holds: memory, handles, threads, and what a slice costs."""

from __future__ import annotations

import gc
import os
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine import Panel, journal
from engine.feeds.assembler import Rules
from engine.feeds.facts import SECOND
from engine.feeds.schedule import MINUTE_NS, Schedule
from engine.live import tape
from engine.live.beginning import begin
from engine.live.clock import SystemClock
from engine.live.commands import Command
from engine.live.logs import logging_to
from engine.live.session import Session
from engine.live.status import Reporter
from engine.run import load_config, load_panel, make_signals
from engine.web.serve import opened
from tests.feeds.recorded import RecordedFeed
from tests.live.market import Box, config

WARM = 30
FIRST = 0.2  # of a session may fill what is bounded: timings, rows for the page, closed slices kept for corrections
RULES = Rules(window=WARM + 1, outage=600 * SECOND, jump=5.0, frozen=10, absent=1440)


@dataclass(frozen=True)
class Sample:
    """What the process held after so many slices."""

    slices: int
    mb: float
    handles: int
    threads: int

    def __str__(self) -> str:
        return f"{self.slices:>9,} slices {self.mb:8.1f} MB {self.handles:>4} handles {self.threads:>3} threads"


@dataclass
class Soak:
    """One soak's figures."""

    samples: list[Sample] = field(default_factory=list)
    slices: int = 0
    gaps: int = 0
    commands: int = 0
    fills: int = 0
    journal_mb: float = 0.0
    seconds: float = 0.0
    commits: list[float] = field(default_factory=list)  # seconds of the latest

    def grown(self, what: str) -> float:
        """The most that was held after the first fifth, less what was held at its end."""
        held = [getattr(sample, what) for sample in self.samples if sample.slices >= FIRST * self.slices]
        return float(max(held) - held[0])

    @property
    def mb_grown(self) -> float:
        return self.grown("mb")

    @property
    def handles_grown(self) -> int:
        return int(self.grown("handles"))

    @property
    def threads_grown(self) -> int:
        return int(self.grown("threads"))


def year(rows: int, names: int, seed: int = 3) -> Panel:
    """So many minutes of random walks, a twentieth of them without a trade, and an outage of the source now and then."""
    draw = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0.0, 0.0005, (rows, names)), axis=0))
    opened_at = close * np.exp(draw.normal(0.0, 0.0003, (rows, names)))
    high, low = np.maximum(opened_at, close) * 1.0003, np.minimum(opened_at, close) * 0.9997
    grids = np.stack((opened_at, high, low, close, draw.integers(1, 900, (rows, names)).astype(float)))
    grids[:, draw.random((rows, names)) < 0.05] = np.nan
    there = np.isfinite(grids[3]).any(axis=1)
    for at in range(500, rows - 100, 20_000):
        there[at : at + 40] = False
    times = np.datetime64("2023-01-01", "ns").astype(np.int64) + MINUTE_NS * np.arange(1, rows + 1)
    symbols = [f"S{k:02d}" for k in range(names)]
    return Panel.from_arrays(symbols, times[there], *(g[there] for g in grids), calendar="24/7", verify=False)


class Timed:
    """The journal's writer, whose commits are timed."""

    def __init__(self, writer: Any, kept: list[float]) -> None:
        self.writer, self.kept = writer, kept

    def commit(self) -> None:
        begun = time.perf_counter()
        self.writer.commit()
        self.kept.append(time.perf_counter() - begun)
        del self.kept[:-10_000]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.writer, name)


def soaked(
    panel: Panel, folder: Path, every: int, say: Callable[[str], None] = lambda line: None, leak: bool = False
) -> Soak:
    """A session over all of the panel's minutes, looked at `every` so many slices and then told four commands.

    `leak`: a wrong one, which keeps every slice and a handle now and then.
    """
    out, clock, leaked = Soak(), SystemClock(), []
    session = begun(panel, folder, clock)
    session.writer = Timed(session.writer, out.commits)
    session.box = box = Box({})
    box.session = session
    symbols, started = session.fold.universe.symbols, time.perf_counter()

    def after(held: Session) -> None:
        met = held.fold.met
        if leak:
            leaked.append(np.ones(20_000))
            if met % 50 == 0:
                leaked.append((folder / tape.JOURNAL / "journal").open("rb"))
        if met % every or (out.samples and out.samples[-1].slices == met):
            return
        gc.collect()
        out.samples.append(Sample(met, resident(), len(os.listdir("/proc/self/fd")), threading.active_count()))
        say(str(out.samples[-1]))
        for name in ("pause", "resume", "exit", "lock"):
            one = symbols[met // every % len(symbols)] if name in ("exit", "lock") else ""
            until = held.fold.arrived.time + every // 4 * MINUTE_NS if name == "lock" else 0
            box.script.append((met, Command(name, f"{met}-{name}", one, until, reason="soak")))
            out.commands += 1

    with logging_to(folder, None) as logger, opened(session, clock) as page:
        session.log = logger.log
        report = Reporter(session, clock, 1.0)

        def show(held: Session) -> None:
            report(held)
            page.show(held)
            after(held)

        session.run(show=show)
    out.seconds, out.slices, out.gaps = time.perf_counter() - started, session.fold.met, session.health.gaps
    out.journal_mb = (folder / tape.JOURNAL / "journal").stat().st_size / 1e6
    out.fills = sum(len(row.body["instrument"]) for row in journal.read(folder / tape.JOURNAL) if row.kind == tape.FILL)
    for each in leaked:
        if hasattr(each, "close"):
            each.close()
    return out


def begun(panel: Panel, folder: Path, clock: SystemClock) -> Session:
    """The session before its first slice: a threshold with stops and costs."""
    file = config(
        "soak",
        signals={"up": {"plugin": "momentum", "lookback": WARM - 1, "skip": 0}},
        strategy={"rule": "threshold", "signal": "up", "confidence": 0.002, "exit_confidence": -0.002, "size": "20%"},
        exits={"stop_loss": "2%", "trailing_stop": "3%"},
        execution={"commission": "1 bps", "slippage": "1 bps", "lot": 0},
    )
    made = load_config(file)
    bars = load_panel(made, panel, lambda text: None)
    feed = RecordedFeed(bars, Schedule(MINUTE_NS, None), WARM, RULES)
    return begin(folder, made, feed, make_signals(made), clock=clock)


def resident() -> float:
    """MB of memory that the process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6
