"""Sessions whose processes are killed with -9 at random moments, again and again: each life is a fork that opens the folder anew.

tests.live.scenes has the short ones of the suite, scripts/torture parity long ones over real bars.
"""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine import journal
from engine import plugins as registry
from engine.live import paper, tape
from engine.live.beginning import begin
from engine.live.clock import SystemClock
from engine.live.commands import Command
from engine.live.feed import Feed
from engine.panel import Panel
from engine.run import load_config, make_signals
from tests.live.market import Box, backtest_digest

PATIENCE = 300.0  # seconds without a byte after which a process is taken for stuck
PLUGIN = """
import hashlib, json
from pathlib import Path
class Kept:
    paths = ("model",)
    def __init__(self, model):
        text = Path(model).read_text()
        told = json.loads(text)
        self.unit, self.label, self.horizon = "return", "open_to_open", 1
        self.window, self.k, self.known_through = told["window"], told["k"], told["known_through"]
        self.sha256 = hashlib.sha256(text.encode()).hexdigest()
    def forecast(self, bars): return self.k * (bars.close[-1] / bars.close[0] - 1.0)
SIGNALS = {"kept": Kept}
"""  # reads its model from a file, so that a newer one can be handed over


@dataclass(frozen=True)
class Scene:
    """A market with its file and the commands at their slices. `alone`: the backtest of the file itself is the reference."""

    market: str
    file: dict[str, Any]
    feed: Callable[[], Feed]
    panel: Panel
    script: dict[int, list[Command]] = field(default_factory=dict)
    plugins: Sequence[Path] = ()
    alone: bool = True


@dataclass(frozen=True)
class Line:
    """What one session came to."""

    market: str
    slices: int
    commands: int
    gaps: int
    hand_overs: int
    fills: int
    crashes: int
    restarts: int
    backtest: str  # of `barcast run` where nothing was commanded and nothing missed; "" else
    over_the_tape: str  # of the compiled backtest that verify runs over the session's own tape
    session: str

    @property
    def equal(self) -> bool:
        return self.session == self.over_the_tape and self.backtest in ("", self.session)


HEAD = f"{'market':<42} {'slices':>7} {'commands':>8} {'gaps':>5} {'handed':>6} {'fills':>7} {'crashes':>7}  {'barcast run':<12} {'over the tape':<13} {'session':<12} equal"


def told(line: Line) -> str:
    """One row of the table."""
    return (
        f"{line.market:<42} {line.slices:>7,} {line.commands:>8} {line.gaps:>5} {line.hand_overs:>6} {line.fills:>7,} {line.crashes:>7}  "
        f"{line.backtest[:12] or '-':<12} {line.over_the_tape[:12]:<13} {line.session[:12]:<12} {'yes' if line.equal else 'NO'}"
    )


def model(folder: Path, name: str, window: int, k: float, known_through: int = 0) -> Path:
    """A model file for PLUGIN."""
    path = folder / f"{name}.json"
    path.write_text(f'{{"window": {window}, "k": {k}, "known_through": {known_through}}}')
    return path


def plugin(folder: Path) -> Path:
    """The plugin file."""
    path = folder / "kept.py"
    path.write_text(PLUGIN)
    return path


def every_command(
    panel: Panel, first: int, signal_name: str, newer: Path, held: Sequence[str]
) -> dict[int, list[Command]]:
    """Each command there is, spread over the slices from `first` on; `held`: names to leave and to lock."""
    at = [int(x) for x in np.linspace(first + (len(panel) - first) * 0.1, len(panel) * 0.95, 10)]
    lock_until = int(panel.times[min(at[3] + 40, len(panel) - 1)])
    return {
        at[0]: [Command("pause", "c0")],
        at[1]: [Command("resume", "c1", reason="looked into it")],
        at[2]: [Command("exit", "c2", held[0])],
        at[3]: [Command("lock", "c3", held[-1], lock_until), Command("exit", "c3b", held[-1])],
        at[4]: [Command("unlock", "c4", held[-1])],
        at[5]: [Command("hand-over", "c5", signal=signal_name, model=str(newer), reason="newer")],
        at[6]: [Command("kill", "c6", reason="a drill")],
        at[7]: [Command("resume", "c7", reason="the drill is over")],
        at[8]: [Command("kill", "c8", flatten=True, reason="a drill")],
        at[9]: [Command("resume", "c9", reason="the drill is over")],
    }


