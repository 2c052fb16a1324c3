"""Signal plugins: a window of bars in, one forecast per instrument out. `load` opens a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signals.lstm import Lstm

__all__ = ["load"]


def load(model: str | Path, precision: str = "fp32") -> Lstm:
    """The signal of a model folder: `load(folder).forecast(window)` is one number per instrument."""
    from engine.errors import ConfigError
    from signals import lstm

    if not str(model).strip():
        raise ConfigError("signals.load: expected a model folder, got nothing")
    return lstm.load(model, precision)
