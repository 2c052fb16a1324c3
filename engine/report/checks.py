"""How far to believe a run: what has been checked, what has not, and what other code may add when it has checked it.

Checks that nobody has run are said so. Whoever runs one hands its outcome over in `Findings`, which replaces the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine import codes as c
from engine.types import Floats

if TYPE_CHECKING:
    from engine.report.blocks import Section
    from engine.result import Result

NOT_CHECKED = "not checked"
STATES = ("passed", "failed", "told", NOT_CHECKED)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of belief: `state` is one of STATES, `text` what was found, or what would have been looked for."""

    name: str
    state: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """Metrics by name under the worst intrabar order, as run, and under the best; None where undefined."""

    metrics: tuple[tuple[str, float | None, float | None, float | None], ...]


@dataclass(frozen=True, slots=True)
class CostGrid:
    """One metric at (R,) commissions by (C,) slippages, both fractions; `break_even` is the cost per side that ends it."""

    metric: str
    commission: tuple[float, ...]
    slippage: tuple[float, ...]
    values: Floats  # (R, C), NaN where undefined
    break_even: float | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What checks outside the run have found. A Check replaces the line of its name; sections are added at the end."""

    checks: tuple[Check, ...] = ()
    ambiguity: Ambiguity | None = None
    costs: CostGrid | None = None
    sections: tuple[Section, ...] = ()


def open_questions(result: Result, findings: Findings) -> list[Check]:
    """Every check a reader should ask for, in the manifest's order, with what was found where it was run."""
    from engine.manifest import NOT_CHECKED as ALL

    told = {check.name: check for check in findings.checks}
    if findings.ambiguity is not None:
        told.setdefault("best and worst intrabar order", Check("best and worst intrabar order", "told", "below"))
    if findings.costs is not None:
        told.setdefault("break-even cost and capacity", Check("break-even cost and capacity", "told", "below"))
    asked = [unchecked(line) for line in result.manifest.get("not_checked", ALL)]
    out = [told.pop(check.name, check) for check in asked]
    return out + list(told.values())


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
