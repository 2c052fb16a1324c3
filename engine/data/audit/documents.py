"""An audit as JSON: audit.json with every finding, training_recommendations.json with who to learn from, and why."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from engine.data.audit.auditing import Audit, Line
from engine.data.audit.grading import Grade, Recommendation
from engine.data.audit.kinds import KINDS, Finding
from engine.writing import replace

MOST = 1000  # findings of one kind listed for one instrument; the counts are whole


def document(audit: Audit, grades: dict[str, Grade]) -> dict[str, Any]:
    """The whole audit; numbers that are not known are null."""
    return {
        "schema_version": 1,
        "where": audit.where,
        "rows": audit.rows,
        "first": audit.first,
        "last": audit.last,
        "sessions": audit.sessions,
        "calendar": audit.calendar,
        "prices": audit.prices,
        "notes": list(audit.notes),
        "totals": totals(audit),
        "kinds": {name: {"label": kind.label, "meaning": kind.meaning} for name, kind in KINDS.items()},
        "instruments": [_instrument(line, grades[line.symbol]) for line in audit.lines],
    }


def totals(audit: Audit) -> dict[str, int]:
    """Rows or sessions of each kind over all instruments."""
    out = dict.fromkeys(KINDS, 0)
    for line in audit.lines:
        for name, count in line.counts.items():
            out[name] += count
    return out


def _instrument(line: Line, grade: Grade) -> dict[str, Any]:
    listed: dict[str, list[dict[str, Any]]] = {}
    for one in line.findings:
        mine = listed.setdefault(one.kind, [])
        if len(mine) < MOST:
            mine.append(_finding(one))
    return {
        "symbol": line.symbol,
        "grade": grade.letter,
        "reason": grade.reason,
        "harm": round(grade.harm, 4),
        "rows": line.rows,
        "bars": line.bars,
        "first": line.first,
        "last": line.last,
        "counts": {name: count for name, count in line.counts.items() if count},
        "findings": listed,
    }


def _finding(one: Finding) -> dict[str, Any]:
    first, last = one.days()
    ratio = None if math.isnan(one.ratio) else round(one.ratio, 6)
    return {"first": first, "last": last, "rows": one.rows, "ratio": ratio, "text": one.text}


def advice(audit: Audit, best: tuple[Recommendation, ...]) -> dict[str, Any]:
    """Who to learn from, best first."""
    ranked = [
        {"rank": k, "symbol": one.symbol, "score": one.score, "reason": one.reason}
        for k, one in enumerate(best, start=1)
    ]
    return {"schema_version": 1, "where": audit.where, "instruments": ranked}


def write(path: Path, told: dict[str, Any]) -> Path:
    """The path, holding `told` whole; OutputError, and nothing half-written, if it cannot be."""
    return replace(path, (json.dumps(told, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode())
