"""Bars looked at as they lie in a file, before any of them is believed: what is wrong with them, where, and how badly.

`audit(path)` reads leniently (reading), hands one instrument's arrays to small pure detectors (cells, rows, levels, moves,
adjusted), and sums up what they find in a grade (grading). Nothing is repaired and nothing is refused but what cannot be
read at all.
"""

from __future__ import annotations

from typing import Any

__all__ = ["audit"]


def __getattr__(name: str) -> Any:
    if name == "audit":
        from engine.data.audit.auditing import audit

        return audit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
