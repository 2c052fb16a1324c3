"""Small searches over planted material, in this process and in others that can be killed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from signals.training.train import Run
from signals.tuning.search import Found, tune
from signals.tuning.section import Tune
from tests.signals.training.planted import material, recipe

RATES = {"training.learning_rate": [1e-3, 3e-3], "model.hidden": [4, 6]}
TPE = {
    "training.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "model.hidden": [4, 6],
    "window": {"low": 6, "high": 8},
}
SPLIT = {"train": "60%", "validation": "25%", "test": "15%"}


def said(**keys) -> Tune:
    return Tune.model_validate({"search": "grid", "parameters": RATES, "pruner": "none", **keys})


def base(**changes):
    return recipe(["training.epochs=3"], split=SPLIT, **changes)


def given(one):
    return material(window=one.window)


def search(place: Path, wanted: Tune, say=lambda text: None, of=None, clock=lambda: 0.0, source=given, **more) -> Found:
    return tune(
        base() if of is None else of,
        wanted,
        place,
        place / "runs",
        Run("cpu", clock, "2024-01-02", say),
        source,
        **more,
    )


def told(found: Found) -> list[tuple]:
    return [(row.number, sorted(row.params.items()), row.state, row.score, row.epochs) for row in found.rows]


def main() -> None:
    """PLACE, KILL: work on the grid of four; with KILL such as '1:2' die by SIGKILL after that epoch of that trial."""
    place, kill = Path(sys.argv[1]), sys.argv[2]

    def say(text: str) -> None:
        print(text, flush=True)
        if kill != "-" and text.startswith(f"trial {kill.split(':')[0]} of 4: epoch {kill.split(':')[1]},"):
            os.kill(os.getpid(), signal.SIGKILL)

    search(place, said(), say)


if __name__ == "__main__":
    main()
