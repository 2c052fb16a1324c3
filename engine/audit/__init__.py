"""The causality audit of a whole pipeline: `audit(config)` asks what a leak would change, and returns findings."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.audit.auditing import Audit, audit

__all__ = ["Audit", "audit"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("engine.audit.auditing"), name)
    raise AttributeError(f"module 'engine.audit' has no attribute {name!r}")
