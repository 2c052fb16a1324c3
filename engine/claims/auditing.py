"""The audit of reports: every check of every section, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.claims import making, predictions, ranks, results
from engine.claims.finding import IMPOSSIBLE, INTERVAL, KINDS, UNLIKELY, Finding
from engine.claims.reading import Report, read

CHECKS = (
    *(predictions.regression, predictions.classification, ranks.information),
    *(results.performance, results.trades, results.costs),
    *(making.training, making.model, making.search, making.splits, making.comparison),
)


@dataclass(frozen=True, slots=True)
class Audited:
    """One report and what was found in it, the worst first."""

    name: str
    findings: tuple[Finding, ...]
    figures: int

    def of(self, *kinds: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind in kinds]

    @property
    def possible(self) -> bool:
        return not self.of(IMPOSSIBLE)

    @property
    def alarms(self) -> list[Finding]:
        """Whatever contradicts or is hard to believe."""
        return self.of(IMPOSSIBLE, UNLIKELY)


def audit(report: Report) -> Audited:
    """Every finding in a report; the same figures always give the same."""
    found = [finding for check in CHECKS for finding in check(report)]
    found.sort(key=lambda finding: KINDS.index(finding.kind))
    return Audited(report.name, tuple(found), sum(len(items) for items in report.sections.values()))


def audit_file(path: str | Path) -> list[Audited]:
    return [audit(report) for report in read(path)]


def text_of(audited: Sequence[Audited]) -> str:
    """Audits for people: contradictions, doubts, warnings, honest intervals."""
    lines: list[str] = []
    marks = dict(zip(KINDS, ("✗", "?", "!", "="), strict=True))
    for one in audited:
        lines.append(f"{one.name}: {one.figures} figure{'' if one.figures == 1 else 's'}")
        for finding in one.findings:
            word = "" if finding.kind == INTERVAL else f"{finding.kind}: "
            lines += [f"  {marks[finding.kind]} {word}{finding.name}", f"      {finding.figures}: {finding.why}"]
        bad = len(one.of(IMPOSSIBLE))
        what = f"{bad} cannot be" if bad else "nothing here contradicts itself"
        lines.append(
            f"  {what}, {len(one.of(UNLIKELY))} hard to believe, {len(one.of('warning'))} to be read with care\n"
        )
    return "\n".join(lines)
