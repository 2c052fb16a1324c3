"""Markets in which the truth is known: simulate(settings) in memory, write(settings, folder) as files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.markets.making import Simulated, simulate
    from engine.markets.reading import read
    from engine.markets.writing import write

__all__ = ["Simulated", "read", "simulate", "write"]

_HOME = {
    "Simulated": "engine.markets.making",
    "read": "engine.markets.reading",
    "simulate": "engine.markets.making",
    "write": "engine.markets.writing",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'engine.markets' has no attribute {name!r}")
