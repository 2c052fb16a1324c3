"""barcast trials: what has been tried on which data, and what that leaves of the best of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import AsJson
from engine.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.trials import Trial


def trials(
    runs: Annotated[str, typer.Argument(help="the folder of run directories")] = "runs",
    as_json: AsJson = False,
) -> None:
    """Count the trials on each set of bars and those akin to them, and deflate the best by their number."""
    from engine import trials as ledger

    place = Path(runs) / ledger.LEDGER
    if not place.is_file():
        raise DataError(f"{place}: no ledger here; expected the folder that barcast run --out has written to")
    found = ledger.read(place)
    told = [described(group, found) for group in ledger.groups(found).values()]
    typer.echo(json.dumps({"schema_version": 1, "ledger": str(place), "groups": told}) if as_json else table(told))


def described(group: Sequence[Trial], found: Sequence[Trial]) -> dict[str, Any]:
    """The trials on the same bars: how many, how many akin to them are `found`, and the best of those on these bars.

    The best has its PSR and, of several, its deflated Sharpe, by the number of all that are akin.
    """
    from engine.kin import akin, shared
    from engine.statistics import deflation, track

    known = [trial for trial in group if math.isfinite(trial.sharpe)]
    first = max(known, key=lambda trial: trial.sharpe) if known else group[0]
    kin = [trial for trial in found if akin(trial, first)]
    out: dict[str, Any] = {
        "fingerprint": first.fingerprint,
        "bars_per_year": first.bars_per_year or None,
        "first": day(first.first),
        "last": day(first.last),
        "names": len(first.symbols) or None,
        "here": len(group),
        "trials": len(kin),
        "effective": deflation.effective_trials(shared(first, kin).returns),
    }
    if not known:
        return {**out, "best": None, "sharpe": None, "psr": None, "dsr": None}
    best, facts = first, (first.sharpe, first.skew, first.kurtosis, first.slices)
    variance = deflation.variance_of([trial.sharpe for trial in kin])
    dsr = deflation.deflated_sharpe(*facts, variance, len(kin)) if math.isfinite(variance) else math.nan
    psr = track.probabilistic_sharpe(best.sharpe, 0.0, best.skew, best.kurtosis, best.slices)
    annual = best.sharpe * math.sqrt(best.bars_per_year) if best.bars_per_year else math.nan
    numbers = {"sharpe": annual, "psr": psr, "dsr": dsr}
    return {
        **out,
        "best": best.name,
        "said": best.said,
        **{key: None if math.isnan(v) else v for key, v in numbers.items()},
    }


def share(chance: float) -> str:
    """A probability that is never told as certainty."""
    return ">99.9%" if chance > 0.999 else f"{chance:.1%}"


def day(time: int) -> str:
    """The date that a bar closing at `time` (ns) is of: midnight ends a day."""
    import numpy as np

    return str(np.datetime64(time - 1, "ns").astype("datetime64[D]"))


def table(groups: Sequence[dict[str, Any]]) -> str:
    """The groups for people. One trial has no deflated Sharpe: it would be the probabilistic one."""
    rows = [("bars", "from", "to", "names", "a year", "here", "trials", "worth", "best", "Sharpe", "PSR", "deflated")]
    for one in groups:
        rate = "" if one["bars_per_year"] is None else f"{one['bars_per_year']:,}"
        figures = (one["sharpe"], one["psr"], one["dsr"])
        shown = ("n/a" if v is None else f"{v:.2f}" if k == 0 else share(v) for k, v in enumerate(figures))
        names = "" if one["names"] is None else f"{one['names']:,}"
        counted = (f"{one['here']:,}", f"{one['trials']:,}", f"{one['effective']:.1f}", one["best"] or "none", *shown)
        rows.append((one["fingerprint"][:12], one["first"], one["last"], names, rate, *counted))
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if k in (0, 8) else c.rjust(w) for k, (c, w) in enumerate(zip(row, wide, strict=True)))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
