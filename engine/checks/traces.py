"""Two runs held against each other: which decision, fill or mark differs first, and where."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from engine.checks.finding import alike, pair, slice_of
from engine.codes import describe
from engine.data.actions import Actions
from engine.data.building import frozen
from engine.types import Codes, Fills, Floats, Ints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.panel import Panel

FILL = ("instrument", "quantity", "price", "reference", "fee", "reason")


class Run(Protocol):
    """What is compared of a run."""

    @property
    def fills(self) -> Fills: ...
    @property
    def codes(self) -> Codes: ...
    @property
    def equity(self) -> Floats: ...


def told_apart(first: Run, second: Run, panel: Panel, rows: int, filled: int | None = None) -> tuple[str, str] | None:
    """What differs first, and where; None where every bit is the same. Decisions are compared on the slices before `rows`,
    fills and equity on those before `filled`, which is `rows` unless the bar that meets the last orders is known too.
    """
    late = rows if filled is None else filled
    tests = ((_answers, rows), (_codes, rows), (_fills, late), (_equity, late))
    found = [one for one in (test(first, second, panel, count) for test, count in tests) if one is not None]
    if not found:
        return None
    t, _, came, where = min(found, key=lambda one: (one[0], one[1]))
    return came, f"{where}{slice_of(panel, t)}"


Apart = tuple[int, int, str, str] | None  # slice, order among one slice's differences, what came, symbol


def _answers(first: Run, second: Run, panel: Panel, rows: int) -> Apart:
    one, two = (getattr(run, "answers", [])[:rows] for run in (first, second))
    for t, (a, b) in enumerate(zip(one, two, strict=False)):
        x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
        if x.shape != y.shape:
            return t, 0, f"the target had shape {x.shape}, now {y.shape}", ""
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        if not same.all():
            i = int(np.flatnonzero(~same)[0])
            return t, 0, "the target was {}, is {}".format(*pair(float(x[i]), float(y[i]))), _name(panel, i)
    return None


def _codes(first: Run, second: Run, panel: Panel, rows: int) -> Apart:
    count = min(len(first.codes), len(second.codes), rows)
    apart = np.argwhere(first.codes[:count] != second.codes[:count])
    if not len(apart):
        if min(len(first.codes), rows) != min(len(second.codes), rows):
            return count, 1, f"the run ended at slice {count}", ""
        return None
    t, i = (int(k) for k in apart[0])
    was, now = (_words(int(run.codes[t, i])) for run in (first, second))
    return t, 1, f"it was '{was}', is '{now}'; {len(apart):,} codes differ", _name(panel, i)


def _words(code: int) -> str:
    told = describe(code)
    fate = ", ".join(str(word) for word in told["fate"])  # type: ignore[attr-defined]
    return str(told["decision"]) + (f" ({fate})" if fate else "")


def _fills(first: Run, second: Run, panel: Panel, rows: int) -> Apart:
    one, two = (until(run.fills, rows) for run in (first, second))
    count = min(len(one), len(two))
    apart = np.zeros(count, np.bool_)
    for name in ("t", *FILL):
        apart |= getattr(one, name)[:count] != getattr(two, name)[:count]
    if len(one) == len(two) and not apart.any():
        return None
    k = int(apart.argmax()) if apart.any() else count
    if k < count and one.t[k] == two.t[k] and one.instrument[k] == two.instrument[k]:
        was, now = (f"{f.quantity[k]:.8g} at {f.price[k]:.8g}, fee {f.fee[k]:.8g}" for f in (one, two))
        return int(one.t[k]), 2, f"a fill was {was}, is {now}", _name(panel, int(one.instrument[k]))
    owner = min((f for f in (one, two) if k < len(f)), key=lambda f: int(f.t[k]))
    told = f"a fill of {owner.quantity[k]:.8g} is {'gone' if owner is one else 'new'}"
    return (
        int(owner.t[k]),
        2,
        f"{told} ({len(one):,} fills became {len(two):,})",
        _name(panel, int(owner.instrument[k])),
    )


def _equity(first: Run, second: Run, panel: Panel, rows: int) -> Apart:
    count = min(len(first.equity), len(second.equity), rows)
    apart = np.flatnonzero(first.equity[:count] != second.equity[:count])
    if not len(apart):
        return None
    t = int(apart[0])
    return t, 3, "equity was {}, is {}".format(*pair(float(first.equity[t]), float(second.equity[t]))), ""


def until(fills: Fills, rows: int) -> Fills:
    """The fills of the slices before `rows`."""
    keep = fills.t < rows
    return Fills(
        *(getattr(fills, name)[keep] for name in ("t", "instrument", "quantity", "price", "reference", "fee", "reason"))
    )


def _name(panel: Panel, column: int) -> str:
    return f"{panel.universe.symbols[column]}, "


def rename(panel: Panel, forecasts: Mapping[str, Floats], order: Ints) -> tuple[Panel, dict[str, Floats], Ints]:
    """The same bars and forecasts under other symbols: column j holds what was column order[j]; and `order` again."""
    place = np.argsort(order)
    a, u = panel.actions, panel.universe
    arrays = {key: frozen(getattr(panel, key)[:, order]) for key in ("open", "high", "low", "close", "volume")}
    kept = ("lot", "tick", "multiplier", "sector", "delisted_at", "terminal_value")
    universe = replace(u, **{key: frozen(getattr(u, key)[order]) for key in kept})
    actions = Actions.of(a.row, place[a.instrument], a.split, a.dividend, len(panel))
    member = None if panel.member is None else frozen(panel.member[:, order])
    renamed = replace(panel, universe=universe, actions=actions, member=member, **arrays)
    return renamed, {name: np.ascontiguousarray(values[:, order]) for name, values in forecasts.items()}, order


def unlike(first: Run, second: Run, order: Ints, panel: Panel) -> tuple[str, str] | None:
    """What differs between a run and its renamed twin, up to float noise, and where."""
    codes = first.codes[:, order] != second.codes
    if codes.any():
        t, j = (int(k) for k in np.argwhere(codes)[0])
        i = int(order[j])
        told = f"in column {i} it was '{_words(int(first.codes[t, i]))}', in column {j} '{_words(int(second.codes[t, j]))}'"
        return told, f"{_name(panel, i)}{slice_of(panel, t)}"
    one, two = (traded(run.fills, panel.close.shape) for run in (first, second))
    apart = ~alike(one[:, order], two)
    if apart.any():
        t, j = (int(k) for k in np.argwhere(apart)[0])
        i = int(order[j])
        told = f"in column {i} it traded {one[t, i]:.8g}, in column {j} {two[t, j]:.8g}"
        return told, f"{_name(panel, i)}{slice_of(panel, t)}"
    return None


def traded(fills: Fills, shape: tuple[int, ...]) -> Floats:
    """(T, N) quantity that changed hands."""
    out = np.zeros(shape)
    np.add.at(out, (fills.t, fills.instrument), fills.quantity)
    return out
