"""Problems with a configuration: where, what was expected, what was there, and the nearest right word; all at once."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.errors import ConfigError

MOST = 20  # problems told; somebody with more has one mistake, told many times
WIDTH = 160  # of a source line, longest
LENGTH = 600  # of a message, longest: it quotes what it found


class Mark(NamedTuple):
    """A place in a file, counted from 1; line 0 is no place in a file (an override, a mapping made in Python)."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    mark: Mark
    path: str  # dotted, empty for the file as a whole
    message: str
    source: str = ""  # what to call the place instead of file:line:column


class At(ValueError):  # noqa: N818 -- a place, said where it is raised
    """What a model finds wrong at one of its keys, or deeper: at the value, or at the key itself (`unknown`).

    `{there}` in the message becomes the place of `also`.
    """

    def __init__(
        self,
        key: str | tuple[str | int, ...],
        message: str,
        also: str | tuple[str | int, ...] = (),
        unknown: bool = False,
    ) -> None:
        super().__init__(message)
        self.unknown = unknown
        self.path: tuple[str | int, ...] = (key,) if isinstance(key, str) else key
        self.also: tuple[str | int, ...] = (also,) if isinstance(also, str) else also


class Mistakes(ValueError):  # noqa: N818
    """Several At of one model."""

    def __init__(self, items: Sequence[At]) -> None:
        super().__init__("; ".join(map(str, items)))
        self.items = tuple(items)


def refuse(name: str, lines: Sequence[str], problems: Sequence[Problem], hidden: int = 0) -> ConfigError:
    """The ConfigError that tells the `problems`, in the order they stand in the file, with their lines and a caret.

    No more than MOST of them; the rest, and `hidden` that were not worked out, are counted.
    """
    ordered = sorted(set(problems), key=lambda p: (p.mark, p.path, p.message))
    told = [_tell(name, lines, problem) for problem in ordered[:MOST]]
    rest = len(ordered) - len(told) + hidden
    return ConfigError("\n".join([*told, f"... and {rest} more"] if rest else told))


def _tell(name: str, lines: Sequence[str], problem: Problem) -> str:
    line, column = problem.mark
    where = problem.source or (f"{name}:{line}:{column}" if line else name)
    named = problem.path and problem.source != f"--set {problem.path}"
    text = f"{where}: {problem.path}: {problem.message}" if named else f"{where}: {problem.message}"
    text = text if len(text) <= LENGTH else f"{text[: LENGTH - 3]}..."
    if problem.source or not 0 < line <= len(lines):
        return text
    first = max(0, column - WIDTH // 2) if len(lines[line - 1]) > WIDTH else 0
    shown = lines[line - 1][first : first + WIDTH]
    before = "".join("\t" if c == "\t" else " " for c in shown[: column - 1 - first])
    return f"{text}\n    {shown}\n    {before}^"


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean ...?` for the closest known word, whatever its case, else nothing."""
    folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(word[:100].casefold(), list(folded), n=1, cutoff=0.6)
    return f"; did you mean `{folded[close[0]]}`?" if close else ""


def listed(words: Sequence[str], limit: int = 30) -> str:
    """`a, b, c`, the first `limit` of them."""
    return ", ".join(words[:limit]) + (", ..." if len(words) > limit else "")
