"""pydantic's ValidationError -> Problems at their places, in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from engine.config.kinds import MEMBERS
from engine.config.loader import Document, describe
from engine.config.models import (
    Caps,
    Config,
    Data,
    Execution,
    Exits,
    Exposure,
    InAtr,
    InverseVolatility,
    LosingStreak,
    OrderFile,
    PythonStrategy,
    Quintile,
    RiskPerTrade,
    RollingSharpe,
    SigmaLoss,
    Sizing,
    Switch,
    Switches,
    Threshold,
    Universe,
)
from engine.config.problems import MOST, At, Mark, Mistakes, Problem, nearest

Path_ = tuple[str | int, ...]
MODELS: dict[Path_, type[BaseModel]] = {
    (): Config, ("data",): Data, ("universe",): Universe, ("exits",): Exits, ("sizing",): Sizing, ("sizing", "exposure"): Exposure,
    ("caps",): Caps, ("switches",): Switches, ("switches", "max_drawdown"): Switch, ("switches", "daily_loss"): Switch,
    ("switches", "sigma_loss"): SigmaLoss, ("switches", "rolling_sharpe"): RollingSharpe, ("switches", "losing_streak"): LosingStreak,
    ("exits", "stop_loss"): InAtr, ("exits", "take_profit"): InAtr, ("exits", "trailing_stop"): InAtr,
    ("sizing", "inverse_volatility"): InverseVolatility, ("sizing", "atr"): RiskPerTrade, ("execution",): Execution,
}  # fmt: skip
HOMES: tuple[Path_, ...] = (*(path for path in MODELS if path), ("strategy",))
RULES: dict[Any, type[BaseModel]] = {"threshold": Threshold, "quintile": Quintile, "orders": OrderFile}


class Places:
    """Where the paths of a configuration stand: in its file, or in an override."""

    def __init__(self, document: Document, placed: Mapping[Path_, str]) -> None:
        self.document, self.placed = document, placed

    def find(self, path: Path_, key: bool = False) -> tuple[Mark, str]:
        """(mark, name of the place) of a path's value or `key`, or of the nearest thing above it that has a place."""
        marks = self.document.keys if key else self.document.values
        while True:
            for upto in range(len(path), 0, -1):
                if path[:upto] in self.placed:
                    return Mark(0, 0), self.placed[path[:upto]]
            if path in marks:
                return marks[path], ""
            below = [name for known, name in self.placed.items() if known[: len(path)] == path]
            if below and path:  # a section that only overrides have made
                return Mark(0, 0), below[0]
            path = path[:-1]

    def problem(self, path: Path_, message: str, key: bool = False, missing: bool = False) -> Problem:
        """`message` about what stands at `path`; a `missing` one is told where its section stands."""
        mark, source = self.find(path[:-1] if missing else path, key)
        return Problem(mark, ".".join(map(str, path)), message, source)

    def words(self, path: Path_) -> str:
        """` (line 5, column 7)` for the value at `path`; nothing where no file says it."""
        if path in self.placed:
            return f" ({self.placed[path]})"
        mark = self.document.values.get(path)
        return f" (line {mark.line}, column {mark.column})" if mark and mark.line else ""


def problems_of(error: ValidationError, places: Places) -> tuple[list[Problem], int]:
    """The problems that stand first, and how many more there are: a file of nonsense is not worked through to its end."""
    found: list[tuple[tuple[Mark, str], int, Path_, Any]] = []
    for item in error.errors(include_url=False):
        path = _path(places.document.data, item["loc"])
        found.append((places.find(path, key=item["type"] == "extra_forbidden"), len(found), path, item))
    found.sort(key=lambda entry: entry[:2])
    told = [problem for _, _, path, item in found[: 2 * MOST] for problem in _problems(places, path, item)]
    return told, max(0, len(found) - 2 * MOST)


def _path(data: Any, loc: Sequence[str | int]) -> Path_:
    """The path in the document that a pydantic location means; names of union members are not in the document."""
    items = list(loc[:1]) + list(loc[2:] if loc[:1] == ("strategy",) else loc[1:])  # the second is the rule's model
    items = [item for item in items if item not in MEMBERS]
    path: list[str | int] = []
    for k, item in enumerate(items):
        inside = item in data if isinstance(data, dict) else isinstance(data, list) and isinstance(item, int)
        if inside:
            data = data[item]
        if inside or k == len(items) - 1:
            path.append(item)
    return tuple(path)


def _problems(places: Places, path: Path_, item: Any) -> list[Problem]:
    kind = item["type"]
    cause = item["ctx"].get("error") if kind == "value_error" else None
    if isinstance(cause, At | Mistakes):
        return [_at(places, path, at) for at in (cause.items if isinstance(cause, Mistakes) else [cause])]
    if kind == "extra_forbidden":
        return [places.problem(path, _no_such_key(places.document.data, path), key=True)]
    if kind == "missing":
        return [places.problem(path, "missing; it must be said", missing=True)]
    return [places.problem(path, _said(kind, item))]


def _at(places: Places, section: Path_, at: At) -> Problem:
    path = (*section, *at.path)
    if path[-1] == "factor" and path not in places.document.values:
        path = (*path[:-1], "action")
    there = places.words((*section, *at.also)) if at.also else ""
    return places.problem(path, str(at).replace("{there}", there), key=at.unknown)


def _said(kind: str, item: Any) -> str:
    """What was expected, and what was there."""
    given, ctx = item.get("input"), item.get("ctx", {})
    got = f"got {describe(given)}"
    if kind == "value_error":
        return str(ctx["error"])
    if kind == "literal_error":
        known = ctx["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = nearest(given, known) if isinstance(given, str) else ""
        way = hint or (", write none" if given is None and "none" in known else "")
        return f"expected {_either(known)}, {got}{way}"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        way = "; leave the key out for the defaults" if given is None else ""
        return f"expected keys and values, {got}{way}"
    if kind == "string_pattern_mismatch":
        return f"expected letters, digits, dots, dashes and underscores (at most 80, a letter or digit first), {got}"
    if kind == "less_than_equal":
        return f"expected at most {ctx['le']:g}, {got}"
    return f"{item['msg'][0].lower()}{item['msg'][1:]}, {got}"


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _no_such_key(data: Any, path: Path_) -> str:
    """The nearest key that may stand here, else the section where this one belongs, and all that may stand here."""
    section, key = path[:-1], str(path[-1])
    known = list(_keys(data, section))
    near = nearest(key, known)
    if not near:
        homes = [
            f"to rule {rule}" for rule, model in RULES.items() if section == ("strategy",) and key in model.model_fields
        ]
        homes += [f"under {'.'.join(map(str, home))}" for home in HOMES if home != section and key in _keys(data, home)]
        near = f"; `{key}` belongs {_either(homes[:3])}." if homes else "."
    return f"no such key{near} It takes {', '.join(known)}."


def _keys(data: Any, section: Path_) -> Sequence[str]:
    if section == ("strategy",):
        strategy = data.get("strategy")
        rule = strategy.get("rule") if isinstance(strategy, dict) else None
        model = RULES.get(rule, PythonStrategy) if isinstance(rule, str) else PythonStrategy
        return list(model.model_fields)
    model_here = MODELS.get(section)
    return list(model_here.model_fields) if model_here else []
