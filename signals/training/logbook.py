"""What a fit leaves beside its model: history.csv, train.log, TensorBoard events; and a line per epoch for who watches."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.writing import make, replace
from signals.training.state import Progress

HISTORY, LOG, EVENTS = "history.csv", "train.log", "events"
LEVEL = "FIT"
Say = Callable[[str], None]


class Logbook:
    """Called after every epoch; the folder is made at the first. What is not installed (loguru, tensorboard) is done without."""

    def __init__(self, folder: Path, name: str, epochs: int, say: Say = lambda text: None) -> None:
        self.folder, self.name, self.epochs, self.say = folder, name, epochs, say
        self.log: tuple[Say, Callable[[], None]] | None = None
        self.events: Any = None

    def __call__(self, now: Progress) -> None:
        """Note the latest epoch."""
        latest = now.history[-1]
        write = self.begun()
        replace(self.folder / HISTORY, table(now.history).encode())
        line = f"{self.name}: {told(now, self.epochs)}"
        write(line)
        self.say(line)
        for flag in now.flags:
            if len(now.history) == 1 or flag not in getattr(self, "flagged", ()):
                write(f"{self.name}: red flag: {flag}")
        self.flagged = tuple(now.flags)
        if self.events is None:
            self.events = _events(self.folder / EVENTS, now.epoch) or False
        if self.events:
            for name, value in latest.items():
                if name != "epoch":
                    self.events.add_scalar(name, value, now.epoch, walltime=now.seconds)

    def begun(self) -> Say:
        """What adds a line to the log, which is opened where it is not yet."""
        if self.log is None:
            self.log = _log(make(self.folder) / LOG)
        return self.log[0]

    def close(self) -> None:
        """Finish the files."""
        if self.log is not None:
            self.log[1]()
        if self.events:
            self.events.close()


def told(now: Progress, epochs: int) -> str:
    """An epoch in one line: losses, quality, learning rate, how long the rest may take."""
    latest = now.history[-1]
    quality = [f"{name} {latest[name]:.4f}" for name in ("rank_ic", "accuracy", "error") if name in latest]
    pulls = [f"{name.removeprefix('gradient_')} {latest[name]:.3g}" for name in latest if name.startswith("gradient_")]
    left = now.seconds / now.epoch * (epochs - now.epoch)
    parts = [
        f"epoch {now.epoch}/{epochs}",
        f"train {latest['train_loss']:.5f}",
        f"validation {latest['validation_loss']:.5f} (best {now.best:.5f} in {now.best_epoch})",
        *quality,
        *([f"gradients of {' and '.join(pulls)}"] if pulls else []),
        f"rate {latest['learning_rate']:.1e}",
        f"stopped: {now.stopped}" if now.stopped else f"at most {duration(left)} left",
    ]
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """3 h 20 min, 12 min, 40 s."""
    if seconds >= 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
    return f"{int(seconds // 60)} min" if seconds >= 120 else f"{seconds:.0f} s"


def table(history: list[dict[str, float]]) -> str:
    """The history as CSV, a row per epoch; what an epoch does not know is left empty."""
    out = io.StringIO()
    names = dict.fromkeys(name for row in history for name in row)
    writer = csv.DictWriter(out, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return out.getvalue()


def _log(path: Path) -> tuple[Say, Callable[[], None]]:
    """A function that adds a line to the log, through loguru where it is installed, and one that ends it."""
    try:
        from loguru import logger
    except ImportError:
        file = path.open("a", encoding="utf-8")

        def add(line: str) -> None:
            file.write(line + "\n")
            file.flush()

        return add, file.close
    place = str(path)
    try:
        logger.level(LEVEL)
    except ValueError:
        logger.level(LEVEL, no=7)  # below what loguru prints of itself: the file alone takes it
    handler = logger.add(
        path,
        level=LEVEL,
        format="{time:YYYY-MM-DD HH:mm:ss} {message}",
        filter=lambda r: r["extra"].get("fit") == place,
    )
    bound = logger.bind(fit=place)
    return lambda line: bound.log(LEVEL, "{}", line), lambda: logger.remove(handler)


def _events(folder: Path, epoch: int) -> Any:
    """A TensorBoard writer, or None where tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=epoch)
