"""What people and the feed forbid of one slice: pause, kill, locks, gaps, catching up. They shrink what a strategy may do.

A hold acts twice: on what waits, before the slice meets it, and on what is decided, after sizers and caps. Protective levels
are account state and act all the same. A run without commands has no holds: a backtest is that.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine import codes as c
from engine.account import Book, read_only
from engine.shapes import EQUITY, HALT, Desk, Plan
from engine.types import Bools

SLACK = 1e-12  # of a weight: a target this close to what is held asks for nothing


class Hold(NamedTuple):
    """The brake beside the switches' (GO, HALT, FLATTEN_ALL), and (N,) who may not grow and who must leave."""

    brake: int
    cancel: bool  # drop everything that waits
    barred: Bools  # no new or larger position
    leaving: Bools  # target 0 while it is held


def hold_waiting(hold: Hold, book: Book) -> None:
    """Orders that wait are dropped (`cancel`), or may only shrink positions: all under a brake, else those of names held."""
    orders, explicit, count = book.orders, book.explicit, int(book.explicit.count[0])
    if hold.cancel:
        orders.quantity[:] = np.nan
        explicit.count[0] = 0
    elif hold.brake & HALT:
        orders.reduce_only[:] = True
        explicit.reduce_only[:count] = True
    else:
        held = hold.barred | hold.leaving
        orders.reduce_only[:, held] = True
        explicit.reduce_only[:count] |= held[explicit.instrument[:count]]


def hold_targets(hold: Hold, desk: Desk) -> None:
    """Targets that open, grow or flip a barred name are taken away (a flip closes); who must leave gets 0.

    The rule has chosen by then: a barred name that it ranked high leaves its place empty.
    """
    account, codes, target, here = desk.account, desk.codes, desk.scratch.target, desk.scratch.has_bar
    worth = account.quantity * desk.bars.close * desk.specs.multiplier / account.money[EQUITY]
    with np.errstate(invalid="ignore"):
        grows = hold.barred & here & (np.abs(target) > np.abs(worth) + SLACK)
        flips = hold.barred & here & (target * worth < 0.0)
    grows &= ~flips
    flips &= account.quantity != 0.0
    target[grows], target[flips] = np.nan, 0.0
    _decided(codes, grows | flips, c.HALTED)
    leaves = hold.leaving & here & (account.quantity != 0.0)
    target[leaves] = 0.0
    _decided(codes, leaves, c.LEAVE)


def hold_plan(hold: Hold, plan: Plan) -> Plan:
    """The explicit orders of one slice, of which those of held names may only shrink a position."""
    held = hold.barred | hold.leaving
    return plan._replace(reduce_only=read_only(plan.reduce_only | held[plan.instrument]))


def _decided(codes: np.ndarray, who: Bools, decision: int) -> None:
    """Replace the decision of some names, keeping fates and notes."""
    codes[who] = (codes[who] & ~np.uint32(c.DECISION_MASK)) | np.uint32(decision)