def life(scene: Scene, place: Path) -> None:
    """One process's session, from wherever its folder stands to its end."""
    config = load_config(scene.file)
    hashes = registry.load_files(scene.plugins)
    session = begin(place, config, scene.feed(), make_signals(config), hashes, clock=SystemClock())
    box = Box(scene.script)
    box.session, session.box = session, box
    session.run()


def lived(scene: Scene, place: Path, until: int, wait: float) -> bool:
    """Whether a process that runs the session was killed `wait` seconds after its journal had `until` bytes, before its end."""
    child = os.fork()
    if not child:
        try:
            life(scene, place)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    seen, since = -1, time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, f"{scene.market}: the session failed"
            return False
        size = size_of(place)
        if size != seen:
            seen, since = size, time.monotonic()
        if size > until >= 0:
            time.sleep(wait)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            return os.WIFSIGNALED(status)
        if time.monotonic() - since > PATIENCE:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise AssertionError(f"{scene.market}: nothing was written for {PATIENCE:g} s")
        time.sleep(0.001)


def size_of(place: Path) -> int:
    """Bytes of a session's journal."""
    file = place / tape.JOURNAL / "journal"
    return file.stat().st_size if file.exists() else 0


def played(scene: Scene, place: Path, kills: int, whole: int, seed: int) -> int:
    """A session run to its end through `kills` kills spread over the `whole` bytes its journal will have; how many came."""
    draw, made = random.Random(seed), 0
    for at in sorted(draw.uniform(0.02, 0.97) * whole for _ in range(kills)):
        made += lived(scene, place, max(int(at), size_of(place)), draw.random() * 0.01)
    lived(scene, place, -1, 0.0)
    return made


def line_of(scene: Scene, place: Path, crashes: int, backtest: str) -> Line:
    """The session in `place`, proved by verify."""
    found = paper.verify_session(place, scene.plugins)
    gaps = sum(row.kind == tape.GAP for row in journal.read(place / tape.JOURNAL))
    *_, last = journal.read(place / tape.JOURNAL)
    assert last.kind == tape.CLOSE and found.complete
    return Line(
        scene.market, found.slices, found.commands, gaps, found.hand_overs, found.fills, crashes, found.restarts,
        backtest, found.backtest, last.body["digest"],
    )  # fmt: skip


def lines(scene: Scene, folder: Path, crashes: Sequence[int], say: Callable[[str], None] = print) -> list[Line]:
    """One line per number of crashes, the first of which must be 0; AssertionError for a kill that never came or another digest."""
    registry.load_files(scene.plugins)
    backtest = backtest_digest(scene.file, scene.panel) if scene.alone else ""
    out: list[Line] = []
    for count in crashes:
        place = folder / f"{scene.market}-{count}"
        made = played(scene, place, count, size_of(folder / f"{scene.market}-0"), seed=count)
        assert made == count, f"{scene.market}: {made} of {count} kills came before the end"
        line = line_of(scene, place, made, backtest)
        say(told(line))
        out.append(line)
        assert line.equal, f"{scene.market}: digests differ after {count} crashes"
        assert line.session == out[0].session, f"{scene.market}: {count} crashes changed the digest"
    return out


def busiest(place: Path, count: int = 2) -> list[str]:
    """The names that a session traded most."""
    rows = list(journal.read(place / tape.JOURNAL))
    filled = np.concatenate([row.body["instrument"] for row in rows if row.kind == tape.FILL])
    symbols = rows[0].body["universe"]["symbols"]
    return [symbols[i] for i in np.argsort(-np.bincount(filled, minlength=len(symbols)), kind="stable")[:count]]
