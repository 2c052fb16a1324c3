"""Sets and reports as text for people: tables of columns for docs/features.md, a report for the shell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from signals.features.sets import FeatureSet

if TYPE_CHECKING:
    from signals.features.report import Report

SHOWN = 20  # pairs of columns that are listed


def page(sets: Iterable[FeatureSet]) -> str:
    """Markdown: a table of the sets, then a table of columns for each."""
    sets = list(sets)
    lines = ["| set | columns | memory, slices | reads |", "|---|---|---|---|"]
    lines += [f"| `{f.name}` | {len(f)} | {f.memory} | {', '.join(f.needs)} |" for f in sets]
    for features in sets:
        lines += ["", f"### {features.name}", "", "| column | is | memory | source |", "|---|---|---|---|"]
        lines += [
            f"| `{c.name}` | `{c.formula.replace('|', chr(92) + '|')}` | {c.memory} | {c.source} |"
            for c in features.columns
        ]
    return "\n".join(lines) + "\n"


def summary(found: Report, years: bool = False) -> str:
    """A table of columns, then the pairs that are alike."""
    head = f"{found.instruments:,} instruments x {found.slices:,} slices, {found.bars:,} bars; numbers of {found.read:,} rows"
    lines = [f"{found.set}: {head}", ""]
    wide = max(len(column.name) for column in found.columns)
    names = ("NaN", "1 %", "25 %", "50 %", "75 %", "99 %", "drift")
    lines.append(" " * wide + "".join(f"{name:>11}" for name in names))
    for c in found.columns:
        lines.append(f"{c.name:{wide}}{c.nan:>11.2%}" + "".join(f"{x:>11.4g}" for x in (*c.quantiles, c.drift)))
        if years:
            lines += [f"{year:>{wide}}{'':11}" + "".join(f"{x:>11.4g}" for x in q) for year, q in c.years.items()]
    lines += ["", f"{found.distinct} distinct columns of {len(found.columns)}"]
    a, b, strength = found.highest
    lines.append(
        f"{len(found.alike)} pairs with |corr| above {found.threshold:g}; the highest: {a}, {b}: {strength:+.4f}"
    )
    lines += [f"  {a}, {b}: {strength:+.4f}" for a, b, strength in found.alike[:SHOWN]]
    if len(found.alike) > SHOWN:
        lines.append(f"  and {len(found.alike) - SHOWN:,} more")
    lines.append("drift: median of the last third of the slices less that of the first, in quartile ranges")
    return "\n".join(lines) + "\n"
