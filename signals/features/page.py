"""The sets and their columns as a page for people: docs/features.md ends with it."""

from __future__ import annotations

from collections.abc import Iterable

from signals.features.sets import FeatureSet


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
