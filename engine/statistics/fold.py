"""The fold of fills into round trips: one pass over slices, fills in their order, bars of what is held.

Excursions are fractions of the average entry at the time, of prices alone:
  * a bar held from its open to its close counts whole: its low and high, its close where they are not known;
  * an entry at the open counts the whole bar, one at the close none of it, one inside the bar only the close;
  * an exit at the open or at a level counts its own price and nothing else of that bar: what came first is not known;
  * an exit at the close, or at the mark in ruin, counts the whole bar and its own price.
A fill is at the open, or at the close, if that is its reference price; where both are the same, at the open.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from engine import codes as c
from engine.compiled import njit
from engine.types import Floats, Ints

AT_OPEN, INSIDE, AT_CLOSE = 0, 1, 2
TINY = 1e-9  # a rest below this share of a lot is none, as in the step


class Legs(NamedTuple):
    """What the fold writes, one row per trade, in the order of their entries."""

    instrument: Ints
    side: Ints  # 1 long, -1 short
    largest: Floats  # units at entry
    entered: Floats  # units at entry, all increases
    entry_value: Floats  # money
    exited: Floats  # units at entry, all reductions
    exit_value: Floats  # money
    entry_row: Ints
    exit_row: Ints  # row of the last reduction, -1 none
    bars: Ints
    fees: Floats
    slippage: Floats
    dividends: Floats
    reason: Ints  # of the last reduction
    split: Floats
    mae: Floats
    mfe: Floats


class Held(NamedTuple):
    """What the fold knows of each instrument while it reads, (N,)."""

    trade: Ints  # row in Legs, -1 flat
    quantity: Floats
    entry: Floats  # average, moves on increases, stays on reductions
    counted: Ints  # the row up to which bars have been counted in the excursions
    inside: Ints  # the row of an entry inside a bar


class Tape(NamedTuple):
    """What the fold reads of the panel."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    action_row: Ints
    action_instrument: Ints
    action_split: Floats
    action_dividend: Floats
    lot: Floats
    multiplier: Floats


class FillColumns(NamedTuple):
    """engine.types.Fills as compiled code reads it."""

    t: Ints
    instrument: Ints
    quantity: Floats
    price: Floats
    reference: Floats
    fee: Floats
    reason: Ints


@njit()
def excursion(k: int, price: float, entry: float, legs: Legs) -> None:
    """Widen the excursions of trade `k` by a price seen while it was held."""
    gain = legs.side[k] * (price / entry - 1.0)
    legs.mae[k] = min(legs.mae[k], gain)
    legs.mfe[k] = max(legs.mfe[k], gain)


@njit()
def count_bar(t: int, i: int, tape: Tape, held: Held, legs: Legs) -> None:
    """Count bar `t` in the trade held of `i`, once; nothing where there is no bar."""
    close = tape.close[t, i]
    if held.counted[i] >= t or math.isnan(close):
        return
    held.counted[i] = t
    k, entry = held.trade[i], held.entry[i]
    excursion(k, close, entry, legs)
    if held.inside[i] != t and not math.isnan(tape.low[t, i]) and not math.isnan(tape.high[t, i]):
        excursion(k, tape.low[t, i], entry, legs)
        excursion(k, tape.high[t, i], entry, legs)


@njit()
def begin(k: int, t: int, i: int, side: int, held: Held, legs: Legs) -> None:
    """Open trade `k`."""
    held.trade[i] = k
    legs.instrument[k] = i
    legs.side[k] = side
    legs.largest[k] = 0.0
    legs.entered[k] = 0.0
    legs.entry_value[k] = 0.0
    legs.exited[k] = 0.0
    legs.exit_value[k] = 0.0
    legs.entry_row[k] = t
    legs.exit_row[k] = -1
    legs.bars[k] = 0
    legs.fees[k] = 0.0
    legs.slippage[k] = 0.0
    legs.dividends[k] = 0.0
    legs.reason[k] = 0
    legs.split[k] = 1.0
    legs.mae[k] = 0.0
    legs.mfe[k] = 0.0


@njit()
def finish(t: int, i: int, tape: Tape, held: Held, legs: Legs) -> None:
    """Close the trade held of `i`; its last bar counts as held if it exists."""
    if not math.isnan(tape.close[t, i]):
        legs.bars[held.trade[i]] += 1
    held.trade[i] = -1
    held.quantity[i] = 0.0


@njit()
def grow(quantity: float, price: float, i: int, unit: float, held: Held, legs: Legs) -> None:
    """Add a fill to the trade held of `i`."""
    k, before = held.trade[i], held.quantity[i]
    after = before + quantity
    held.entry[i] = price if before == 0.0 else (held.entry[i] * before + price * quantity) / after
    held.quantity[i] = after
    legs.entered[k] += abs(quantity) / legs.split[k]
    legs.entry_value[k] += abs(quantity) * price * unit
    legs.largest[k] = max(legs.largest[k], abs(after) / legs.split[k])


