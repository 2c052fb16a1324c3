"""Explicit orders where they meet one price, the open or the close; and what of them a range has touched."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.shapes import KIND_CLOSE, KIND_LIMIT, KIND_MARKET, KIND_STOP, KIND_STOP_LIMIT, Desk
from engine.step.growing import want
from engine.step.levels import beyond_stop, beyond_target
from engine.step.money import allowed, book, fee_of, slipped, stand_again


@inner(forceinline=False)
def at_limit(price: float, k: int, d: Desk) -> bool:
    """Whether `price` is as good as the limit of order `k`, or better: a buy waits for lower prices."""
    return beyond_stop(price, d.explicit.limit[k], d.explicit.quantity[k] > 0.0)


@inner(forceinline=False)
def at_trigger(price: float, k: int, d: Desk) -> bool:
    """Whether `price` has reached the trigger of order `k`: a buy waits for higher prices."""
    return beyond_target(price, d.explicit.stop[k], d.explicit.quantity[k] > 0.0)


@inner(forceinline=False)
def fills_at(at_close: bool, price: float, k: int, i: int, d: Desk) -> bool:
    """Whether order `k` fills at this open or close. A stop-limit that the open triggers is a limit from then on."""
    kind = d.explicit.kind[k]
    if at_close:
        return kind == KIND_CLOSE or (
            kind == KIND_MARKET and (d.rules.fill_at_close != 0.0 or math.isnan(d.bars.open[i]))
        )
    if kind == KIND_MARKET:
        return d.rules.fill_at_close == 0.0
    if kind == KIND_STOP_LIMIT and at_trigger(price, k, d):
        kind = KIND_LIMIT
        d.explicit.kind[k] = KIND_LIMIT
    if kind == KIND_LIMIT:
        return at_limit(price, k, d)
    return kind == KIND_STOP and at_trigger(price, k, d)


@inner(forceinline=False)
def lessen(k: int, price: float, slips: bool, d: Desk) -> None:
    """Fill the part of order `k` that shrinks what is held; explicit.quantity keeps the part that would open or grow.

    Participation cuts: the rest of a whole exit stands again as a market order, any other rest lapses.
    """
    explicit, account = d.explicit, d.account
    i, wanted = explicit.instrument[k], explicit.quantity[k]
    held = account.quantity[i]
    size = min(abs(held), abs(wanted))
    filled = allowed(i, size, d)
    sign = 1.0 if wanted > 0.0 else -1.0
    if filled > 0.0:
        quantity = sign * filled
        paid = slipped(i, quantity, price, d) if slips else price
        if slips and explicit.kind[k] == KIND_STOP_LIMIT:
            paid = min(paid, explicit.limit[k]) if wanted > 0.0 else max(paid, explicit.limit[k])
        fee = fee_of(quantity, paid, d.specs.multiplier[i], d.rules)
        book(i, quantity, paid, price, fee, c.REASON_EXPLICIT, d)
    explicit.quantity[k] = wanted - sign * size
    if filled < size:
        d.codes[i] |= np.uint32(c.PARTICIPATION)
        explicit.quantity[k] = 0.0
        if size == abs(held):
            stand_again(i, sign * (size - filled), c.REASON_EXPLICIT, d)
    if explicit.reduce_only[k]:
        explicit.quantity[k] = 0.0


@inner(forceinline=False)
def meet(at_close: bool, growing: int, d: Desk) -> int:
    """`growing` and the increases added, of the explicit orders that fill at this price; all that reduces fills first."""
    explicit, prices = d.explicit, d.bars.close if at_close else d.bars.open
    for k in range(explicit.count[0]):
        i = explicit.instrument[k]
        if explicit.due[k] != d.t:
            continue
        if not d.scratch.has_bar[i]:
            explicit.due[k] = -1
            d.codes[i] |= np.uint32(c.NO_BAR)
        elif not math.isnan(prices[i]) and fills_at(at_close, prices[i], k, i, d):
            if d.account.quantity[i] * explicit.quantity[k] < 0.0:
                lessen(k, prices[i], explicit.kind[k] != KIND_LIMIT, d)
            if explicit.quantity[k] == 0.0 or explicit.reduce_only[k]:
                explicit.due[k] = -1
    for k in range(explicit.count[0]):
        i = explicit.instrument[k]
        if explicit.due[k] == d.t and not math.isnan(prices[i]) and fills_at(at_close, prices[i], k, i, d):
            explicit.due[k] = -1
            growing = want(i, explicit.quantity[k], prices[i], explicit.kind[k] != KIND_LIMIT, k, growing, d)
    return growing


@inner(forceinline=False)
def touched(k: int, low: float, high: float, close: float, d: Desk) -> bool:
    """Whether order `k` fills inside a bar of this range."""
    explicit = d.explicit
    kind, buys = explicit.kind[k], explicit.quantity[k] > 0.0
    favourable, adverse = (low, high) if buys else (high, low)
    if kind == KIND_LIMIT:
        return at_limit(favourable, k, d)
    if kind == KIND_STOP:
        return at_trigger(adverse, k, d)
    if kind != KIND_STOP_LIMIT or not at_trigger(adverse, k, d):
        return False
    if rebounds(k, d):
        return at_limit(close, k, d)
    met = min(max(explicit.stop[k], low), high)  # without an open the range may begin beyond the limit
    return met <= explicit.limit[k] if buys else met >= explicit.limit[k]


@inner(forceinline=False)
def rebounds(k: int, d: Desk) -> bool:
    """Whether order `k` is a stop-limit whose price must come back from the trigger to the limit."""
    explicit = d.explicit
    if explicit.kind[k] != KIND_STOP_LIMIT:
        return False
    return explicit.limit[k] < explicit.stop[k] if explicit.quantity[k] > 0.0 else explicit.limit[k] > explicit.stop[k]


@inner(forceinline=False)
def slips_inside(k: int, d: Desk) -> bool:
    """Whether order `k` pays slippage inside the bar: stops do, and a stop-limit that fills at its trigger."""
    kind = d.explicit.kind[k]
    return kind == KIND_STOP or (kind == KIND_STOP_LIMIT and not rebounds(k, d))


@inner(forceinline=False)
def price_inside(k: int, low: float, high: float, d: Desk) -> float:
    """The price at which touched order `k` fills inside the bar, before slippage, held within the range."""
    level = d.explicit.stop[k] if slips_inside(k, d) else d.explicit.limit[k]
    return min(max(level, low), high)


@inner(forceinline=False)
def put_away(d: Desk) -> None:
    """Drop the explicit orders that are done with or have met their slice; those whose price was not reached expired."""
    explicit, kept = d.explicit, 0
    for k in range(explicit.count[0]):
        if explicit.due[k] == d.t:
            d.codes[explicit.instrument[k]] |= np.uint32(c.EXPIRED)
        if explicit.due[k] <= d.t:
            continue
        if kept != k:
            explicit.due[kept], explicit.instrument[kept] = explicit.due[k], explicit.instrument[k]
            explicit.quantity[kept], explicit.kind[kept] = explicit.quantity[k], explicit.kind[k]
            explicit.limit[kept], explicit.stop[kept] = explicit.limit[k], explicit.stop[k]
            explicit.reduce_only[kept] = explicit.reduce_only[k]
            for which in range(3):
                explicit.bracket[which, kept] = explicit.bracket[which, k]
                explicit.money[which, kept] = explicit.money[which, k]
        kept += 1
    explicit.count[0] = kept
