"""What `crosscheck` prints: two runs beside each other, and every difference in one line."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.crosscheck import Comparison

SHOWN = 20  # differences for people; --json has them all


def crosscheck_summary(result: Comparison) -> str:
    """A comparison for people."""
    rows = (
        ("fills, barcast", f"{result.ours:,}"),
        ("fills, backtrader", f"{result.theirs:,}"),
        ("matched", f"{result.matched:,}"),
        ("mismatched", f"{result.mismatched:,}"),
        ("biggest difference in price", gap(result.price)),
        ("biggest difference in quantity", gap(result.quantity)),
        ("biggest difference in fee", gap(result.fee)),
        ("biggest difference in equity", gap(result.equity)),
    )
    names = "instrument" if result.instruments == 1 else "instruments"
    lines = [
        f"{result.name}: barcast beside backtrader",
        f"{result.first} to {result.last}, {result.slices:,} slices, {result.instruments:,} {names}",
        "",
        *(f"{label:<32}{value:>12}" for label, value in rows),
        "",
        *differences(result),
        verdict(result),
    ]
    return "\n".join(lines) + "\n"


def gap(value: float) -> str:
    """A difference as people read it: exact, or to two digits."""
    return "0" if value == 0.0 else f"{value:.2g}"


def differences(result: Comparison) -> list[str]:
    """The first differences; a fill that differs moves the account, so later ones may only follow from it."""
    if not result.differences:
        return []
    more = len(result.differences) - SHOWN
    return [*result.differences[:SHOWN], *([f"... and {more:,} more (--json has them all)"] if more > 0 else []), ""]


def verdict(result: Comparison) -> str:
    """The last line."""
    if result.same:
        return "Every fill has its equal." if result.ours else "Nothing was traded, so nothing was compared."
    if result.mismatched:
        return "They differ; the first difference is the one to look at, since later ones may follow from it."
    return "The fills are the same, but the equity is not."


def crosscheck_document(result: Comparison) -> str:
    """A comparison for programs: one JSON document."""
    return json.dumps({"schema_version": 1, "same": result.same, **asdict(result)}, allow_nan=False) + "\n"
