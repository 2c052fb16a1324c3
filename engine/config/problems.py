"""Problems with a configuration: where, what was expected, what was there, and the nearest right word; all at once."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.errors import ConfigError


class Mark(NamedTuple):
    """A place in a file, counted from 1; line 0 is no place in a file (an override)."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    mark: Mark
    path: str  # dotted, empty for the file as a whole
    message: str
    source: str = ""  # what to call the place instead of file:line:column


def refuse(name: str, lines: Sequence[str], problems: Sequence[Problem]) -> ConfigError:
    """The ConfigError that tells all `problems`, in the order they stand in the file, with their lines and a caret."""
    told = []
    for problem in sorted(set(problems), key=lambda p: (p.mark, p.path, p.message)):
        mark = problem.mark
        where = problem.source or f"{name}:{mark.line}:{mark.column}"
        named = problem.path and not problem.source.endswith(problem.path)
        said = f"{problem.path}: {problem.message}" if named else problem.message
        text = f"{where}: {said}"
        if not problem.source and 0 < mark.line <= len(lines):
            line = lines[mark.line - 1]
            if len(line) <= 160:
                text += f"\n    {line}\n    {' ' * (mark.column - 1)}^"
        told.append(text)
    return ConfigError("\n".join(told))


def nearest(word: str, known: Sequence[str]) -> str:
    """` did you mean ...?` for the closest known word, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""
