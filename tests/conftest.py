"""No test writes to the user's cache of panels; compiled code stays where it is, since compiling it anew takes minutes.

The run ends with the table of what paper trading promises, where tests of it ran.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from engine.places import CACHE, cache_home
from tests import promises


@pytest.fixture(scope="session", autouse=True)
def _caches_apart(tmp_path_factory) -> Iterator[None]:
    compiled = os.environ.get("BARCAST_CACHE_DIR") or str(cache_home())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BARCAST_CACHE_DIR", compiled)
        patch.setenv(CACHE, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """A worker of several hands its figures to the process that writes the table."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["promises"] = {name: promise.told for name, promise in promises.PROMISES.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    for name, told in getattr(node, "workeroutput", {}).get("promises", {}).items():
        promises.note(name, **told)


def pytest_terminal_summary(terminalreporter):
    if promises.any_told():
        terminalreporter.section("what paper trading promises")
        for line in promises.lines():
            terminalreporter.write_line(line)
