"""A grade for each instrument, with its reason, and which instruments are fit to learn from, best first."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.data.audit.auditing import Audit, Line
from engine.data.audit.kinds import KINDS

GRADES = ((1.0, "A"), (4.0, "B"), (12.0, "C"), (40.0, "D"), (math.inf, "F"))  # harm up to, grade
TEACHING = ("A", "B", "C", "D")
FEWEST = 250  # bars from which on anything can be learnt
YEAR = 252.0


@dataclass(frozen=True, slots=True)
class Grade:
    """How good the bars of an instrument are: `harm` adds up events and shares of rows by the weights of their kinds."""

    letter: str
    harm: float
    reason: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    symbol: str
    score: float
    reason: str


def grade(line: Line) -> Grade:
    """The grade of one instrument; the reason names what harms most, in numbers."""
    events = dict.fromkeys(KINDS, 0)
    for one in line.findings:
        events[one.kind] += 1
    rows = line.counts
    harms = {
        name: kind.event * events[name] + kind.share * 100.0 * rows[name] / max(line.rows, 1)
        for name, kind in KINDS.items()
    }
    harm = sum(harms.values())
    letter = next(letter for most, letter in GRADES if harm < most or most == math.inf)
    worst = sorted((name for name in harms if harms[name] > 0.0), key=lambda name: -harms[name])[:3]
    told = [_said(name, events[name], rows[name], line.rows) for name in worst]
    if line.bars < FEWEST:
        letter, told = max(letter, "D"), [f"only {line.bars:,} bars", *told]
    return Grade(letter, harm, "; ".join(told) or "nothing found")


def _said(name: str, events: int, rows: int, of: int) -> str:
    kind = KINDS[name]
    if kind.event and events <= 20:
        return f"{kind.label}: {events:,}"
    return f"{kind.label}: {rows:,} ({rows / max(of, 1):.2%} of rows)"


def recommendations(audit: Audit, grades: dict[str, Grade]) -> tuple[Recommendation, ...]:
    """The instruments fit to learn from, best first: little harm, a long life that reaches the data's end, much turnover.

    Score = 10 log2(years) - harm + 2 log10(turnover over the median instrument's) - 5 where it ends early. Names break ties.
    """
    fit = [line for line in audit.lines if grades[line.symbol].letter in TEACHING and line.bars >= FEWEST]
    known = sorted(line.turnover for line in fit if line.turnover > 0.0)
    middle = known[len(known) // 2] if known else math.nan
    out = []
    for line in fit:
        years = line.sessions / YEAR
        dead = line.counts["dead"] > 0
        score = 10.0 * math.log2(years) - grades[line.symbol].harm - (5.0 if dead else 0.0)
        told = [
            f"grade {grades[line.symbol].letter} ({grades[line.symbol].reason})",
            f"{years:.1f} years of {line.bars:,} bars",
        ]
        if line.turnover > 0.0:
            score += 2.0 * math.log10(line.turnover / middle)
            told.append(f"turnover {line.turnover / middle:.3g} times the median's")
        told += ["ends before the data does"] if dead else []
        out.append(Recommendation(line.symbol, round(score, 6), "; ".join(told)))
    return tuple(sorted(out, key=lambda one: (-one.score, one.symbol)))
