"""The state of a fold as plain arrays by name: written into checkpoints, compared with them, and taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.contracts import Rule
from engine.errors import DataError
from engine.loop import Engine

BUNDLES = ("account", "orders", "explicit")
State = dict[str, np.ndarray]


def capture(engine: Engine) -> State:
    """A copy of everything that later slices depend on, beside the tape itself."""
    out: State = {}
    for bundle in BUNDLES:
        columns, count = getattr(engine.book, bundle), int(engine.book.explicit.count[0])
        for name in columns._fields:
            array = getattr(columns, name)
            out[f"{bundle}.{name}"] = (
                array[..., :count].copy() if bundle == "explicit" and name != "count" else array.copy()
            )
    for name, kernel in (("rule", engine.strategy), ("shaper", engine.shaper), ("guard", engine.guard)):
        if name != "rule" or isinstance(kernel, Rule):
            out[f"{name}.state"] = kernel.state.copy()  # type: ignore[union-attr]
    last, log = engine.t - 1, engine.refused
    recent = log.t[: log.count[0]] == last
    for name in log._fields[:-1]:
        out[f"refused.{name}"] = getattr(log, name)[: log.count[0]][recent].copy()
    return out


def restore(engine: Engine, state: Mapping[str, np.ndarray]) -> None:
    """Take up a captured state in an engine of the same configuration."""
    count = int(state["explicit.count"][0])
    if count > len(engine.book.explicit.due):
        engine.book = engine.book.with_room(2 * count)
    for bundle in BUNDLES:
        columns = getattr(engine.book, bundle)
        for name in columns._fields:
            told, array = state[f"{bundle}.{name}"], getattr(columns, name)
            if bundle == "explicit" and name != "count":
                array = array[..., :count]
            _write(array, told, f"{bundle}.{name}")
    for name, kernel in (("rule", engine.strategy), ("shaper", engine.shaper), ("guard", engine.guard)):
        if f"{name}.state" in state:
            _write(kernel.state, state[f"{name}.state"], f"{name}.state")  # type: ignore[union-attr]
    restore_refused(engine, state)


def restore_refused(engine: Engine, state: Mapping[str, np.ndarray]) -> None:
    """The refusals of the last slice, which a Python strategy is told on the next."""
    from engine.orders import more_refusals

    count = len(state["refused.t"])
    engine.refused = more_refusals(engine.refused._replace(count=np.zeros(1, np.int64)), max(1, count))
    for name in engine.refused._fields[:-1]:
        getattr(engine.refused, name)[:count] = state[f"refused.{name}"]
    engine.refused.count[0] = count


def _write(array: np.ndarray, told: np.ndarray, name: str) -> None:
    if array.shape != np.shape(told):
        raise DataError(
            f"checkpoint: {name} has shape {np.shape(told)}, expected {array.shape}. Restart with the code that wrote it"
        )
    array[...] = told


def difference(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """The first array that differs and how, bit for bit (all NaN are equal); empty if none does."""
    for name in sorted(mine.keys() | theirs.keys()):
        if name not in mine or name not in theirs:
            return f"{name} is only in {'one' if name in mine else 'the other'}"
        one, other = np.asarray(mine[name]), np.asarray(theirs[name])
        if one.shape != other.shape:
            return f"{name} has shape {one.shape} and {other.shape}"
        floating = one.dtype.kind == "f"
        same = (one == other) | (np.isnan(one) & np.isnan(other)) if floating else one == other
        if not np.all(same):
            at = tuple(int(k[0]) for k in np.nonzero(~np.atleast_1d(same)))
            return f"{name}{list(at)} is {np.atleast_1d(one)[at]} and {np.atleast_1d(other)[at]}"
    return ""