@njit()
def shrink(f: int, quantity: float, i: int, unit: float, fills: FillColumns, held: Held, legs: Legs) -> None:
    """Take a fill, or its part that reduces, from the trade held of `i`."""
    k = held.trade[i]
    legs.exited[k] += abs(quantity) / legs.split[k]
    legs.exit_value[k] += abs(quantity) * fills.price[f] * unit
    legs.exit_row[k] = fills.t[f]
    legs.reason[k] = fills.reason[f]
    excursion(k, fills.price[f], held.entry[i], legs)


@njit()
def where(f: int, fills: FillColumns, tape: Tape) -> int:
    """Whether a fill happened at the open, inside the bar, or at the close (the marks of ruin are closes)."""
    t, i, reason = fills.t[f], fills.instrument[f], fills.reason[f]
    if reason == c.REASON_TIME or reason == c.REASON_RUIN:
        return AT_CLOSE
    if reason == c.REASON_SPLIT_CASH or reason == c.REASON_DEATH or fills.reference[f] == tape.open[t, i]:
        return AT_OPEN
    return AT_CLOSE if fills.reference[f] == tape.close[t, i] else INSIDE


@njit()
def rest(after: float, before: float, lot: float) -> float:
    """What is left of a position after a fill; 0 where it is only rounding."""
    small = TINY * lot if lot > 0.0 else 1e-12 * abs(before)
    return after if abs(after) > small else 0.0


@njit()
def charge(k: int, share: float, f: int, unit: float, fills: FillColumns, legs: Legs) -> None:
    """Charge trade `k` with its share of a fill's fee and slippage."""
    legs.fees[k] += share * fills.fee[f]
    legs.slippage[k] += share * fills.quantity[f] * (fills.price[f] - fills.reference[f]) * unit


@njit()
def take(f: int, count: int, fills: FillColumns, tape: Tape, held: Held, legs: Legs) -> int:
    """The number of trades after fill `f`, `count` before it."""
    t, i, quantity = fills.t[f], fills.instrument[f], fills.quantity[f]
    if quantity == 0.0:
        return count
    unit, place = tape.multiplier[i], where(f, fills, tape)
    if held.trade[i] >= 0 and place == AT_CLOSE:
        count_bar(t, i, tape, held, legs)
    before = held.quantity[i]
    opening = quantity
    if before * quantity < 0.0:
        after = rest(before + quantity, before, tape.lot[i])
        closing = -before if before * after < 0.0 else quantity
        opening = after if before * after < 0.0 else 0.0
        k = held.trade[i]
        shrink(f, closing, i, unit, fills, held, legs)
        charge(k, closing / quantity, f, unit, fills, legs)
        held.quantity[i] = after
        if opening == 0.0 and after != 0.0:
            return count
        finish(t, i, tape, held, legs)
    if opening == 0.0:
        return count
    if held.trade[i] < 0:
        begin(count, t, i, 1 if opening > 0.0 else -1, held, legs)
        held.counted[i] = t if place == AT_CLOSE else t - 1
        held.inside[i] = t if place == INSIDE else -1
        count += 1
    charge(held.trade[i], opening / quantity, f, unit, fills, legs)
    grow(opening, fills.price[f], i, unit, held, legs)
    return count


@njit()
def split(a: int, tape: Tape, held: Held, legs: Legs) -> None:
    """Restate what is held in new shares; a rounding rest below a lot is dropped, as the step drops it."""
    i, ratio = tape.action_instrument[a], tape.action_split[a]
    if held.trade[i] < 0 or ratio == 1.0:
        return
    quantity, lot = held.quantity[i] * ratio, tape.lot[i]
    whole = math.floor(abs(quantity) / lot + TINY) * lot if lot > 0.0 else abs(quantity)
    if abs(abs(quantity) - whole) <= TINY * lot:
        quantity = math.copysign(whole, quantity)
    held.quantity[i] = quantity
    held.entry[i] /= ratio
    legs.split[held.trade[i]] *= ratio


@njit()
def fold(rows: int, fills: FillColumns, tape: Tape, held: Held, legs: Legs) -> int:
    """The number of trades in `fills` (rows ascending), written to `legs`; `held` keeps what is open after `rows`."""
    f, a, count = 0, 0, 0
    for t in range(rows):
        while a < tape.action_row.shape[0] and tape.action_row[a] == t:
            i = tape.action_instrument[a]
            split(a, tape, held, legs)
            while (
                f < fills.t.shape[0]
                and fills.t[f] == t
                and fills.instrument[f] == i
                and fills.reason[f] == c.REASON_SPLIT_CASH
            ):
                count = take(f, count, fills, tape, held, legs)
                f += 1
            if held.trade[i] >= 0:
                legs.dividends[held.trade[i]] += held.quantity[i] * tape.action_dividend[a] * tape.multiplier[i]
            a += 1
        while f < fills.t.shape[0] and fills.t[f] == t:
            count = take(f, count, fills, tape, held, legs)
            f += 1
        for i in range(tape.close.shape[1]):
            if held.trade[i] >= 0 and not math.isnan(tape.close[t, i]):
                legs.bars[held.trade[i]] += 1
                count_bar(t, i, tape, held, legs)
    return count
