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
WORDS = {
    "missing": "removed",
    "noise": "replaced by noise",
    "shuffled": "shuffled",
    "scaled": "scaled, each name by a factor of its own",
    "cut": "cut off",
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
    draw = Generator(PCG64([seed, KINDS.index(kind), int(rows.argmax())]))
    bars = {"missing": _missing, "noise": _noise, "shuffled": _shuffled, "scaled": _scaled}[kind](panel, rows, draw)
    changed = {key: frozen(np.where(cells, bars[key], getattr(panel, key))) for key in (*PRICES, "volume")}
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
    empty = np.full(panel.close.shape, np.nan)
    return dict.fromkeys((*PRICES, "volume"), empty)


def _noise(panel: Panel, rows: Bools, draw: Generator) -> dict[str, Floats]:
    """Bars around each name's middle price, with ranges that hold their open and close."""
    count, n = int(rows.sum()), panel.close.shape[1]
    known = np.isfinite(panel.close)
    middle = np.array([np.median(panel.close[known[:, i], i]) if known[:, i].any() else 100.0 for i in range(n)])
    opened, closed = (middle * np.exp(0.5 * draw.standard_normal((count, n))) for _ in range(2))
    reach = 1.0 + 0.02 * draw.random((count, n))
    made = {
        "open": opened,
        "high": np.maximum(opened, closed) * reach,
        "low": np.minimum(opened, closed) / reach,
        "close": closed,
        "volume": 1e6 * np.exp(draw.standard_normal((count, n))),
    }
    return {key: _laid(getattr(panel, key), rows, values) for key, values in made.items()}


def _shuffled(panel: Panel, rows: Bools, draw: Generator) -> dict[str, Floats]:
    order = draw.permutation(int(rows.sum()))
    return {key: _laid(getattr(panel, key), rows, getattr(panel, key)[rows][order]) for key in (*PRICES, "volume")}


def _scaled(panel: Panel, rows: Bools, draw: Generator) -> dict[str, Floats]:
    factor = np.exp(draw.uniform(-1.0, 1.0, panel.close.shape[1]))
    bars = {key: getattr(panel, key) * factor for key in PRICES}
    return {**bars, "volume": panel.volume / factor}


def _laid(base: Floats, rows: Bools, values: Floats) -> Floats:
    out = base.copy()
    out[rows] = values
    return out
