import math
import os
import signal
import time

import pytest

from engine.errors import BarcastError, DataError
from signals.training import apart

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


def first(path):
    """What is in the file, once it is there."""
    ends = time.monotonic() + 60
    while not path.exists() and time.monotonic() < ends:
        time.sleep(0.01)
    return path.read_text()


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


def test_the_first_error_ends_the_set_and_the_calls_not_begun_are_left_out(tmp_path):
    with pytest.raises(DataError, match="this one is bad"):
        apart.each(marks, [(tmp_path, name) for name in ("bad", *map(str, range(2000)))], 1)
    assert (tmp_path / "bad").exists() and len(list(tmp_path.iterdir())) < 1000


def interrupted(folder):
    with apart.pool(1) as submit:
        running = [submit(sleeps, folder, str(k)) for k in range(3)]
        os.kill(int(first(folder / "0")), signal.SIGINT)
        running[0].result()


def failing(folder):
    with apart.pool(2) as submit:
        for k in range(4):
            submit(sleeps, folder, str(k))
        first(folder / "0")
        first(folder / "1")
        raise DataError("enough")


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
