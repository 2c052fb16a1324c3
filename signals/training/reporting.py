"""What the commands of training show: a line per epoch on stderr, and what came out on stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from signals.training.logbook import duration
from signals.training.train import Run, Trained

Say = Callable[[str], None]


@contextmanager
def watched(quiet: bool) -> Iterator[Say]:
    """A function that shows what is being done: in place on a terminal, as lines elsewhere, not at all if `quiet`."""
    if quiet:
        yield lambda text: None
    elif not sys.stderr.isatty():
        yield lambda text: print(text, file=sys.stderr, flush=True)
    else:
        from rich.console import Console

        with Console(stderr=True).status("starting") as status:
            yield status.update


def run(device: str, say: Say) -> Run:
    """A Run by this machine's clock."""
    at = now()
    return Run(device, time.perf_counter, at[:10], say, at)


def facts(done: Trained) -> dict[str, Any]:
    """A trained model as plain data."""
    told = done.passport.model_dump(mode="json")
    kept = ("ranges", "known_through", "losses", "n_samples", "epochs_trained", "best_epoch", "flags", "weights_sha256")
    now = done.fitted.progress
    return {
        "folder": str(done.folder),
        **{name: told[name] for name in kept},
        "stopped": now.stopped,
        "seconds": now.seconds,
    }


def trained(done: Trained) -> str:
    """A trained model for people."""
    passport, now = done.passport, done.fitted.progress
    spent = f"{now.epoch} epochs in {duration(now.seconds)} (stopped: {now.stopped})"
    lines = [
        f"{done.folder}",
        f"  {spent}, best {now.best_epoch}, validation loss {now.best:.5f}",
        f"  knows prices until {passport.known_through}; weights {passport.weights_sha256[:12]}",
    ]
    for name in ("train", "validation", "calibration", "test"):
        if (span := getattr(passport.ranges, name)) is not None:
            lines.append(f"  {name:<11} {span[0]} to {span[1]}")
    if passport.flags:
        lines.append(f"  red flags: {', '.join(passport.flags)}")
    if passport.blocked:
        lines.append(f"  it will say nothing: {', '.join(passport.blocked)}")
    return "\n".join(lines) + "\n"


def now() -> str:
    """The ISO instant in UTC by this machine's clock."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
