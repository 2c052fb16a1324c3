"""The same call for many arguments, in several processes at once.

The processes are started anew for each set of calls and end with it. joblib's would not: it stops one whose memory has grown, and
where its warning of that is an error the set waits for ever. A process that dies ends the set with one line; an error or Ctrl-C
ends it at once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

from engine.errors import BarcastError

T = TypeVar("T")
Submit = Callable[..., Future[Any]]
_ended: Event | None = None  # in a process of a pool: its calls are wanted no more


def each(call: Callable[..., T], told: Sequence[tuple[Any, ...]], jobs: int) -> list[T]:
    """call(*one) of each, in order, with `jobs` fresh processes; the first error ends it, and interrupts the others.

    BarcastError where a process dies. The processes import the main module, which must be guarded.
    """
    with pool(jobs) as submit:
        running = [submit(call, *one) for one in told]
        done, _ = wait(running, return_when=FIRST_EXCEPTION)
        for one in done:
            one.result()
        return [one.result() for one in running]


@contextmanager
def pool(jobs: int) -> Iterator[Submit]:
    """`jobs` fresh processes: submit(call, *told) is a future. On an error, calls begun are interrupted and no other begins."""
    context = get_context("spawn")
    ended, others = context.Event(), set(active_children())
    with ProcessPoolExecutor(jobs, context, _prepare, (ended,)) as processes:
        try:
            yield lambda call, *told: processes.submit(_call, call, *told)
        except BrokenProcessPool as error:
            raise BarcastError(
                f"one of {jobs} processes ended before its work did: killed, or out of memory; what is finished is kept, so "
                f"give the same command again, with fewer --jobs where memory was short"
            ) from error
        except BaseException:
            ended.set()
            for child in set(active_children()) - others:
                if child.pid is not None:
                    with suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGINT)
            processes.shutdown(cancel_futures=True)
            raise


def _prepare(ended: Event) -> None:
    """In a process of the pool: an interruption is of a call, not of the waiting for one."""
    global _ended
    _ended = ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _call(call: Callable[..., T], *told: Any) -> T | None:
    """The call, in a process of the pool; None, which nobody looks at, where the set has ended: a call is handed out early."""
    assert _ended is not None
    if _ended.is_set():
        return None
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return call(*told)
    except BaseException:
        _ended.set()
        raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
