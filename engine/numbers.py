"""Numbers that somebody else gives: float64 from whatever holds numbers, and never from what merely looks like them."""

from __future__ import annotations

import numbers
from decimal import Decimal
from typing import Any

import numpy as np

from engine.types import Floats

KINDS = {"c": "complex numbers", "M": "dates", "m": "durations", "U": "text", "S": "text", "T": "text", "V": "records"}


def floats(values: Any) -> Floats:
    """A float64 array of `values`, shared where it is one already; None and NA are NaN. TypeError says what else is there."""
    array = np.asarray(values)
    if array.dtype.kind in "fiub":
        return array.astype(np.float64, copy=False)
    if array.dtype.kind != "O":
        raise TypeError(f"it holds {KINDS.get(array.dtype.kind, str(array.dtype))}")
    return np.array([_float(value) for value in array.reshape(-1).tolist()], np.float64).reshape(array.shape)


def _float(value: Any) -> float:
    if value is None or type(value).__name__ == "NAType":
        return float("nan")
    if isinstance(value, numbers.Real | Decimal):
        return float(value)
    raise TypeError(f"it holds {str(value)!r:.40}, a {type(value).__name__}")


def in_order(values: Any, symbols: tuple[str, ...]) -> Any:
    """`values` in the order of `symbols` where they carry labels (a Series, or the columns of a DataFrame); a symbol without
    one is NaN. ValueError for a label that is no symbol. Labels 0 to N - 1 say nothing, and the order stands.
    """
    if not hasattr(values, "reindex"):
        return values
    labels = values.columns if hasattr(values, "columns") else values.index
    names = [str(label) for label in labels]
    if names == list(symbols) or list(labels) == list(range(len(symbols))):
        return values
    strangers = [name for name in names if name not in set(symbols)]
    if strangers or len(set(names)) < len(names):
        odd = strangers[0] if strangers else next(name for name in names if names.count(name) > 1)
        raise ValueError(f"its label {odd!r} is {'no symbol of the run' if strangers else 'there twice'}")
    place = {name: k for k, name in enumerate(names)}
    given = floats(values)
    out = np.full((*given.shape[:-1], len(symbols)), np.nan)
    for k, symbol in enumerate(symbols):
        if symbol in place:
            out[..., k] = given[..., place[symbol]]
    return out
