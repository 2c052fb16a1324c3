"""Signal plugins: a window of bars in, one forecast per instrument out. `load` opens a trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signals.lstm import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    if name == "load":
        from signals.lstm import load

        return load
    raise AttributeError(f"module 'signals' has no attribute {name!r}")
