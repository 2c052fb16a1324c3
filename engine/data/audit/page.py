"""audit.html: the audit as one page in the style of the report, without a script and without the network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from engine.data.audit.auditing import Audit
from engine.data.audit.documents import totals
from engine.data.audit.grading import Grade, Recommendation
from engine.data.audit.kinds import KINDS
from engine.report.blocks import Cell, Column, Facts, Fold, Note, Section, Table
from engine.report.build import document
from engine.report.words import num, number, plural
from engine.writing import replace

LISTED = 200  # findings of one kind; audit.json has them all
LINES = 2000  # instruments


def write(path: Path, audit: Audit, grades: dict[str, Grade], best: tuple[Recommendation, ...]) -> Path:
    """The path of the page, written whole; OutputError if it cannot be."""
    return replace(path, render(audit, grades, best).encode())


def render(audit: Audit, grades: dict[str, Grade], best: tuple[Recommendation, ...]) -> str:
    """The page as one document: everything escaped, nothing fetched."""
    strap = f"{audit.first} to {audit.last} · {audit.rows:,} rows · {plural(len(audit.lines), 'instrument')}"
    sections = [_whole(audit, grades), _kinds(audit), _instruments(audit, grades), _best(best), _findings(audit)]
    return document(audit.where, "audit", strap, sections, "What no detector looks for is not found.")


def _whole(audit: Audit, grades: dict[str, Grade]) -> Section:
    letters = [grade.letter for grade in grades.values()]
    told = ", ".join(f"{letters.count(letter)} {letter}" for letter in "ABCDF" if letter in letters)
    facts = Facts(
        [("Grades", told), ("Sessions", f"{audit.sessions:,}"), ("Calendar", audit.calendar), ("Prices", audit.prices)]
    )
    return Section(
        "whole", "The whole", "What holds for all instruments.", [facts, *(Note(note) for note in audit.notes)]
    )


def _kinds(audit: Audit) -> Section:
    """Every kind of defect, also those that were looked for and not found."""
    total, struck = totals(audit), dict.fromkeys(KINDS, 0)
    for line in audit.lines:
        for name, count in line.counts.items():
            struck[name] += count > 0
    rows = [
        [Cell(kind.label, "head"), num(f"{total[name]:,}"), num(f"{struck[name]:,}"), Cell(kind.meaning, "quiet")]
        for name, kind in KINDS.items()
    ]
    head = (Column(""), Column("rows", "num"), Column("instruments", "num"), Column("what it is"))
    return Section(
        "kinds", "Kinds", "Rows or sessions of each kind, and instruments that have any.", [Table(head, rows)]
    )


def _instruments(audit: Audit, grades: dict[str, Grade]) -> Section:
    total = totals(audit)
    found = [name for name in KINDS if total[name] and name != "unsorted"]
    worst = sorted(audit.lines, key=lambda line: (-grades[line.symbol].harm, line.symbol))
    rows = []
    for line in worst[:LINES]:
        counts, given = line.counts, grades[line.symbol]
        cells = [num(f"{counts[name]:,}" if counts[name] else "") for name in found]
        own = [Cell(line.symbol, "head"), Cell(given.letter), num(f"{line.rows:,}"), Cell(line.first), Cell(line.last)]
        rows.append([*own, *cells, Cell(given.reason, "quiet")])
    head = [
        Column(word, kind) for word, kind in (("", ""), ("grade", ""), ("rows", "num"), ("first", ""), ("last", ""))
    ]
    head += [*(Column(KINDS[name].label, "num") for name in found), Column("why")]
    rest = len(worst) - LINES
    blocks = [Table(head, rows), *([Note(f"{rest:,} more, no worse, are in audit.json.")] if rest > 0 else [])]
    return Section("instruments", "Instruments", "The worst first.", blocks)


def _best(best: tuple[Recommendation, ...]) -> Section:
    rows = [
        [num(str(k)), Cell(one.symbol, "head"), num(number(one.score, 1)), Cell(one.reason, "quiet")]
        for k, one in enumerate(best[:50], start=1)
    ]
    head = (Column("rank", "num"), Column(""), Column("score", "num"), Column("why"))
    lead = "Little harm, a long life that reaches the data's end, much turnover."
    return Section("best", "To learn from", lead, [Table(head, rows, empty="none is better than F with 250 bars")])


def _findings(audit: Audit) -> Section:
    """Where everything is, a list behind each kind."""
    return Section("findings", "Findings", "Each with its dates; the first of each kind.", list(_folds(audit)))


def _folds(audit: Audit) -> Iterator[Fold]:
    head = (Column(""), Column("first"), Column("last"), Column("rows", "num"), Column("ratio", "num"), Column("what"))
    for name, kind in KINDS.items():
        mine = [(line.symbol, one) for line in audit.lines for one in line.findings if one.kind == name]
        if not mine:
            continue
        rows = [
            [
                Cell(symbol, "head"), *(Cell(day) for day in one.days()), num(f"{one.rows:,}"),
                num("" if math.isnan(one.ratio) else f"{one.ratio:.4g}"), Cell(one.text),
            ]
            for symbol, one in mine[:LISTED]
        ]  # fmt: skip
        yield Fold(f"{kind.label}: {plural(len(mine), 'finding')}", [Table(head, rows)])
