"""Sessions that run out of something: python -m tests.live.ending FOLDER prints how each process ended and what the next one came to."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.live import paper
from engine.live.session import Session
from tests.live.killing import model
from tests.live.market import config, messy
from tests.live.scenes import without_syncs

AT, ROWS = 30, 60  # the slice at which it runs out; slices of the whole
PLUGIN = """
import os
import numpy as np
class Hungry:
    window, unit = 2, "return"
    def __init__(self, model): self.model, self.asked = model, 0
    def forecast(self, bars):
        self.asked += 1
        if self.asked == 30 and os.path.exists(self.model + ".hungry"):
            np.ones(1 << 28).sum()
        return bars.close[-1] / bars.close[-2] - 1.0
SIGNALS = {"hungry": Hungry}
"""  # asks for two gigabytes at its thirtieth forecast while a file beside its model is there


def no_handles(session: Session) -> None:
    """From some slice on nothing more can be opened."""
    if session.fold.met == AT:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))


def no_memory(session: Session) -> None:
    """From some slice on no more than 256 MB beyond what is there."""
    if session.fold.met == 5:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (1 << 28), resource.RLIM_INFINITY))


def no_room(session: Session) -> None:
    """From some slice on the journal may grow by no more than 3,000 bytes."""
    if session.fold.met == AT:
        size = (session.folder / "journal" / "journal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 3_000, resource.RLIM_INFINITY))


def life(folder: Path, file: dict[str, Any], plugin: Path, show: Callable[[Session], None]) -> tuple[int, str]:
    """(exit status, digest or what was said) of a process that runs the session."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        code, said = 0, ""
        try:
            session = paper.open_session(file, folder, panel=messy(5, ROWS), plugins=[plugin])
            session.run(show=show)
            said = session.fold.digest.hex()
        except BaseException as error:
            code, said = 1, f"{type(error).__name__}: {error}"
        os.write(theirs, said.encode()[:4000])
        os._exit(code)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said


def main(folder: Path) -> None:
    plugin, kept = folder / "hungry.py", model(folder, "model", 2, 1.0)
    plugin.write_text(PLUGIN)
    file = config(signals={"up": {"plugin": "hungry", "model": str(kept)}})
    told: dict[str, Any] = {"whole": life(folder / "whole", file, plugin, lambda session: None)}
    for name, limit in (("handles", no_handles), ("memory", no_memory), ("room", no_room)):
        hungry = Path(f"{kept}.hungry")
        hungry.write_text("") if name == "memory" else None
        first = life(folder / name, file, plugin, limit)
        hungry.unlink(missing_ok=True)
        told[name] = [first, life(folder / name, file, plugin, lambda session: None)]
        told[f"{name} verified"] = paper.verify_session(folder / name, [plugin]).digest
    print(json.dumps(told))


if __name__ == "__main__":
    without_syncs()
    main(Path(sys.argv[1]))
