"""One wrong version of a source file: what is wrong, the file, the right text, the wrong text.

The right text must occur exactly once, so a patch that no longer fits is noticed.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    name: str
    file: str
    right: str
    wrong: str
