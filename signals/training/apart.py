"""The same call for many arguments, in several processes at once.

The processes are started anew for each set of calls and end with it, or with this process. joblib's would not: it stops one whose
memory has grown, and where its warning of that is an error the set waits for ever. A process that dies ends the set with one line;
an error or Ctrl-C ends it at once.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.synchronize import Event
from typing import Any, NoReturn, TypeVar

from engine.errors import BarcastError
from signals import inference

T = TypeVar("T")
Submit = Callable[..., Future[Any]]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_ended: Event | None = None  # in a process of a pool: its calls are wanted no more


def each(call: Callable[..., T], told: Sequence[tuple[Any, ...]], jobs: int) -> list[T]:
    """call(*one) of each, in order, with `jobs` fresh processes; the first error ends it, and interrupts the others.

    BarcastError where a process dies. The processes import the main module, which must be guarded.
    """
    with pool(jobs) as submit:
        return results([submit(call, *one) for one in told])


def results(running: Sequence[Future[T]]) -> list[T]:
    """What each gives, once all are done; the first error as soon as there is one."""
    done, _ = wait(running, return_when=FIRST_EXCEPTION)
    for one in done:
        one.result()
    return [one.result() for one in running]


@contextmanager
def pool(jobs: int, beside: int = 0) -> Iterator[Submit]:
    """`jobs` fresh processes: submit(call, *told) is a future. On an error, calls begun are interrupted and no other begins.

    They share the processors, also with `beside` others: where the environment does not say how many threads each may use.
    """
    context = get_context("spawn")
    ended, others = context.Event(), set(active_children())
    with ProcessPoolExecutor(jobs, context, _prepare, (ended,)) as processes:

        def submit(call: Callable[..., Any], *told: Any) -> Future[Any]:
            with _starting(jobs + beside):
                done = processes.submit(_call, call, *told)
                processes.submit(int)  # a process is watched from the next call on: without one its death goes unseen
            return done

        try:
            yield submit
        except BrokenProcessPool as error:
            raise BarcastError(
                "a process that --jobs began ended before its work did: it was killed, or out of memory, or began at a main "
                "module that is not guarded; what is finished is kept, so give the same command again, with fewer --jobs where "
                "memory was short"
            ) from error
        except BaseException:
            ended.set()
            for child in set(active_children()) - others:
                if child.pid is not None:
                    with suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGINT)
            processes.shutdown(cancel_futures=True)
            raise


@contextmanager
def _starting(among: int) -> Iterator[None]:
    """Processes that begin here have their share of threads, and hear of no interruption before they can heed it."""
    share = str(max(1, inference.workers() // among))
    added = [name for name in THREADS if name not in os.environ]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        os.environ.update(dict.fromkeys(added, share))
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare(ended: Event) -> None:
    """In a process of the pool: an interruption is of a call, not of the waiting for one; without a parent it leaves."""
    global _ended
    _ended = ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_leave, daemon=True).start()


def _leave() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _interrupt(number: int, frame: Any) -> NoReturn:
    """Once: Ctrl-C comes from the terminal and from the parent, and the second must not end what the first has begun to tidy."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _call(call: Callable[..., T], *told: Any) -> T | None:
    """The call, in a process of the pool; None, which nobody looks at, where the set has ended: a call is handed out early."""
    assert _ended is not None
    try:
        signal.signal(signal.SIGINT, _interrupt)
        return None if _ended.is_set() else call(*told)
    except BaseException:
        _ended.set()
        raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
