"""Calls in several processes: none is waited for in vain, none outlives its set, and what they begin to tidy up they finish."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.errors import BarcastError, DataError
from signals import inference
from signals.training import apart

ROOT = Path(__file__).parents[3]
SLEEPS = 120.0  # seconds, longer than a process takes to come up


def marks(folder, name):
    (folder / name).touch()
    if name == "bad":
        raise DataError("this one is bad")
    return name


def sleeps(folder, name):
    (folder / f".{name}").write_text(str(os.getpid()))
    (folder / f".{name}").rename(folder / name)
    time.sleep(SLEEPS)


def tidies(folder):
    (folder / "begun").write_text(str(os.getpid()))
    try:
        time.sleep(SLEEPS)
    finally:
        time.sleep(0.5)
        (folder / "tidied").touch()


def first(path):
    """What is in the file, once it is there."""
    ends = time.monotonic() + 60
    while not path.exists() and time.monotonic() < ends:
        time.sleep(0.01)
    return path.read_text()


def interrupted(folder):
    with apart.pool(1) as submit:
        running = [submit(sleeps, folder, str(k)) for k in range(3)]
        os.kill(int(first(folder / "0")), signal.SIGINT)
        running[0].result()


def killed(folder):
    with apart.pool(3) as submit:
        running = [submit(sleeps, folder, str(k)) for k in range(3)]
        os.kill(max(int(first(folder / str(k))) for k in range(3)), signal.SIGKILL)  # the one that began last
        apart.results(running)


def twice(folder):
    with apart.pool(1) as submit:
        running = submit(tidies, folder)
        process = int(first(folder / "begun"))
        for _ in range(2):
            os.kill(process, signal.SIGINT)
            time.sleep(0.1)
        running.result()


def there(process):
    """Whether a process runs; one that has ended and that nobody has asked after does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def failing(folder):
    with apart.pool(2) as submit:
        for k in range(4):
            submit(sleeps, folder, str(k))
        first(folder / "0")
        first(folder / "1")
        raise DataError("enough")


def test_results_come_in_the_order_of_what_was_asked():
    assert apart.each(math.sqrt, [(9.0,), (4.0,), (1.0,)], 2) == [3.0, 2.0, 1.0]


def test_every_set_of_calls_has_fresh_processes_so_ones_that_died_since_are_not_waited_for():
    seen = set()
    for _ in range(2):
        (process,) = apart.each(os.getpid, [()], 1)
        assert process not in seen | {os.getpid()}
        with pytest.raises(ProcessLookupError):  # it is gone once its set is done
            os.kill(process, 0)
        seen.add(process)


@pytest.mark.parametrize(("call", "told"), [(os._exit, 1), (signal.raise_signal, signal.SIGKILL)])
def test_a_process_that_dies_is_told_in_one_line_and_not_waited_for(call, told):
    with pytest.raises(BarcastError, match="ended before its work did.*fewer --jobs"):
        apart.each(call, [(told,)] * 3, 2)


def test_of_many_processes_the_last_one_is_watched_too(tmp_path):
    begun = time.monotonic()
    with pytest.raises(BarcastError, match="ended before its work did"):
        killed(tmp_path)
    assert time.monotonic() - begun < SLEEPS


def test_processes_leave_when_the_one_that_began_them_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\nfrom signals.training import apart\nfrom tests.signals.training.test_apart import sleeps\n"
        f"if __name__ == '__main__':\n    apart.each(sleeps, [(Path({str(tmp_path)!r}), str(k)) for k in range(4)], 2)\n"
    )
    parent = subprocess.Popen([sys.executable, script], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    children = [int(first(tmp_path / str(k))) for k in range(2)]
    parent.kill()
    parent.wait()
    until = time.monotonic() + 60
    while any(map(there, children)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(there, children)) and not (tmp_path / "2").exists()


def test_a_second_interruption_does_not_end_what_the_first_has_begun_to_tidy(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        twice(tmp_path)
    assert (tmp_path / "tidied").exists()


def test_processes_share_the_processors_unless_the_environment_says_otherwise(monkeypatch):
    monkeypatch.setattr(inference, "workers", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    names = [("OMP_NUM_THREADS",), ("MKL_NUM_THREADS",)]
    assert apart.each(os.getenv, names, 2) == ["4", "3"] and "OMP_NUM_THREADS" not in os.environ


def test_the_first_error_ends_the_set_and_the_calls_not_begun_are_left_out(tmp_path):
    with pytest.raises(DataError, match="this one is bad"):
        apart.each(marks, [(tmp_path, name) for name in ("bad", *map(str, range(2000)))], 1)
    assert (tmp_path / "bad").exists() and len(list(tmp_path.iterdir())) < 1000


def test_an_interruption_ends_the_call_begun_and_begins_no_other(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["0"]


def test_an_error_outside_interrupts_the_calls_that_run(tmp_path):
    begun = time.monotonic()
    with pytest.raises(DataError, match="enough"):
        failing(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]
    assert time.monotonic() - begun < SLEEPS
