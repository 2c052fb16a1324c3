"""Fills of two runs matched one by one: what is the same, what differs and by how much, each difference in one line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.types import Floats

if TYPE_CHECKING:
    from engine.panel import Panel

TOLERANCE = 1e-9  # relative, and absolute below 1: two sums of the same money in another order


class Execution(NamedTuple):
    """One fill of either side: slice, instrument, signed quantity, price with slippage, fee, and its side's word for why."""

    t: int
    instrument: int
    quantity: float
    price: float
    fee: float
    word: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs of one file have in common. A pair that differs in anything is one mismatch, so is a fill without a pair."""

    name: str
    first: str  # session
    last: str
    slices: int
    instruments: int
    ours: int  # fills
    theirs: int
    matched: int
    mismatched: int
    price: float  # the biggest differences between paired fills, absolute; 0 where there is no pair
    quantity: float
    fee: float
    equity: float  # and between the marked equity of any slice
    equity_agrees: bool
    differences: tuple[str, ...]  # in time, one line each

    @property
    def same(self) -> bool:
        """Whether every fill has its equal and equity agrees on every slice."""
        return self.mismatched == 0 and self.equity_agrees


def compare(
    name: str,
    panel: Panel,
    ours: Sequence[Execution],
    theirs: Sequence[Execution],
    equity: Floats,
    their_equity: Floats,
) -> Comparison:
    """The Comparison of two lists of fills, each in the order they happened, and of (T,) marked equity.

    Fills of one instrument on one slice are paired in their order; a fee, price or quantity is the same within 1e-9.
    """
    pairs = paired(ours, theirs)
    whole = [(a, b) for a, b in pairs if a is not None and b is not None]
    wrong = [pair for pair in pairs if not agree(*pair)]
    gaps = np.abs(equity - their_equity)
    return Comparison(
        name=name,
        first=str(panel.sessions[0]),
        last=str(panel.sessions[-1]),
        slices=len(panel),
        instruments=len(panel.universe),
        ours=len(ours),
        theirs=len(theirs),
        matched=len(pairs) - len(wrong),
        mismatched=len(wrong),
        price=max((abs(a.price - b.price) for a, b in whole), default=0.0),
        quantity=max((abs(a.quantity - b.quantity) for a, b in whole), default=0.0),
        fee=max((abs(a.fee - b.fee) for a, b in whole), default=0.0),
        equity=float(gaps.max(initial=0.0)),
        equity_agrees=bool((gaps <= TOLERANCE * np.maximum(1.0, np.abs(equity))).all()),
        differences=tuple(told(pair, panel) for pair in wrong),
    )


Pair = tuple[Execution | None, Execution | None]


def paired(ours: Sequence[Execution], theirs: Sequence[Execution]) -> list[Pair]:
    """Fills side by side, by slice and instrument; None where one side has no more."""
    sides: dict[tuple[int, int], tuple[list[Execution], list[Execution]]] = defaultdict(lambda: ([], []))
    for k, fills in enumerate((ours, theirs)):
        for fill in fills:
            sides[fill.t, fill.instrument][k].append(fill)
    return [pair for key in sorted(sides) for pair in zip_longest(*sides[key])]


def agree(one: Execution | None, other: Execution | None) -> bool:
    """Whether both are there and the same in quantity, price and fee."""
    if one is None or other is None:
        return False
    numbers = ((one.quantity, other.quantity), (one.price, other.price), (one.fee, other.fee))
    return all(abs(a - b) <= TOLERANCE * max(1.0, abs(a)) for a, b in numbers)


def told(pair: Pair, panel: Panel) -> str:
    """One difference in one line."""
    one, other = pair
    some = one if one is not None else other
    assert some is not None
    where = f"{panel.sessions[some.t]} {panel.universe.symbols[some.instrument]} (slice {some.t})"
    if one is None or other is None:
        return f"{where}: only {'barcast' if other is None else 'backtrader'} {deed(some)}"
    return f"{where}: barcast {deed(one)}, backtrader {deed(other)}"


def deed(fill: Execution) -> str:
    """A fill in words."""
    did = "bought" if fill.quantity > 0.0 else "sold"
    return f"{did} {abs(fill.quantity):,g} at {fill.price:.10g}, fee {fill.fee:.10g} ({fill.word})"
