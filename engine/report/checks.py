"""How far to believe a run: what has been checked, what has not, and what other code may add when it has checked it.

Checks that nobody has run are said so. Whoever runs one hands its outcome over in `Findings`, which replaces the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine import codes as c

if TYPE_CHECKING:
    from engine.belief import Belief
    from engine.report.blocks import Section
    from engine.result import Result
    from engine.robust import Robustness

NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of belief: `state` is passed, failed, told or not checked.

    `text` is what was found, or what would have been looked for.
    """

    name: str
    state: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What checks outside the run have found. A Check replaces the line of its name; sections are added at the end.

    `belief` is the verdict of a run whose ledger is known; without it a report judges from the run alone.
    """

    checks: tuple[Check, ...] = ()
    robustness: Robustness | None = None
    belief: Belief | None = None
    sections: tuple[Section, ...] = ()


def open_questions(result: Result, findings: Findings) -> list[Check]:
    """Every check a reader should ask for, in the manifest's order, with what was found where it was run."""
    from engine.manifest import NOT_CHECKED as ALL

    told = {check.name: check for check in findings.checks}
    if findings.belief is not None:
        for check in belief_checks(findings.belief):
            told.setdefault(check.name, check)
    if findings.robustness is not None:
        for check in robust_checks(findings.robustness):
            told.setdefault(check.name, check)
    asked = [Check(**found) for found in result.manifest.get("checked", [])]
    asked += [unchecked(line) for line in result.manifest.get("not_checked", ALL)]
    out = [told.pop(check.name, check) for check in asked]
    return out + list(told.values())


def belief_checks(belief: Belief) -> list[Check]:
    """What the ledger of trials tells, as the line that asks for it."""
    said = [one for one in belief.sentences if one.topic == "trials"]
    return [Check("number of trials behind this run", "told", one.text) for one in said]


def robust_checks(found: Robustness) -> list[Check]:
    """What was found under other intrabar orders and costs, a line each."""
    from engine.result import shown

    low, high = (shown("total_return", value) for value in found.interval("total_return"))
    order = f"total return from {low} to {high} over the three orders"
    if low == high:
        order = f"total return {low} under all three orders"
    if found.break_even is None:
        cost = found.break_even_note
    else:
        cost = f"nothing is left at a commission of {found.break_even * 1e4:.1f} bps a side; capacity is not checked"
    return [Check("best and worst intrabar order", "told", order), Check("break-even cost and capacity", "told", cost)]


def unchecked(line: str) -> Check:
    """'what: not checked (why)' of a manifest as a Check."""
    name, _, rest = str(line).partition(f": {NOT_CHECKED}")
    return Check(name, NOT_CHECKED, rest.strip().removeprefix("(").removesuffix(")"))


def ambiguous_bars(result: Result) -> int:
    """Bars in which another intrabar policy would have filled differently."""
    return int(np.count_nonzero(result.facts.codes & np.uint32(c.AMBIGUOUS)))


def bars_with_a_bar(result: Result) -> int:
    """Pairs of slice and instrument with a bar."""
    decision = result.facts.codes & np.uint32(c.DECISION_MASK)
    return int(np.count_nonzero(decision != np.uint32(c.NO_BAR_NOW)))
