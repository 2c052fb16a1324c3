"""engine/live asks for the time and waits in one module alone, and leaves nothing to chance."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

LIVE = Path(__file__).resolve().parents[2] / "engine" / "live"
FORBIDDEN = {
    "time": {
        "time",
        "time_ns",
        "monotonic",
        "monotonic_ns",
        "perf_counter",
        "perf_counter_ns",
        "sleep",
        "localtime",
        "gmtime",
    },
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "os": {"urandom", "getrandom"},
    "uuid": {"uuid1", "uuid4"},
    "asyncio": {"sleep"},
}
MODULES = {"random", "secrets", "uuid", "time"}


def offences(source: str) -> list[str]:
    """Where a source asks the clock or chance."""
    out = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            out += [f"line {node.lineno}: imports {name}" for name in names if name.split(".")[0] in MODULES]
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in FORBIDDEN.get(owner, ()) or owner == "random":
                out.append(f"line {node.lineno}: {owner}.{node.attr}")
    return out


@pytest.mark.parametrize("path", sorted(LIVE.rglob("*.py")), ids=lambda path: path.name)
def test_only_the_clock_asks_for_the_time(path):
    found = offences(path.read_text())
    assert bool(found) == (path.name == "clock.py"), found


@pytest.mark.parametrize(
    "wrong",
    [
        "import time\n", "from time import sleep\n", "import random\n", "import datetime\ndatetime.datetime.now()\n",
        "from datetime import date\ndate.today()\n", "import uuid\n", "import numpy as np\nnp.random.rand()\n", "import os\nos.urandom(4)\n",
    ],
)  # fmt: skip
def test_each_way_of_asking_is_noticed(wrong):
    assert offences(wrong)
