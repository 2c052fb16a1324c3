"""barcast trials: what has been tried on which data, and what that leaves of the best of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.trials import Trial


def trials(
    runs: Annotated[str, typer.Argument(help="the folder of run directories")] = "runs",
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout, and nothing else")] = False,
) -> None:
    """Count the trials on each set of bars, and deflate the best of them by their number."""
    from engine import trials as ledger

    place = Path(runs) / ledger.LEDGER
    if not place.is_file():
        raise DataError(f"{place}: no ledger here; expected the folder that barcast run --out has written to")
    told = [described(group) for group in ledger.groups(ledger.read(place)).values()]
    typer.echo(json.dumps({"schema_version": 1, "ledger": str(place), "groups": told}) if as_json else table(told))


def described(group: Sequence[Trial]) -> dict[str, Any]:
    """One group of trials: how many, how many of their own, and the best with its PSR and, of several, its deflated Sharpe."""
    from engine import trials as ledger
    from engine.statistics import deflation, track

    first = group[0]
    known = [trial for trial in group if math.isfinite(trial.sharpe)]
    out: dict[str, Any] = {
        "fingerprint": first.fingerprint,
        "bars_per_year": first.bars_per_year or None,
        "trials": len(group),
        "effective": deflation.effective_trials(ledger.matrix(group)),
    }
    if not known:
        return {**out, "best": None, "sharpe": None, "psr": None, "dsr": None}
    best = max(known, key=lambda trial: trial.sharpe)
    facts = (best.sharpe, best.skew, best.kurtosis, best.slices)
    variance = deflation.variance_of([trial.sharpe for trial in group])
    dsr = deflation.deflated_sharpe(*facts, variance, len(group)) if math.isfinite(variance) else math.nan
    psr = track.probabilistic_sharpe(best.sharpe, 0.0, best.skew, best.kurtosis, best.slices)
    annual = best.sharpe * math.sqrt(best.bars_per_year) if best.bars_per_year else math.nan
    numbers = {"sharpe": annual, "psr": psr, "dsr": dsr}
    return {
        **out,
        "best": best.name,
        "said": best.said,
        **{key: None if math.isnan(v) else v for key, v in numbers.items()},
    }


def table(groups: Sequence[dict[str, Any]]) -> str:
    """The groups for people. One trial has no deflated Sharpe: it would be the probabilistic one."""
    rows = [("bars", "a year", "trials", "worth", "best", "Sharpe", "PSR", "deflated")]
    for one in groups:
        rate = "" if one["bars_per_year"] is None else f"{one['bars_per_year']:,}"
        figures = (one["sharpe"], one["psr"], one["dsr"])
        shown = ("n/a" if v is None else f"{v:.2f}" if k == 0 else f"{v:.1%}" for k, v in enumerate(figures))
        counted = (f"{one['trials']:,}", f"{one['effective']:.1f}", one["best"] or "none", *shown)
        rows.append((one["fingerprint"][:12], rate, *counted))
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if k in (0, 4) else c.rjust(w) for k, (c, w) in enumerate(zip(row, wide, strict=True)))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
