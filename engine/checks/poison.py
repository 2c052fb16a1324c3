"""Poisoned bars: the same panel with some of its rows changed, so that whoever reads them gives himself away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import PCG64, Generator

from engine.data.actions import Actions
from engine.data.building import frozen
from engine.types import Bools, Floats

if TYPE_CHECKING:
    from engine.panel import Panel

KINDS = ("missing", "noise", "shuffled", "scaled")
VALUES = "values"  # noise where there are bars, and no bars where there are none: tells values from existence
WORDS = {
    "missing": "removed",
    "noise": "replaced by noise",
    "shuffled": "shuffled",
    "scaled": "scaled, each name by a factor of its own",
}
PRICES = ("open", "high", "low", "close")


def after(panel: Panel, t: int) -> Bools:
    """(T,) True on the rows after `t`."""
    return np.arange(len(panel)) > t


def poison(panel: Panel, rows: Bools, kind: str, seed: int, columns: Bools | None = None) -> Panel:
    """`panel` with the bars, actions and members of (T,) `rows` changed, in (N,) `columns` only where they are given.

    missing: no bars at all. noise: bars for every name, whether it had any or not. shuffled: the same slices in another order.
    scaled: each name's prices times one factor. Same seed, same bits; the other rows keep every bit.
    """
    who = np.ones(len(panel.universe), np.bool_) if columns is None else columns
    cells = rows[:, None] & who[None, :]
    draw = Generator(PCG64([seed, (*KINDS, VALUES).index(kind), int(rows.argmax())]))
    makers = {"missing": _missing, "noise": _noise, "shuffled": _shuffled, "scaled": _scaled, VALUES: _values}
    bars = makers[kind](panel, rows, draw)
    changed = {key: frozen(_laid(getattr(panel, key), rows, bars[key], who)) for key in (*PRICES, "volume")}
    a, universe = panel.actions, panel.universe
    keep = ~cells[a.row, a.instrument]
    actions = Actions.of(a.row[keep], a.instrument[keep], a.split[keep], a.dividend[keep], len(panel))
    later = who & (universe.delisted_at > panel.times[max(0, int(rows.argmax()) - 1)]) & rows[-1]
    universe = replace(
        universe,
        delisted_at=frozen(np.where(later, 0, universe.delisted_at)),
        terminal_value=frozen(np.where(later, np.nan, universe.terminal_value)),
    )
    return replace(
        panel, universe=universe, actions=actions, member=_members(panel, cells, kind, draw, rows), **changed
    )


def spoilt(forecasts: Floats, t: int, kind: str) -> Floats:
    """(T, N) forecasts with the rows after `t` changed in the manner of `kind`."""
    out = forecasts.copy()
    tail = out[t + 1 :]
    out[t + 1 :] = {"missing": tail * np.nan, "noise": -tail, "shuffled": tail[::-1], "scaled": 3.0 * tail}[kind]
    return out


def _members(panel: Panel, cells: Bools, kind: str, draw: Generator, rows: Bools) -> Bools | None:
    if panel.member is None:
        return None
    other = panel.member.copy()
    if kind == "missing":
        other[:] = False
    elif kind == "noise":
        other = draw.random(panel.member.shape) < 0.5
    elif kind == "shuffled":
        other[rows] = other[rows][::-1]
    out: Bools = frozen(np.where(cells, other, panel.member))
    return out


def _missing(panel: Panel, rows: Bools, draw: Generator) -> dict[str, Floats]:
    empty = np.full((int(rows.sum()), panel.close.shape[1]), np.nan)
    return dict.fromkeys((*PRICES, "volume"), empty)


def _noise(panel: Panel, rows: Bools, draw: Generator) -> dict[str, Floats]:
    """Bars around the last price each name had before, with ranges that hold their open and close."""
    count, n = int(rows.sum()), panel.close.shape[1]
    shape = (count, n)
    middle = last_known(panel.close[: int(rows.argmax())])
    opened, closed = (middle * np.exp(0.5 * draw.standard_normal(shape)) for _ in range(2))
    reach = 1.0 + 0.02 * draw.random(shape)
    return {
        "open": opened,
        "high": np.maximum(opened, closed) * reach,
        "low": np.minimum(opened, closed) / reach,
        "close": closed,
        "volume": 1e6 * np.exp(draw.standard_normal(shape)),
    }


def last_known(close: Floats) -> Floats:
    """(N,) each name's last close; 100 for one without any."""
    known = ~np.isnan(close)
    if not len(close):
        return np.full(close.shape[1], 100.0)
    row = len(close) - 1 - known[::-1].argmax(axis=0)
    return np.where(known.any(axis=0), close[row, np.arange(close.shape[1])], 100.0)


def _values(panel: Panel, rows: Bools, draw: Generator) -> dict[str, Floats]:
    none = np.isnan(panel.close[rows])
    return {key: np.where(none, np.nan, values) for key, values in _noise(panel, rows, draw).items()}


def _shuffled(panel: Panel, rows: Bools, draw: Generator) -> dict[str, Floats]:
    order = draw.permutation(int(rows.sum()))
    return {key: getattr(panel, key)[rows][order] for key in (*PRICES, "volume")}


def _scaled(panel: Panel, rows: Bools, draw: Generator) -> dict[str, Floats]:
    factor = np.exp(draw.uniform(-1.0, 1.0, panel.close.shape[1]))
    bars = {key: getattr(panel, key)[rows] * factor for key in PRICES}
    return {**bars, "volume": panel.volume[rows] / factor}


def _laid(base: Floats, rows: Bools, values: Floats, who: Bools) -> Floats:
    """A copy of `base` with `values` on some rows and columns."""
    out = base.copy()
    out[rows] = np.where(who, values, base[rows])
    return out
