"""A dask scheduler and its workers as processes of this machine, for as long as this process lives."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def join(folder: Path, workers: int) -> Any:
    """A client of a cluster of so many workers of one thread each; it is the one in charge from now on."""
    from distributed import Client

    file = folder / "scheduler.json"
    start = [sys.executable, "-W", "ignore", "-m"]
    told = ["--scheduler-file", str(file), "--no-dashboard"]
    begin([*start, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *told])
    until = time.monotonic() + 60
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.1)
    for _ in range(workers):
        begin([*start, "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *told])
    client = Client(scheduler_file=str(file), timeout="60s")
    atexit.register(client.close)
    client.wait_for_workers(workers, timeout=60)
    return client


def begin(command: list[str]) -> None:
    """Start a process that ends with this one."""
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env=os.environ)
    atexit.register(end, child)


def end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    child.wait()
