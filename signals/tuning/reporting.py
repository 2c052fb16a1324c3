"""What a search tells people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signals.tuning.search import Found
    from signals.tuning.study import Row

SHOWN = 20


def facts(found: Found, runs: str) -> dict[str, Any]:
    """The search as plain data."""
    return {
        "schema_version": 1,
        "folder": str(found.folder),
        "ledger": runs,
        "score": found.tune.score,
        "rises": found.tune.rises,
        "ranges": found.days,
        "size": found.tune.size,
        "complete": found.complete,
        "best": None if found.best is None else _row(found.best),
        "trials": [_row(row) for row in found.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("number", "params", "state", "score", "epochs", "best_epoch", "why")}


def shown(found: Found, runs: str, whole: bool = False) -> str:
    """The search for people: the best first, then pruned and failed ones; the first 20 unless `whole`."""
    keys = list(found.tune.space)
    ordered = sorted(found.rows, key=lambda row: _order(row, found.tune.rises))
    listed = ordered if whole else ordered[:SHOWN]
    head = ["trial", *keys, found.tune.score, "epochs", "state"]
    cells = [[str(row.number), *(_said(row.params.get(key)) for key in keys), *_end(row)] for row in listed]
    wide = [max(len(line[k]) for line in (head, *cells)) for k in range(len(head))]
    last = len(head) - 1
    lines = [
        "  ".join(
            c.ljust(w) if k == last else c.rjust(w) for k, (c, w) in enumerate(zip(line, wide, strict=True))
        ).rstrip()
        for line in (head, *cells)
    ]
    if len(ordered) > len(listed):
        lines.append(f"... and {len(ordered) - len(listed)} more (--all)")
    return "\n".join([*lines, "", *_told(found, runs)]) + "\n"


def _told(found: Found, runs: str) -> list[str]:
    train, validation = (" to ".join(found.days[name]) for name in ("train", "validation"))
    counts = {
        state: sum(row.state == state for row in found.rows) for state in ("complete", "pruned", "failed", "unfinished")
    }
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    out = [
        f"{len(found.rows)} of {found.tune.size} trials: {told or 'none'}; fitted on {train}, judged on {validation}",
        f"each is noted in {runs}; barcast trials says what their number leaves of the best",
    ]
    if found.best is None:
        out.append("no trial is complete, so there is no best recipe")
    else:
        out.append(
            f"best: trial {found.best.number}, {found.folder / 'best.yaml'}; its score is the best of many, not a forecast"
        )
    if not found.complete:
        out.append("the search is not over: the same command goes on")
    return out


def _order(row: Row, rises: bool) -> tuple[int, float, int]:
    rank = ("complete", "pruned", "unfinished", "failed").index(row.state)
    score = 0.0 if row.score is None else row.score
    return rank, -score if rises else score, row.number


def _end(row: Row) -> list[str]:
    score = "-" if row.score is None or row.state == "failed" else f"{row.score:.6g}"
    why = f" ({row.why})" if row.why and row.state in ("failed", "complete") else ""
    return [score, f"{row.best_epoch}/{row.epochs}" if row.best_epoch else str(row.epochs), row.state + why]


def _said(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "-" if value is None else str(value)
