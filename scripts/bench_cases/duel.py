"""One case, several contenders: each in a child of its own, run in turns so that a slow minute falls on all alike."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench_cases.environments import UnavailableError, environment

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "scripts" / "peers"
FILES = {"vectorbt": "vectorbt", "ml4t-backtest": "ml4t", "backtrader": "backtrader", "quantstats": "quantstats"}
PATIENCE = 60.0  # seconds of runs after which a contender has had its turns


@dataclass
class Contender:
    """Who runs what, and what came of it. `peer` None is ourselves."""

    label: str
    case: str
    peer: str | None = None
    variant: str = "-"
    version: str = ""
    first: float = float("nan")  # seconds of the first run, compilation and warm-up included
    seconds: list[float] = field(default_factory=list)  # of the runs after it
    told: dict[str, Any] = field(default_factory=dict)  # the last answer
    missing: str = ""  # why there are no figures
    child: subprocess.Popen[str] | None = None

    @property
    def middle(self) -> float:
        """The median; NaN without figures."""
        return statistics.median(self.seconds) if self.seconds else float("nan")

    def open(self, folder: Path, make: bool) -> None:
        """Start the child and wait until it has loaded its inputs."""
        try:
            python = Path(sys.executable) if self.peer is None else environment(self.peer, make)
        except UnavailableError as error:
            self.missing = str(error)
            return
        file = PEERS / f"{FILES.get(self.peer or '', 'ours')}_run.py"
        command = [str(python), str(file), str(folder), self.case, self.variant]
        variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        if self.peer is None:
            variables["PYTHONPATH"] = str(ROOT)
        errors = open(folder / f"{self.label.replace(' ', '-')}.txt", "w")  # noqa: SIM115  (the child keeps it)
        with errors:
            self.child = subprocess.Popen(
                command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self.version = str(self.answer().get("version", ""))

    def answer(self) -> dict[str, Any]:
        """The child's next line; what went wrong is noted, and ends its part."""
        assert self.child is not None and self.child.stdout is not None
        line = self.child.stdout.readline()
        told: dict[str, Any] = json.loads(line) if line.strip() else {"failed": "it ended without a word"}
        if "failed" in told:
            self.missing = str(told["failed"])
            self.close()
        return told

    def run(self) -> float | None:
        """Seconds of one more run; None if it cannot."""
        if self.child is None or self.child.stdin is None:
            return None
        self.child.stdin.write("run\n")
        self.child.stdin.flush()
        told = self.answer()
        if self.missing:
            return None
        self.told = told
        return float(told["seconds"])

    def close(self) -> None:
        """End the child."""
        if self.child is not None:
            for stream in (self.child.stdin, self.child.stdout):
                if stream is not None:
                    stream.close()
            self.child.wait()
            self.child = None


def duel(contenders: list[Contender], prepare: Any, runs: int, make: bool) -> None:
    """Give every contender one run to warm up and then `runs` measured ones, in turns; `prepare` fills their folder.

    A contender whose runs have together taken longer than PATIENCE runs no more; if that was the first, it is its figure.
    """
    with tempfile.TemporaryDirectory(prefix="barcast-bench-") as name:
        folder = Path(name)
        prepare(folder)
        try:
            for contender in contenders:
                contender.open(folder, make)
            for contender in contenders:
                took = contender.run()
                if took is not None:
                    contender.first = took
            for _ in range(runs):
                for contender in contenders:
                    _turn(contender)
        finally:
            for contender in contenders:
                contender.close()


def _turn(contender: Contender) -> None:
    slow = contender.first > PATIENCE
    if slow and not contender.seconds and not contender.missing:
        contender.seconds.append(contender.first)
    if slow or sum(contender.seconds) > PATIENCE:
        return
    took = contender.run()
    if took is not None:
        contender.seconds.append(took)
