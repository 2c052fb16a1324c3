"""The same call for many arguments, in several processes at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def each(call: Callable[..., T], told: Sequence[tuple[Any, ...]], jobs: int) -> list[T]:
    """call(*one) of each, in order, with `jobs` fresh processes; joblib's where it is installed, as they need no guarded
    main module. The first error ends it.
    """
    try:
        from joblib import Parallel, delayed
    except ImportError:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            waiting = [pool.submit(call, *one) for one in told]
            try:
                return [done.result() for done in waiting]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return list(Parallel(n_jobs=jobs)(delayed(call)(*one) for one in told))
