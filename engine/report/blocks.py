"""What a page is made of: sections of blocks. A block holds finished text and pictures; its template draws it.

Every text is escaped by the template; only `Figure.svg`, made by engine.report.svg, goes in as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from markupsafe import Markup

from engine.report.checks import Check


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of a table: its text, how to draw it (num, gain, loss, quiet or nothing) and a background, if any."""

    text: str
    kind: str = ""
    style: str = ""


class Column(NamedTuple):
    """A heading, how its cells are drawn, and what it means, told below the table."""

    word: str
    kind: str = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """A metric: its name, definition, values and, where it is undefined, why. `share` marks the tile's tone."""

    label: str
    line: str
    text: str
    other: str = ""
    reason: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    kind: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True, slots=True)
class Unchecked:
    """The place of something that was not looked at: never nothing."""

    kind: ClassVar[str] = "unchecked"
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    kind: ClassVar[str] = "table"
    head: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    klass: str = ""
    empty: str = "none"


@dataclass(frozen=True, slots=True)
class Figure:
    kind: ClassVar[str] = "figure"
    title: str
    caption: str
    svg: Markup
    keys: tuple[tuple[str, str], ...] = ()  # (class of the colour, word)


@dataclass(frozen=True, slots=True)
class Pair:
    """Blocks beside each other where there is room."""

    kind: ClassVar[str] = "pair"
    blocks: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Tiles:
    kind: ClassVar[str] = "tiles"
    terms: Sequence[Term]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Groups of metrics: (title, terms); `other` heads the second column, empty without a benchmark."""

    kind: ClassVar[str] = "metrics"
    groups: Sequence[tuple[str, Sequence[Term]]]
    other: str = ""


@dataclass(frozen=True, slots=True)
class Belief:
    """The first block: figures, warnings of data and run, and every check with its state."""

    kind: ClassVar[str] = "belief"
    terms: Sequence[Term]
    interval: Figure | None
    warnings: Sequence[str]
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far to believe the run, in a sentence, and the sentences it rests on: (tone, topic, text)."""

    kind: ClassVar[str] = "verdict"
    which: str
    headline: str
    sentences: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Curves:
    """The chart of equity and drawdown, drawn by the page's script from its data."""

    kind: ClassVar[str] = "curves"
    label: str
    keys: tuple[tuple[str, str], ...]
    log: bool = False  # whether it opens with a logarithmic axis


@dataclass(frozen=True, slots=True)
class Candles:
    """The chart of trades on prices; `choices` are the (number, symbol, caption) one can turn to."""

    kind: ClassVar[str] = "candles"
    choices: Sequence[tuple[int, str, str]]
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, a line each."""

    kind: ClassVar[str] = "facts"
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks behind a summary that opens."""

    kind: ClassVar[str] = "fold"
    summary: str
    blocks: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Code:
    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: its anchor, heading, one sentence of explanation, and blocks."""

    key: str
    title: str
    lead: str
    blocks: Sequence[Any]
