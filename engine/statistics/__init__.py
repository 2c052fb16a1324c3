"""Compiled statistics: arrays in, floats out. `engine.metrics` gives them names, units and reasons."""

from __future__ import annotations

from typing import Any

import numpy as np


def given(array: Any) -> Any:
    """`array` contiguous and read-only, so that a kernel compiles once for what is fresh and what comes from a file."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
