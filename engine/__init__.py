"""The machine: panel, step, loop, result. Names are fetched when first used, so that `barcast --help` stays light."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.lane import lanes
    from engine.panel import Panel
    from engine.result import Result
    from engine.robust import robustness
    from engine.run import backtest
    from engine.types import Order

__version__ = "0.1.0"
__all__ = ["Order", "Panel", "Result", "__version__", "backtest", "lanes", "robustness"]

_HOME = {
    "Order": "engine.types",
    "Panel": "engine.panel",
    "Result": "engine.result",
    "backtest": "engine.run",
    "lanes": "engine.lane",
    "robustness": "engine.robust",
}

_ROOMS = ("audit", "checks")  # whole packages that `import engine` alone lets one reach


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _ROOMS:
        return import_module(f"engine.{name}")
    raise AttributeError(f"module 'engine' has no attribute {name!r}")
