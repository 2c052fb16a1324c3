"""A cleaned copy of a file of bars, and a log of every cell that differs: what the audit finds, repaired where the bars
themselves say how, masked as not known where they do not, and never guessed.

`fix(path)` audits, repairs, and audits again until an audit leads to no repair; so a fixed file stays as it is. The source
is only read.
"""

from __future__ import annotations

from typing import Any

__all__ = ["fix"]


def __getattr__(name: str) -> Any:
    if name == "fix":
        from engine.data.fix.fixing import fix

        return fix
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
