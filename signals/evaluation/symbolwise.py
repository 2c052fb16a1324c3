"""Two folders of a model per symbol beside each other: symbol by symbol, paired by date, and counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.errors import ConfigError, DataError
from signals.evaluation import compare as comparing
from signals.evaluation.subject import open_model, places

SCHEMA = 1
STATES = ("better", "worse", "undecided")
Told = dict[str, Any]
Say = Callable[[str], None]


def apart(roots: Sequence[Path]) -> bool:
    """Whether these are two folders of a model per symbol; ConfigError where only some are, or where there are more."""
    many = [places(root) != [root] for root in roots]
    if not any(many):
        return False
    if not all(many):
        one, other = roots[many.index(False)], roots[many.index(True)]
        raise ConfigError(
            f"compare-models: {other} holds a model per symbol and {one} does not; give two that do, or one symbol of it"
        )
    if len(roots) != 2:
        raise ConfigError(f"compare-models: expected two folders of a model per symbol, got {len(roots)}")
    return True


def compare(
    first: Path,
    second: Path,
    at: str,
    span: Sequence[str | None] = (None, None),
    sets: Sequence[str] = (),
    say: Say = lambda text: None,
) -> Told:
    """`second` less `first` for each symbol that both have, and how often that is better or worse beyond chance.

    A symbol that cannot be held against itself is told with the reason. DataError where that leaves none.
    """
    homes = [{place.name: place for place in places(root)} for root in (first, second)]
    common = [symbol for symbol in homes[0] if symbol in homes[1]]
    rows: list[Told] = []
    refused: list[Told] = []
    names: list[str] = []
    for symbol in common:
        try:
            subjects = [open_model(some[symbol], None, sets, say=say) for some in homes]
            names = names or named([subject.name for subject in subjects], (first, second))
            rows.append(row(symbol, comparing.compare(subjects, at, *span)))
        except DataError as error:
            refused.append({"symbol": symbol, "why": str(error)})
    if not rows:
        why = f"; {refused[0]['symbol']}: {refused[0]['why']}" if refused else ""
        raise DataError(f"compare-models: {first} and {second} have no symbol in common that can be compared{why}")
    counts = {state: sum(one["state"] == state for one in rows) for state in STATES}
    told = {"first": names[0], "second": names[1], "judged by": rows[0]["judged by"], **counts}
    return {
        "schema_version": SCHEMA, "verdict": verdict(told, len(rows)), "at": at, **told, "symbols": rows, "refused": refused,
        "only_first": sorted(homes[0].keys() - set(common)), "only_second": sorted(homes[1].keys() - set(common)),
    }  # fmt: skip


def named(names: Sequence[str], roots: Sequence[Path]) -> list[str]:
    """What the two are called: their recipes' names, or their folders where those are the same."""
    return list(names) if len(set(names)) == len(names) else [str(root) for root in roots]


def row(symbol: str, told: Told) -> Told:
    """What matters of the comparison of one symbol's two models."""
    (one,) = told["against_first"]
    state = {one["model"]: "better", one["first"]: "worse"}.get(one["better"], "undecided")
    kept = {name: told[name] for name in ("range", "rows", "dates")}
    models = [{name: model[name] for name in ("seeds", "looks", "measures")} for model in told["models"]]
    return {
        "symbol": symbol, "state": state, **kept, "judged by": one["judged by"], "models": models,
        "differences": one["differences"],
    }  # fmt: skip


def verdict(told: Told, count: int) -> str:
    """The first line: how often the second is better or worse than the first, beyond chance."""
    counts = ", ".join(f"{state} in {told[state]}" for state in STATES)
    many = "symbol" if count == 1 else "symbols"
    chance = "" if count < 3 else "; at 95 % each, so one in twenty is chance"
    return f"{told['second']} against {told['first']}, {count} {many}: {counts} ({told['judged by']}, paired by date{chance})."
