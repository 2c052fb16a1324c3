"""Protective levels: where they lie, whether they guard now, and what happens when one acts."""

from __future__ import annotations

import math

from engine import codes
from tests.reference.account import (
    Distance,
    Exits,
    State,
    close_out,
    reaches_down,
    reaches_up,
    round_to_tick,
)
from tests.reference.interface import NAN, Atr
from tests.reference.measures import wilder

NAMES = ("stop_loss", "take_profit", "trailing_stop")


def average_true_range(state: State, i: int, window: int) -> float:
    """Instrument i's average true range in today's money, this bar included; NaN while it is not known."""
    holding = state.holdings[i]
    return wilder(holding.true_ranges, window) / holding.adjusted * holding.mark


def exits_of_file(state: State, i: int) -> Exits:
    """The configured distances, those in ATR frozen at what they are now; a level that is off is left out."""
    exits: Exits = {}
    for name in NAMES:
        wanted = getattr(state.config, name)
        if isinstance(wanted, Atr):
            size = wanted.multiple * average_true_range(state, i, wanted.window)
            if not math.isnan(size):
                exits[name] = Distance(size, True)
        elif wanted is not None:
            exits[name] = Distance(wanted, False)
    return exits


def stop_of(state: State, i: int) -> tuple[float, int]:
    """(the tightest stop-side level, its fill reason); NaN where there is none."""
    holding, tick = state.holdings[i], state.market.tick[i]
    sign = math.copysign(1.0, holding.quantity)
    found: list[tuple[float, int]] = []
    if "stop_loss" in holding.exits:
        found.append((holding.exits["stop_loss"].level(holding.basis, -sign), codes.REASON_STOP))
    if "trailing_stop" in holding.exits:
        found.append((holding.exits["trailing_stop"].level(holding.extreme, -sign), codes.REASON_TRAIL))
    if holding.armed:
        found.append((holding.basis, codes.REASON_BREAK_EVEN))
    rounded = [(round_to_tick(level, tick, sign > 0), reason) for level, reason in found]
    return max(rounded, key=lambda pair: sign * pair[0], default=(NAN, 0))


def target_of(state: State, i: int) -> float:
    """The take-profit level; NaN where there is none."""
    holding = state.holdings[i]
    if "take_profit" not in holding.exits:
        return NAN
    sign = math.copysign(1.0, holding.quantity)
    return round_to_tick(holding.exits["take_profit"].level(holding.basis, sign), state.market.tick[i], sign < 0)


def protected(state: State, i: int) -> bool:
    """Whether levels guard instrument i now: held, a bar, not yet acted, and past its entry bar if that is exempt."""
    holding = state.holdings[i]
    if not holding.quantity or not state.has_bar(i) or i in state.exited:
        return False
    return state.config.entry_bar_protection or holding.entry_t != state.t


def cancel(state: State, i: int) -> None:
    """Nothing; drops all that waits for instrument i in this slice, and its explicit orders for later ones."""
    dropped = state.due.pop(i, None) is not None
    for lines in [state.lines, *state.explicit.values()]:
        kept = [line for line in lines if line.i != i]
        dropped = dropped or len(kept) < len(lines)
        lines[:] = kept
    if dropped:
        state.flag(i, codes.CANCELLED)


def protect(state: State, i: int, reference: float, reason: int) -> None:
    """Nothing; a level acts: it cancels the instrument's other orders and closes the position."""
    cancel(state, i)
    state.exited.add(i)
    close_out(state, i, reference, reason, reason != codes.REASON_TARGET, False)


def protect_at(state: State, i: int, price: float) -> None:
    """Nothing; fills at this very price the level that it has reached, the stop side first."""
    long = state.holdings[i].quantity > 0
    stop, reason = stop_of(state, i)
    target = target_of(state, i)
    if reaches_down(price, stop) if long else reaches_up(price, stop):
        protect(state, i, price, reason)
    elif reaches_up(price, target) if long else reaches_down(price, target):
        protect(state, i, price, codes.REASON_TARGET)
