"""Contract checks for plugins, and what they share with the audit: `check_signal`, `check_strategy`, `Finding`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.checks.finding import Finding
    from engine.checks.signals import check_signal
    from engine.checks.strategies import check_strategy

__all__ = ["Finding", "check_signal", "check_strategy"]

_HOME = {
    "Finding": "engine.checks.finding",
    "check_signal": "engine.checks.signals",
    "check_strategy": "engine.checks.strategies",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'engine.checks' has no attribute {name!r}")
